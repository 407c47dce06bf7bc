"""From a face box to the picture of the face."""

import numpy as np
from numpy.typing import NDArray

from mien.types import Image


def crop_face(image: Image, box: NDArray[np.float32], margin: float) -> Image:
    """Cut a square around a face, as far as the photo reaches.

    The square has the box's centre and the side ``max(width, height) * (1 + margin)``, rounded to whole pixels. Where
    it runs over the photo's edge it is clipped, never filled up: black bars are nothing a classifier has seen. Crops at
    the edge are therefore not square.

    Args:
        image: (H, W, 3) uint8 RGB, at least one pixel.
        box: (4,) xyxy pixels; it may lie partly or wholly outside the image.
        margin: Added to the side, as a share of it; 0 keeps the box, -0.1 cuts into it.

    Returns:
        (h, w, 3) uint8 RGB with h, w >= 1; a copy, so that the photo can be forgotten.
    """
    x0, y0, x1, y1 = (float(value) for value in box)
    side = max(1, round(max(x1 - x0, y1 - y0) * (1 + margin)))
    rows = _span((y0 + y1) / 2, side, image.shape[0])
    columns = _span((x0 + x1) / 2, side, image.shape[1])
    return image[rows, columns].copy()


def _span(centre: float, side: int, length: int) -> slice:
    """``side`` pixels around ``centre``, clipped to 0..length but never empty."""
    start = round(centre - side / 2)
    first = min(max(start, 0), length - 1)
    return slice(first, max(min(start + side, length), first + 1))
