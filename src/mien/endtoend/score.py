"""Scores of the end-to-end stage, from the records of its faces. Pure functions."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mien.endtoend.records import FaceRecord, count_outcomes
from mien.errors import DataError
from mien.face_results import ClassEndToEnd, CropGap, DetectionScore, EndToEndResult, SizeScore
from mien.labels import LabelSet
from mien.metrics.detection import average_precision
from mien.metrics.intervals import newcombe_interval, wilson_interval

SIZES: tuple[tuple[int, int | None], ...] = ((0, 40), (40, 80), (80, 160), (160, None))
"""Bounds of the face sizes that are scored apart, in pixels of the true box's shorter side."""


def score_faces(
    faces: Sequence[FaceRecord], labels: LabelSet, scenes: str, detector: str, tight: bool = False
) -> EndToEndResult:
    """Count found and rightly labelled faces; a missed face is wrong. Detections that are no true face do not count.

    Args:
        faces: One record a true face.
        labels: The model's classes.
        scenes: Where the photos came from, for the result.
        detector: The detector's name, for the result.
        tight: The truth has face boxes, so that errors in good and in poor boxes can be told apart.

    Raises:
        DataError: There is no true face to score.
    """
    if not faces:
        raise DataError(f"scenes {scenes} hold no labelled face: there is nothing to score; use other scenes")
    found = sum(face.detected for face in faces)
    right = sum(face.right for face in faces)
    return EndToEndResult(
        scenes=scenes,
        detector=detector,
        n_faces=len(faces),
        detection_recall=found / len(faces),
        accuracy_given_detection=_share(right, found),
        accuracy=right / len(faces),
        accuracy_ci95=wilson_interval(right, len(faces)),
        per_class=tuple(_score_class(faces, k, name, tight) for k, name in enumerate(labels)),
        outcomes=count_outcomes(faces, tight),
        by_size=_score_sizes(faces),
    )


def _score_class(faces: Sequence[FaceRecord], k: int, name: str, tight: bool) -> ClassEndToEnd:
    of_class = [face for face in faces if face.label == k]
    found = sum(face.detected for face in of_class)
    right = sum(face.right for face in of_class)
    return ClassEndToEnd(
        label=name,
        support=len(of_class),
        detection_recall=_share(found, len(of_class)),
        accuracy_given_detection=_share(right, found),
        accuracy=_share(right, len(of_class)),
        outcomes=count_outcomes(of_class, tight),
    )


def _score_sizes(faces: Sequence[FaceRecord]) -> tuple[SizeScore, ...]:
    """One entry a size, empty ones too; none at all where no face has a box."""
    sized = [(face.size, face) for face in faces if face.size is not None]
    rows = []
    for low, high in SIZES if sized else ():
        inside = [face for size, face in sized if low <= size and (high is None or size < high)]
        found = sum(face.detected for face in inside)
        right = sum(face.right for face in inside)
        shares = _share(found, len(inside)), _share(right, len(inside))
        rows.append(SizeScore(low, high, len(inside), *shares, wilson_interval(right, len(inside))))
    return tuple(rows)


def score_detections(
    scores: NDArray[np.float64], hits: NDArray[np.bool_], n_faces: int, n_found: int, min_iou: float
) -> DetectionScore:
    """The detector alone.

    Args:
        scores: (N,) of all detections in all scenes, 0..1.
        hits: (N,) whether each counts as right for the average precision.
        n_faces: Number of true faces, at least one.
        n_found: Number of those that were matched to a detection.
        min_iou: The overlap that both went by.
    """
    precision = _share(n_found, len(scores))
    area = average_precision(scores, hits, n_faces)
    assert area is not None  # it is only without a true face
    return DetectionScore(min_iou, len(scores), len(scores) - n_found, precision, area)


def with_gap(result: EndToEndResult, crops: str, crop_accuracy: float, n_crops: int) -> EndToEndResult:
    """The result with its distance to the accuracy on ready-made crops.

    Args:
        result: Scores on whole photos.
        crops: The data set of the crops.
        crop_accuracy: The same model's accuracy on them.
        n_crops: Their number, at least one.
    """
    counts = [(round(share * n), n) for share, n in ((crop_accuracy, n_crops), (result.accuracy, result.n_faces))]
    gap = CropGap(crops, crop_accuracy, crop_accuracy - result.accuracy, newcombe_interval(*counts))
    return replace(result, gap=gap)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
