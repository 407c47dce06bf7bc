"""What is said of one face."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.labels import LabelSet
from mien.types import Faces


@dataclass(frozen=True, eq=False)
class RecognizedFace:
    """A face that was found and named.

    Attributes:
        box: (4,) float32, xyxy in pixels of the upright picture; it may reach over the edge.
        score: The detector's, 0..1.
        landmarks: (5, 2) float32, xy pixels: eyes (the viewer's left first), nose, mouth corners; NaN where the
            detector gives none.
        probabilities: (K,) float32, one a class of the model, sum 1.
        label: The most probable class.
    """

    box: NDArray[np.float32]
    score: float
    landmarks: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    label: str

    @property
    def probability(self) -> float:
        """That of ``label``, 0..1."""
        return float(self.probabilities.max())


def named(
    faces: Faces, probabilities: Sequence[NDArray[np.float32]] | NDArray[np.float32], labels: LabelSet
) -> list[RecognizedFace]:
    """Put together what detector and classifier said.

    Args:
        faces: N faces of one picture.
        probabilities: (N, K), of each.
        labels: The K classes.
    """
    return [
        RecognizedFace(box, float(score), landmarks, row, labels.names[int(row.argmax())])
        for box, score, landmarks, row in zip(faces.boxes, faces.scores, faces.landmarks, probabilities, strict=True)
    ]
