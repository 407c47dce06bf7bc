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
from mien.environment import describe, note_start, versions
from mien.errors import ConfigError, RunFolderError
from mien.files import write_text
from mien.models.bundle import Bundle
from mien.models.ensemble import NAME, Ensemble, Member
from mien.models.factory import Classifier
from mien.opening import open_for_training
from mien.report.wording import percent
from mien.results import RESULTS_FILE, RunResult
from mien.runs import CONFIG_FILE, note_skipped, owned, write_data
from mien.scoring import Call, Scored, score, write_scores
from mien.stages import decode, exam_of, photos_of
from mien.training.trainer import check_devices
from mien.types import InputSpec, SplitName
from mien.world import device_of

log = logging.getLogger(__name__)
_NO_PATH = ("none", "imagenet")


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
    def words(self) -> str:
        """The run in a few words: its network, its seed, and its scores."""
        run, said = self.result, [f"{self.result.backbone}, seed {self.result.seed}"]
        if run.selection is not None:
            said.append(f"epoch {run.selection.epoch} of {run.epochs}")
        if run.test is not None:
            said.append(f"{percent(run.test.accuracy)} on {run.protocol['report']}")
        return ", ".join(said)


def score_ensemble(
    bundle: Bundle, runs: Sequence[Finished], folder: Path, config: EnsembleConfig, call: Call | None = None
) -> RunResult:
    """Score an ensemble on the data and whole photos of its first member, and keep it.

    Args:
        bundle: The ensemble, as :func:`join` gives it.
        runs: Its members.
        folder: Where bundle, results, predictions and plots go.
        config: How it was asked for.
        call: How it was started.

    Raises:
        MienError: The data or photos are gone, or have changed since.
    """
    call, first = call or Call(), runs[0].folder
    check_devices(TrainerConfig(accelerator=config.accelerator))
    own = from_yaml(first / CONFIG_FILE)
    own.trainer.accelerator = config.accelerator
    with owned(folder):
        (folder / RESULTS_FILE).unlink(missing_ok=True)
        opened = open_for_training(own.dataset, own.protocol)
        if opened.source.spec().fingerprint != bundle.about["dataset"]["fingerprint"]:
            raise RunFolderError(f"{first}: the data set that it was trained on has changed since")
        photos = photos_of(own, bundle.labels)
        held_out = set(parts_used(own.protocol.selection, own.protocol.report)) - {SplitName.TRAIN}
        parts = {split: part for split, part in opened.source.parts.items() if split in held_out}
        decoded = decode(own, parts, bundle.spec, photos[1])
        write_text(folder / CONFIG_FILE, to_yaml(replace(config, runs=[str(run.folder) for run in runs], sweep=None)))
        write_data(folder, opened.source.spec(), opened.leaks)
        note_skipped(folder, skipped(parts, decoded))
        note_start(folder, describe(call.command, bundle.about["seed"]), goes_on=False)
        exam = exam_of(own, opened, decoded, photos)
        seconds = {"fit": sum(run.result.seconds["fit"] for run in runs)}
        scored = score(bundle, exam, device_of(config.accelerator), call, seconds)
        _tell(scored, runs)
        write_scores(folder, exam, scored, bundle)
    return scored.result


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
    spec = InputSpec(first.spec.size, channels, (0.0,) * channels, (1.0,) * channels)  # each normalises for itself
    weights = [str(one.backbone.weights) for one in bundles]
    backbone = BackboneConfig(
        NAME,
        weights=next((name for name in weights if name not in _NO_PATH), weights[0]),
        image_size=spec.size,
        channels=channels,
        mean=list(spec.mean),
        std=list(spec.std),
    )
    head = HeadConfig("auto")
    same = [f"{run.result.model}, seed {run.result.seed}" for run in runs]
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
        "input": f"{bundle.spec.size} px, {bundle.spec.channels} channels",
        "crop rule": bundle.crop.to_dict(),
        "data (fingerprint)": bundle.about["dataset"]["fingerprint"],
        "dataset.faces": bundle.about["config"]["dataset"].get("faces", "given"),
        "protocol": {key: protocol.get(key) or False for key in _RULES},
    }


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
