"""Typed results and their JSON form, the contract that reports and scripts rely on. No torch needed.

Accuracies are fractions in 0..1; ``None`` stands for a value that is not defined, such as the recall of a class
without a sample.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mien.errors import RunFolderError
from mien.files import read_json, write_json

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

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "EvalResult":
        """The inverse of ``dataclasses.asdict`` after a trip through JSON."""
        return cls(
            **values
            | {
                "accuracy_ci95": tuple(values["accuracy_ci95"]),
                "per_class": tuple(ClassScore(**row) for row in values["per_class"]),
                "confusion": tuple(tuple(row) for row in values["confusion"]),
            }
        )


@dataclass(frozen=True)
class ClassEndToEnd:
    """One class end to end; shares are ``None`` where there is nothing to divide by."""

    label: str
    support: int
    detection_recall: float | None
    accuracy_given_detection: float | None
    accuracy: float | None


@dataclass(frozen=True)
class EndToEndResult:
    """Scores on whole photos, where a missed face counts as wrong.

    Attributes:
        scenes: Where the photos came from.
        detector: The detector's name.
        n_faces: Number of true faces.
        detection_recall: Share of them that the detector found.
        accuracy_given_detection: Share of the found ones with the right label; ``None`` where none was found.
        accuracy: Share of all true faces found and rightly labelled.
        accuracy_ci95: Wilson 95 % interval of ``accuracy``.
        per_class: One entry a class, in label order.
    """

    scenes: str
    detector: str
    n_faces: int
    detection_recall: float
    accuracy_given_detection: float | None
    accuracy: float
    accuracy_ci95: tuple[float, float]
    per_class: tuple[ClassEndToEnd, ...]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "EndToEndResult":
        """The inverse of ``dataclasses.asdict`` after a trip through JSON."""
        return cls(
            **values
            | {
                "accuracy_ci95": tuple(values["accuracy_ci95"]),
                "per_class": tuple(ClassEndToEnd(**row) for row in values["per_class"]),
            }
        )


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
        dataset: Name, version and fingerprint of the data.
        backbone: Its name.
        parameters: Number of parameters of backbone and head.
        trainable_parameters: Those that were trained.
        epochs: Epochs trained.
        seconds: Wall time of the stages ``fit``, ``test`` and ``end_to_end``.
        test: Scores on the reported split.
        end_to_end: Scores on whole photos, ``None`` where the stage was off.
        selection: What the epoch was chosen by, ``None`` where the protocol has no selection split.
        overrides: The command-line overrides, for sweep tables.
        seed: The run's seed.
    """

    command: str
    protocol: dict[str, Any]
    dataset: dict[str, str]
    backbone: str
    parameters: int
    trainable_parameters: int
    epochs: int
    seconds: dict[str, float]
    test: EvalResult
    end_to_end: EndToEndResult | None
    selection: SelectionScore | None = None
    overrides: tuple[str, ...] = field(default=())
    seed: int = 0

    def save(self, folder: Path) -> Path:
        """Write ``results.json`` into a run folder, atomically and last of all files: it marks the run as finished."""
        path = folder / RESULTS_FILE
        write_json(path, {"schema": SCHEMA, "status": "finished"} | asdict(self))
        return path

    @classmethod
    def load(cls, folder: Path) -> "RunResult":
        """Read the result of a finished run.

        Raises:
            RunFolderError: The folder has no result (the run is not finished) or one of another schema.
        """
        path = folder / RESULTS_FILE
        if not path.is_file():
            raise RunFolderError(f"{folder} holds no {RESULTS_FILE}: the run is not finished, or this is no run folder")
        values = read_json(path)
        schema, status = values.pop("schema", None), values.pop("status", None)
        if schema != SCHEMA or status != "finished":
            raise RunFolderError(f"{path}: expected schema {SCHEMA}, status finished; got {schema}, {status}")
        end_to_end, selection = values["end_to_end"], values["selection"]
        return cls(
            **values
            | {
                "test": EvalResult.from_dict(values["test"]),
                "end_to_end": None if end_to_end is None else EndToEndResult.from_dict(end_to_end),
                "selection": None if selection is None else SelectionScore(**selection),
                "overrides": tuple(values["overrides"]),
            }
        )
