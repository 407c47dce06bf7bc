"""Typed results on whole photos, a part of :mod:`mien.results`. No torch needed.

Accuracies are fractions in 0..1; ``None`` stands for a value that is not defined.
"""

from dataclasses import dataclass


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
