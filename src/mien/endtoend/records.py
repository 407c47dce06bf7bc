"""What is known of every true face after the stage."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mien.labels import LabelSet
from mien.results import EndToEndResult


@dataclass(frozen=True)
class FaceRecord:
    """One true face and what became of it.

    Attributes:
        scene: The scene's key.
        scene_index: The scene's position in its source.
        label: The true class, an index into the model's labels.
        true_box: (4,) xyxy pixels, ``None`` where the truth has no box.
        box: (4,) xyxy pixels, the detected box; ``None`` for a missed face.
        score: The detector's score in 0..1; ``None`` for a missed face.
        probabilities: (K,) float32, the model's; ``None`` for a missed face.
    """

    scene: str
    scene_index: int
    label: int
    true_box: NDArray[np.float32] | None = None
    box: NDArray[np.float32] | None = None
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


@dataclass(frozen=True)
class EndToEndRun:
    """The outcome of the stage: the scores, and the faces they were counted from.

    Attributes:
        result: The scores.
        faces: One record a true face, in the order of the scenes.
        labels: The model's classes, which the indices in ``faces`` refer to.
    """

    result: EndToEndResult
    faces: tuple[FaceRecord, ...]
    labels: LabelSet

    def to_frame(self) -> pd.DataFrame:
        """A table with one row a true face.

        Columns: scene, label, detected, predicted, score, the detected box as left, top, right, bottom (pixels), and
        ``p_<class>`` for every class. From ``predicted`` on, a missed face has empty cells.
        """
        columns = ["scene", "label", "detected", "predicted", "score", "left", "top", "right", "bottom"]
        columns += [f"p_{name}" for name in self.labels]
        frame = pd.DataFrame([self._row(face) for face in self.faces], columns=columns)
        numeric = columns[4:]
        frame[numeric] = frame[numeric].astype(np.float64)
        return frame.astype(dict.fromkeys(("scene", "label", "predicted"), "string"))

    def _row(self, face: FaceRecord) -> list[Any]:
        row = [face.scene, self.labels.names[face.label], face.detected]
        if face.box is None or face.probabilities is None or face.predicted is None:
            return row + [None] * (6 + len(self.labels))
        return [*row, self.labels.names[face.predicted], face.score, *face.box.tolist(), *face.probabilities.tolist()]
