"""What is known of every true face after the stage, and of the detections that are none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mien.endtoend.match import GOOD_IOU
from mien.face_results import EndToEndResult, Outcomes
from mien.labels import LabelSet


@dataclass(frozen=True)
class FaceRecord:
    """One true face and what became of it.

    Attributes:
        scene: The scene's key.
        scene_index: The scene's position in its source.
        label: The true class, an index into the model's labels.
        true_box: (4,) xyxy pixels, ``None`` where the truth has no box.
        box: (4,) xyxy pixels, the detected box; ``None`` for a missed face.
        iou: Overlap of the two boxes, 0..1; ``None`` for a missed face, and where the truth has no tight face box.
        score: The detector's score in 0..1; ``None`` for a missed face.
        probabilities: (K,) float32, the model's; ``None`` for a missed face.
    """

    scene: str
    scene_index: int
    label: int
    true_box: NDArray[np.float32] | None = None
    box: NDArray[np.float32] | None = None
    iou: float | None = None
    score: float | None = None
    probabilities: NDArray[np.float32] | None = None

    @property
    def detected(self) -> bool:
        """Whether the detector found this face."""
        return self.box is not None

    @property
    def predicted(self) -> int | None:
        """The most probable class, ``None`` for a missed face."""
        return None if self.probabilities is None else int(self.probabilities.argmax())

    @property
    def right(self) -> bool:
        """Found and rightly labelled."""
        return self.predicted == self.label

    @property
    def outcome(self) -> str:
        """``right``, ``missed``, ``wrong_good_box`` or ``wrong_poor_box``; see :class:`mien.face_results.Outcomes`."""
        if not self.detected:
            return "missed"
        if self.right:
            return "right"
        return "wrong_poor_box" if self.iou is not None and self.iou < GOOD_IOU else "wrong_good_box"

    @property
    def size(self) -> float | None:
        """The shorter side of the true box in pixels; ``None`` where the truth has no box."""
        return None if self.true_box is None else float((self.true_box[2:] - self.true_box[:2]).min())


@dataclass(frozen=True)
class FalseFace:
    """A detection that is no true face, where the truth has all boxes.

    Attributes:
        scene_index: The scene's position in its source.
        box: (4,) xyxy pixels.
        score: The detector's, 0..1.
    """

    scene_index: int
    box: NDArray[np.float32]
    score: float


def count_outcomes(faces: Sequence[FaceRecord], tight: bool) -> Outcomes:
    """How many faces came out how.

    Args:
        faces: One record a true face.
        tight: The truth has face boxes, so that good and poor ones can be told apart.
    """
    names = [face.outcome for face in faces]
    poor = names.count("wrong_poor_box") if tight else None
    return Outcomes(names.count("right"), names.count("missed"), names.count("wrong_good_box"), poor)


@dataclass(frozen=True)
class EndToEndRun:
    """The outcome of the stage: the scores, and the faces they were counted from.

    Attributes:
        result: The scores.
        faces: One record a true face, in the order of the scenes.
        labels: The model's classes, which the indices in ``faces`` refer to.
        false_faces: Detections that are no true face; empty where the truth does not have all boxes.
    """

    result: EndToEndResult
    faces: tuple[FaceRecord, ...]
    labels: LabelSet
    false_faces: tuple[FalseFace, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """A table with one row a true face.

        Columns: scene, label, detected, outcome, predicted, score, iou, the detected box as left, top, right, bottom,
        the true one as true_left and so on (pixels), and ``p_<class>`` for every class. What there is not, such as the
        prediction for a missed face, is an empty cell.
        """
        columns = ["scene", "label", "detected", "outcome", "predicted", "score", "iou", *SIDES]
        columns += [*(f"true_{side}" for side in SIDES), *(f"p_{name}" for name in self.labels)]
        frame = pd.DataFrame([self._row(face) for face in self.faces], columns=columns)
        numeric = columns[5:]
        frame[numeric] = frame[numeric].astype(np.float64)
        return frame.astype(dict.fromkeys(("scene", "label", "outcome", "predicted"), "string"))

    def _row(self, face: FaceRecord) -> list[Any]:
        predicted = None if face.predicted is None else self.labels.names[face.predicted]
        row = [face.scene, self.labels.names[face.label], face.detected, face.outcome, predicted, face.score, face.iou]
        arrays = (face.box, 4), (face.true_box, 4), (face.probabilities, len(self.labels))
        return row + [value for array, n in arrays for value in ([None] * n if array is None else array.tolist())]


SIDES = ("left", "top", "right", "bottom")
