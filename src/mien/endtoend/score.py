"""Scores of the end-to-end stage, from the records of its faces. Pure functions."""

from collections.abc import Sequence

from mien.endtoend.records import FaceRecord
from mien.errors import DataError
from mien.labels import LabelSet
from mien.metrics.intervals import wilson_interval
from mien.results import ClassEndToEnd, EndToEndResult


def score_faces(faces: Sequence[FaceRecord], labels: LabelSet, scenes: str, detector: str) -> EndToEndResult:
    """Count found and rightly labelled faces; a missed face is wrong. Detections that are no true face do not count.

    Args:
        faces: One record a true face.
        labels: The model's classes.
        scenes: Where the photos came from, for the result.
        detector: The detector's name, for the result.

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
        per_class=tuple(_score_class(faces, k, name) for k, name in enumerate(labels)),
    )


def _score_class(faces: Sequence[FaceRecord], k: int, name: str) -> ClassEndToEnd:
    of_class = [face for face in faces if face.label == k]
    found = sum(face.detected for face in of_class)
    right = sum(face.right for face in of_class)
    return ClassEndToEnd(
        label=name,
        support=len(of_class),
        detection_recall=_share(found, len(of_class)),
        accuracy_given_detection=_share(right, found),
        accuracy=_share(right, len(of_class)),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
