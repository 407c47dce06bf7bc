"""Typed results and their JSON form, the contract that reports and scripts rely on. No torch needed.

Accuracies are fractions in 0..1; ``None`` stands for a value that is not defined, such as the recall of a class
without a sample.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mien.errors import RunFolderError
from mien.face_results import EndToEndResult
from mien.files import read_json, typed, write_json

SCHEMA = 1
RESULTS_FILE = "results.json"


@dataclass(frozen=True)
class ClassScore:
    """One class of a test: recall, precision and F1 (``None`` where undefined), and support, its number of samples."""

    label: str
    recall: float | None
    precision: float | None
    f1: float | None
    support: int


@dataclass(frozen=True)
class SetScore:
    """One of the sets of a mix: its name there, and its own scores, as those of :class:`EvalResult`."""

    name: str
    n: int
    accuracy: float
    accuracy_ci95: tuple[float, float]
    macro_recall: float


@dataclass(frozen=True)
class LeakFreeScore:
    """Scores on the images of a split that do not stand in the data set's train part: byte for byte, or nearly.

    That part is the one before a validation part is cut from it: an image that went there was not trained on, but the
    epoch was chosen on it. So the images left are the same under every protocol. A validation part that was cut from
    train shares no image with the rest.

    Attributes:
        n: Number of these images.
        accuracy: Share of right predictions; ``None`` where no image is left.
        accuracy_ci95: Wilson 95 % interval of the accuracy.
        macro_recall: Mean recall of the classes present; ``None`` where no image is left.
        leaked: Number of the other images.
    """

    n: int
    accuracy: float | None
    accuracy_ci95: tuple[float, float]
    macro_recall: float | None
    leaked: int


@dataclass(frozen=True)
class EvalResult:
    """Scores of one model on one split.

    Attributes:
        n: Number of samples, each counted once.
        accuracy: Share of right predictions.
        accuracy_ci95: Wilson 95 % interval of the accuracy.
        macro_recall: Mean recall of the classes present.
        macro_f1: Mean F1 of the classes present.
        ece: Expected calibration error, 15 equal bins, L1.
        loss: Mean cross entropy.
        per_class: One entry a class, in label order.
        confusion: (K, K) counts, rows true, columns predicted.
        per_set: One entry a set where the data are a mix of several (``dataset=mixed``), else none.
        leak_free: Scores without the images that stand in train too; ``None`` where the split is train, the train part
            is unknown, or the result is from before there was this.
        copy_free: Scores without the images that have a copy in train, byte for byte or nearly, as an audit of the data
            (``audit.py``) found them; ``None`` where there was none.
    """

    n: int
    accuracy: float
    accuracy_ci95: tuple[float, float]
    macro_recall: float
    macro_f1: float
    ece: float
    loss: float
    per_class: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    per_set: tuple[SetScore, ...] = ()
    leak_free: LeakFreeScore | None = None
    copy_free: LeakFreeScore | None = None


@dataclass(frozen=True)
class SelectionScore:
    """What the epoch was chosen by: split, monitored metric, its best value, and the epoch (counted from 1)."""

    split: str
    monitor: str
    value: float
    epoch: int


@dataclass(frozen=True)
class RunResult:
    """All that a finished run says of itself; the content of ``results.json``.

    Attributes:
        command: The command line that made it.
        protocol: The protocol object as plain values: name, selection split, checkpoint rule, reported split.
        dataset: Name, version and fingerprint of the data; the name ``none`` where there were none.
        backbone: Its name.
        parameters: Number of parameters of backbone and head.
        trainable_parameters: Those that were trained.
        epochs: Epochs trained.
        seconds: Wall time of the stages ``fit``, ``test`` and ``end_to_end``.
        test: Scores on the reported split; ``None`` where only whole photos were scored.
        end_to_end: Scores on whole photos, ``None`` where the stage was off.
        selection: What the epoch was chosen by, ``None`` where the protocol has no selection split.
        overrides: The command-line overrides, for sweep tables.
        seed: The run's seed.
        trained_on: Name of the data set that the model was trained on; ``""`` in results from before there was this.
        own_data: Whether the scored images are of a data set that the model was trained on, alone or in a mix; ``None``
            in results from before there was this.
        weights: What training began from: ``none``, a name such as ``imagenet``, or the path of a checkpoint; ``""``
            in results from before there was this.
        model: What the model was trained with but for its seed, as :func:`mien.runs.model_id` gives it; equal for
            several trainings of one model, and in every evaluation of them. ``""`` in results from before there was
            this.
        members: Of an ensemble, its members in words; else none.
    """

    command: str
    protocol: dict[str, Any]
    dataset: dict[str, str]
    backbone: str
    parameters: int
    trainable_parameters: int
    epochs: int
    seconds: dict[str, float]
    test: EvalResult | None
    end_to_end: EndToEndResult | None
    selection: SelectionScore | None = None
    overrides: tuple[str, ...] = field(default=())
    seed: int = 0
    trained_on: str = ""
    own_data: bool | None = None
    weights: str = ""
    model: str = ""
    members: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float:
        """On the reported split; on whole photos where only these were scored, and 0 where nothing was."""
        scores = self.end_to_end if self.test is None else self.test
        return 0.0 if scores is None else scores.accuracy

    def save(self, folder: Path) -> Path:
        """Write ``results.json`` into a run folder, atomically and last of all files: it marks the run as finished."""
        path = folder / RESULTS_FILE
        write_json(path, {"schema": SCHEMA, "status": "finished"} | asdict(self))
        return path

    @classmethod
    def load(cls, folder: Path) -> "RunResult":
        """Read the result of a finished run.

        Raises:
            RunFolderError: The folder has no result (the run is not finished), a damaged one, or one of another
                schema or version.
        """
        path = folder / RESULTS_FILE
        if not path.is_file():
            raise RunFolderError(f"{folder} holds no {RESULTS_FILE}: the run is not finished, or this is no run folder")
        try:
            values = read_json(path)
        except ValueError as error:  # neither JSON nor text
            raise RunFolderError(f"{path}: expected JSON, got a damaged file ({error})") from error
        if not isinstance(values, dict):
            raise RunFolderError(f"{path}: expected a JSON object, got {type(values).__name__}")
        schema, status = values.pop("schema", None), values.pop("status", None)
        if schema != SCHEMA or status != "finished":
            raise RunFolderError(f"{path}: expected schema {SCHEMA}, status finished; got {schema}, {status}")
        try:
            run = typed(cls, values)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise RunFolderError(f"{path}: not a result of this version of mien ({error!r})") from error
        missing = list(_missing(run))
        if missing:
            raise RunFolderError(f"{path}: not a result of this version of mien; it lacks {', '.join(missing)}")
        return run


_RELIED_ON: dict[str, tuple[str, ...]] = {
    "protocol": ("name", "selection", "report"),
    "dataset": ("name", "version", "fingerprint"),
    "seconds": ("fit",),
}
"""Keys of a result's dictionaries that every reader takes for granted."""


def _missing(run: RunResult) -> Iterator[str]:
    """What a result lacks, or has of another kind than it should be."""
    for name, keys in _RELIED_ON.items():
        values, kind = getattr(run, name), float | int if name == "seconds" else str
        yield from (
            f"{name}.{key}" for key in keys if not isinstance(values, dict) or not isinstance(values.get(key), kind)
        )
    yield from (name for name in ("backbone", "model") if not isinstance(getattr(run, name), str))
    yield from (name for name in ("seed", "epochs", "parameters") if not isinstance(getattr(run, name), int))
    for name in ("test", "end_to_end"):
        scores = getattr(run, name)
        if scores is not None and not (isinstance(scores.accuracy, float | int) and len(scores.accuracy_ci95) == 2):
            yield f"{name}.accuracy and its interval"
