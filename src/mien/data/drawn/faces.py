"""The data set of drawn faces: face crops that follow from a seed."""

import numpy as np
from numpy.typing import NDArray

from mien.data.drawn.canvas import Canvas
from mien.data.drawn.expression import Expression, sample_expression
from mien.data.drawn.head import face_box, paint_head
from mien.data.drawn.person import Identity, Pose, sample_identity, sample_pose
from mien.data.drawn.scenery import backdrop, develop, sample_light
from mien.labels import EXPRESSIONS
from mien.types import Image

MARGIN = 0.35
"""Most that a crop's side exceeds the face box's longer side, as a share."""
SHIFT = 0.06
"""Most that a crop's centre is off the box's, as a share of the crop's side."""

_LABELS, _FACES = 0, 1


class DrawnFaces:
    """Drawn face crops with balanced labels.

    Image ``i`` follows from the seed, ``i`` and the size alone: it does not depend on the count, the order of
    reading or the process.

    Args:
        count: Number of images N.
        seed: Seed of the renderer, >= 0.
        size: Side of an image in pixels.

    Attributes:
        labels: (N,) int64, class indices in the order of ``EXPRESSIONS``; class counts differ by at most 1.
    """

    labels: NDArray[np.int64]

    def __init__(self, count: int, seed: int, size: int) -> None:
        if count < 0 or seed < 0 or size < 8:
            raise ValueError(f"expected count >= 0, seed >= 0 and size >= 8, got {count}, {seed} and {size}")
        self.seed = seed
        self.size = size
        classes = len(EXPRESSIONS)
        blocks = [
            np.random.default_rng([seed, _LABELS, block]).permutation(classes) for block in range(-(-count // classes))
        ]
        self.labels = np.concatenate([np.zeros(0, np.int64), *blocks])[:count]

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, index: int) -> Image:
        """One face crop.

        Args:
            index: 0..N-1.

        Returns:
            (size, size, 3) uint8 RGB.
        """
        rng = np.random.default_rng([self.seed, _FACES, index])
        expression = sample_expression(rng, int(self.labels[index]))
        return draw_crop(rng, sample_identity(rng), expression, sample_pose(rng), size=self.size)


def draw_crop(rng: np.random.Generator, who: Identity, face: Expression, pose: Pose, *, size: int) -> Image:
    """A square crop around one face, framed as a detector would, with a random margin and shift.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    light = sample_light(rng)
    behind = backdrop(rng, size, size)
    x0, y0, x1, y1 = face_box(Canvas(pose), who, face).tolist()
    side = max(x1 - x0, y1 - y0) * (1 + rng.uniform(0, MARGIN))
    x, y = (rng.uniform(-SHIFT, SHIFT, 2) * side).tolist()
    scale = size / side
    origin = ((side / 2 + x - (x0 + x1) / 2) * scale, (side / 2 + y - (y0 + y1) / 2) * scale)
    canvas = Canvas(pose, scale, origin)
    paint_head(canvas, who, face)
    return develop(canvas.paint(behind, light), light, scale, rng)
