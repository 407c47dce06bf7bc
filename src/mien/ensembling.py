"""An ensemble of finished trainings: one bundle of several networks, scored as each of them was."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mien.config.ensemble import EnsembleConfig
from mien.config.load import from_yaml, to_yaml
from mien.config.schema import BackboneConfig, HeadConfig, TrainerConfig
from mien.data.decode import skipped
from mien.data.split import parts_used
from mien.endtoend.stage import fingerprint
from mien.environment import ENVIRONMENT_FILE, commits, describe, note_start, versions
from mien.errors import ConfigError, RunFolderError
from mien.files import read_json, read_yaml, write_text
from mien.models.bundle import Bundle
from mien.models.ensemble import NAME, Ensemble, Member
from mien.models.factory import Classifier
from mien.opening import open_for_training
from mien.report.run import kept_epoch
from mien.report.wording import percent
from mien.results import RESULTS_FILE, RunResult
from mien.runs import CONFIG_FILE, DATA_FILE, has_work, model_id, note_skipped, owned, write_data
from mien.scoring import Call, Photos, Scored, score, write_scores
from mien.stages import decode, exam_of, photos_of
from mien.training.trainer import check_devices
from mien.types import DataSpec, InputSpec
from mien.world import device_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finished:
    """A finished training: its folder, its bundle and its result."""

    folder: Path
    bundle: Bundle
    result: RunResult

    @classmethod
    def load(cls, folder: Path) -> "Finished":
        """Read a run.

        Raises:
            RunFolderError: It is not finished, or holds no bundle.
            WeightsError: Its weights do not fit its network.
        """
        return cls(folder, Bundle.load(folder), RunResult.load(folder))

    @property
    def model(self) -> str:
        """What it was trained with but for its seed; of older runs, which do not say, worked out."""
        about = self.bundle.about
        return self.result.model or model_id(about["config"], about["dataset"]["fingerprint"])

    @property
    def words(self) -> str:
        """The run in a line: folder, network, seed, the epoch kept, its score, where and how it was trained."""
        run, said = self.result, [f"{self.folder.name}: {self.result.backbone}, seed {self.result.seed}"]
        said.append(f"epoch {kept_epoch(run)} of {run.epochs}")
        if run.test is not None:
            said.append(f"{percent(run.test.accuracy)} on {run.dataset['name']}, {run.protocol['report']}")
        where = read_json(self.folder / ENVIRONMENT_FILE)
        device = ", ".join(where["hardware"]["gpus"]) or where["hardware"]["cpu"]
        precision = f", {where['precision']}" if "precision" in where else ""
        return f"{', '.join(said)}; trained at commit {', '.join(commits(where))} on {device}{precision}"


def check_place(folder: Path, runs: Sequence[Finished]) -> None:
    """Refuse a folder that holds something else than an ensemble of these runs.

    Raises:
        RunFolderError: It does.
    """
    if not has_work(folder):
        return
    held = read_yaml(folder / CONFIG_FILE)
    if not isinstance(held, dict) or held.get("runs") != _names(runs):
        raise RunFolderError(f"{folder} holds another run; choose another place with output=<folder>")


def score_ensemble(
    bundle: Bundle, runs: Sequence[Finished], folder: Path, config: EnsembleConfig, call: Call | None = None
) -> RunResult:
    """Score an ensemble on the data and whole photos of its first member, by that one's detector, and keep it.

    Args:
        bundle: The ensemble, as :func:`join` gives it.
        runs: Its members.
        folder: Where bundle, results, predictions and plots go.
        config: How it was asked for.
        call: How it was started.

    Raises:
        MienError: The data or photos are gone, or are others than those that the members were scored on.
    """
    call, protocol = call or Call(), bundle.about["protocol"]
    check_devices(TrainerConfig(accelerator=config.accelerator))
    own = from_yaml(runs[0].folder / CONFIG_FILE)
    own.trainer.accelerator = config.accelerator
    with owned(folder):
        opened = open_for_training(own.dataset, own.protocol)
        used = parts_used(protocol["selection"], protocol["report"])
        data, photos = opened.source.spec(used), photos_of(own, bundle.labels)
        _check_same(runs, data, photos)
        parts = {split: part for split, part in opened.source.parts.items() if split in used and split != "train"}
        decoded = decode(own, parts, bundle.spec, photos[1])
        (folder / RESULTS_FILE).unlink(missing_ok=True)
        write_text(folder / CONFIG_FILE, to_yaml(replace(config, runs=_names(runs), sweep=None)))
        write_data(folder, data, opened.leaks)
        note_skipped(folder, skipped(parts, decoded))
        note_start(folder, describe(call.command, bundle.about["seed"]), goes_on=False)
        exam = exam_of(own, opened, decoded, photos)
        seconds = {"fit": sum(run.result.seconds["fit"] for run in runs)}
        scored = score(bundle, exam, device_of(config.accelerator), call, seconds)
        _tell(scored, runs)
        write_scores(folder, exam, scored, bundle)
    return scored.result


def _names(runs: Sequence[Finished]) -> list[str]:
    return [str(run.folder) for run in runs]


def _check_same(runs: Sequence[Finished], data: DataSpec, photos: Photos) -> None:
    """Raises RunFolderError where a member was scored on other images or photos than those that are there now."""
    for run in runs:
        saved, faces = read_json(run.folder / DATA_FILE), run.result.end_to_end
        if saved["fingerprint"] != data.fingerprint or saved.get("content", data.content) != data.content:
            raise RunFolderError(f"{run.folder}: the data set that it was trained on has changed since")
        if photos[0] is not None and faces is not None and faces.fingerprint not in ("", fingerprint(photos[0])):
            raise RunFolderError(f"{run.folder}: the whole photos that it was scored on are others now")


def join(runs: Sequence[Finished]) -> Bundle:
    """The bundle of an ensemble.

    Raises:
        ConfigError: The runs do not go together; all that is wrong, at once.
    """
    problems = list(_problems(runs))
    if problems:
        raise ConfigError(problems)
    first, bundles = runs[0].bundle, [run.bundle for run in runs]
    members = tuple(Member(one.backbone, one.head, one.spec) for one in bundles)
    networks = [one.classifier for one in bundles if isinstance(one.classifier, Classifier)]
    channels = first.spec.channels
    size = max(member.spec.size for member in members)
    spec = InputSpec(size, channels, (0.0,) * channels, (1.0,) * channels)  # each resizes and normalises for itself
    backbone = BackboneConfig(
        NAME,
        weights=", ".join(sorted({one.backbone.weights for one in bundles})),
        image_size=spec.size,
        channels=channels,
        mean=list(spec.mean),
        std=list(spec.std),
    )
    head = HeadConfig("auto")
    same = sorted(f"{run.model}, seed {run.result.seed}" for run in runs)
    about = first.about | {
        "epochs": max(run.result.epochs for run in runs),
        "selection": None,
        "trainable_parameters": sum(run.result.trainable_parameters for run in runs),
        "config": first.about["config"] | {"backbone": asdict(backbone), "head": asdict(head), "members": same},
        "versions": versions(),
        "members": [run.words for run in runs],
    }
    together = Ensemble(networks, [member.spec for member in members])
    return replace(
        first,
        classifier=together.eval(),
        spec=spec,
        backbone=backbone,
        head=head,
        about={key: value for key, value in about.items() if key != "test"},
        members=members,
    )


def _problems(runs: Sequence[Finished]) -> Iterator[str]:
    """What keeps runs from being joined."""
    if len(runs) < 2:
        yield f"runs: expected two finished trainings or more, got {len(runs)}"
    joined = [str(run.folder) for run in runs if run.bundle.members]
    if joined:
        yield f"runs: {', '.join(joined)}: an ensemble already; pass its members"
    first = _shared(runs[0]) if runs else {}
    for run in runs[1:]:
        for key, value in _shared(run).items():
            if value != first[key]:
                got = f"{runs[0].folder} has {_short(first[key])}, {run.folder} has {_short(value)}"
                yield f"runs: expected the same {key} in all; {got}"


def _shared(run: Finished) -> dict[str, Any]:
    """What the members of an ensemble have in common, by name."""
    bundle = run.bundle
    protocol = bundle.about["protocol"]
    return {
        "classes": list(bundle.labels),
        "channels": bundle.spec.channels,
        "size, for ten crops or study A's faces": bundle.spec.size if _fixed_size(bundle) else "any",
        "crop rule": bundle.crop.to_dict(),
        "data (fingerprint)": bundle.about["dataset"]["fingerprint"],
        "dataset.faces": _faces(bundle),
        "protocol": {key: protocol.get(key) or False for key in _RULES},
    }


def _fixed_size(bundle: Bundle) -> bool:
    """Whether a member's images cannot be made of larger ones: cut to its size, or squeezed by nearest neighbour."""
    return bool(bundle.ten_crop) or bundle.crop.preprocess == "study_a"


def _faces(bundle: Bundle) -> object:
    """How the faces of a member's images were found: not at all, or by which detector."""
    config = bundle.about["config"]
    found = config["dataset"].get("faces", "given")
    return found if found == "given" else {"faces": found, "detector": config["detector"]}


_RULES = ("name", "selection", "report", "flip_average", "ten_crop", "report_curve")
"""Of a protocol; by what and which epoch is kept is a member's own."""


def _short(value: object) -> str:
    return value[:16] if isinstance(value, str) and len(value) == 64 else str(value)


def _tell(scored: Scored, runs: Sequence[Finished]) -> None:
    """Log the members, and the ensemble's accuracy on the selection split, by which ensembles may be chosen."""
    for run in runs:
        log.info("%s: %s", run.folder, run.words)
    if scored.selection is not None:
        right = float((scored.selection["label"] == scored.selection["predicted"]).mean())
        split = scored.result.protocol["selection"]
        log.info("the ensemble on %s, by which ensembles may be chosen: %s", split, percent(right))
