"""Typed results and their JSON form, the contract that reports and scripts rely on. No torch needed.

Accuracies are fractions in 0..1; ``None`` stands for a value that is not defined, such as the recall of a class
without a sample.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mien.errors import RunFolderError
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


@dataclass(frozen=True)
class Outcomes:
    """What became of true faces; the counts add up to all of them.

    Attributes:
        right: Found and rightly labelled, whatever the box.
        missed: Not found.
        wrong_good_box: Wrongly labelled in a box that overlaps the true one by IoU 0.7 or more.
        wrong_poor_box: Wrongly labelled in a box that overlaps less. ``None`` where the truth has no face boxes to tell
            by; all wrongly labelled faces are then under ``wrong_good_box``.
    """

    right: int
    missed: int
    wrong_good_box: int
    wrong_poor_box: int | None

    @property
    def total(self) -> int:
        """All faces."""
        return self.right + self.missed + self.wrong_good_box + (self.wrong_poor_box or 0)


@dataclass(frozen=True)
class ClassEndToEnd:
    """One class end to end; shares are ``None`` where there is nothing to divide by."""

    label: str
    support: int
    detection_recall: float | None
    accuracy_given_detection: float | None
    accuracy: float | None
    outcomes: Outcomes | None = None


@dataclass(frozen=True)
class SizeScore:
    """Faces of one size: the shorter side of the true box, in ``low`` <= pixels < ``high`` (``None``: no bound)."""

    low: int
    high: int | None
    support: int
    detection_recall: float | None
    accuracy: float | None
    accuracy_ci95: tuple[float, float]


@dataclass(frozen=True)
class DetectionScore:
    """The detector alone, over all true faces and all of its detections.

    Attributes:
        min_iou: Overlap from which on a detection is a true face.
        n_detections: How many there were, with a score of ``detector.min_score`` or more.
        false_faces: Those that are no true face.
        precision: Share of the detections that are a true face; ``None`` without a detection. The recall is
            ``EndToEndResult.detection_recall``.
        average_precision: Area under the precision-recall curve, interpolated at all points. The curve ends at
            ``detector.min_score``, below which there are no detections: a lower ``min_score`` may give a higher value.
    """

    min_iou: float
    n_detections: int
    false_faces: int
    precision: float | None
    average_precision: float


@dataclass(frozen=True)
class CropGap:
    """How much better the model is on ready-made crops than end to end.

    Attributes:
        crops: The data set of the crops.
        crop_accuracy: The accuracy on them.
        gap: ``crop_accuracy`` minus the end-to-end accuracy.
        gap_ci95: Newcombe's hybrid score 95 % interval of a difference of two independent shares. It takes crops and
            photos for different images, which collages of the same crops are not.
    """

    crops: str
    crop_accuracy: float
    gap: float
    gap_ci95: tuple[float, float]


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
        outcomes: What became of all faces; ``None`` in results from before there was this.
        by_size: Accuracy against face size; empty where the truth has no boxes.
        detection: The detector alone; ``None`` where the truth has no boxes.
        gap: The distance to the accuracy on crops; ``None`` where that is unknown.
        fingerprint: SHA-256 hex digest over the photos' pixels and the true labels and boxes; ``""`` in results from
            before there was this.
    """

    scenes: str
    detector: str
    n_faces: int
    detection_recall: float
    accuracy_given_detection: float | None
    accuracy: float
    accuracy_ci95: tuple[float, float]
    per_class: tuple[ClassEndToEnd, ...]
    outcomes: Outcomes | None = None
    by_size: tuple[SizeScore, ...] = ()
    detection: DetectionScore | None = None
    gap: CropGap | None = None
    fingerprint: str = ""


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
            RunFolderError: The folder has no result (the run is not finished), or one of another schema or version.
        """
        path = folder / RESULTS_FILE
        if not path.is_file():
            raise RunFolderError(f"{folder} holds no {RESULTS_FILE}: the run is not finished, or this is no run folder")
        values = read_json(path)
        schema, status = values.pop("schema", None), values.pop("status", None)
        if schema != SCHEMA or status != "finished":
            raise RunFolderError(f"{path}: expected schema {SCHEMA}, status finished; got {schema}, {status}")
        try:
            return typed(cls, values)
        except (KeyError, TypeError, AttributeError) as error:
            raise RunFolderError(f"{path}: not a result of this version of mien ({error!r})") from error
