"""From a face box to the picture of the face: the one way there is, for training, evaluation and use."""

import math
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from mien.config.schema import CropConfig
from mien.detection.align import LARGEST, align_face, edge_repeated
from mien.types import CropRule, Image

VERSION = 1
"""Of the crops; to be raised whenever the same photo, face and rule give other pixels, here or in ``align``."""


def crop_rule(config: CropConfig) -> CropRule:
    """The rule that the config asks for."""
    return CropRule(**asdict(config))


def crop_face(image: Image, box: NDArray[np.float32], landmarks: NDArray[np.float32], rule: CropRule) -> Image:
    """Cut a face out of its photo.

    The square has the box's centre and the side ``max(width, height) * (1 + margin)``, rounded to whole pixels. Where
    it runs over the photo's edge, ``rule.edge`` says what happens; it is never filled up with black, which is nothing a
    classifier has seen:

    * ``clip``: the part inside the photo, so that crops at the edge are not square;
    * ``shift``: the square is moved inside; where it is larger than the photo's shorter side, it gets that side first;
    * ``repeat``: the photo's edge pixels are repeated.

    With ``rule.align`` the face is turned upright where its landmarks are known and fit its box, see
    :func:`mien.detection.align.align_face`; edges are repeated then. Other faces get the plain square.

    With ``rule.preprocess = "study_a"`` it is the box itself instead, cut to whole pixels and clipped to the photo.

    Args:
        image: (H, W, 3) uint8 RGB, at least one pixel.
        box: (4,) xyxy pixels; it may lie partly or wholly outside the image.
        landmarks: (5, 2) xy pixels as in :class:`mien.types.Faces`, NaN where unknown.
        rule: The model's rule.

    Returns:
        (h, w, 3) uint8 RGB with h, w >= 1; a copy, so that the photo can be forgotten.
    """
    x0, y0, x1, y1 = (float(value) for value in box)
    if rule.preprocess == "study_a":
        return image[_clipped(int(y0), int(y1), image.shape[0]), _clipped(int(x0), int(x1), image.shape[1])].copy()
    longer = max(x1 - x0, y1 - y0)
    aligned = align_face(image, landmarks, longer, rule.margin) if rule.align else None
    if aligned is not None:
        return aligned
    side = max(1, round(longer * (1 + rule.margin)))
    if rule.edge == "shift":
        side = min(side, *image.shape[:2])
    left, top = round((x0 + x1) / 2 - side / 2), round((y0 + y1) / 2 - side / 2)
    if rule.edge == "repeat":
        return edge_repeated(image, (left, top, left + side, top + side), math.ceil(side / LARGEST))
    if rule.edge == "shift":
        left, top = (
            min(max(start, 0), length - side) for start, length in ((left, image.shape[1]), (top, image.shape[0]))
        )
    return image[_clipped(top, top + side, image.shape[0]), _clipped(left, left + side, image.shape[1])].copy()


def _clipped(start: int, stop: int, length: int) -> slice:
    """The pixels from ``start`` to ``stop``, clipped to 0..length but never empty."""
    first = min(max(start, 0), length - 1)
    return slice(first, max(min(stop, length), first + 1))
