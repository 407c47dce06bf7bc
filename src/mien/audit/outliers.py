"""Images that are unlike the rest of their data set: constant, or of another size, shape, brightness or contrast."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.audit.duplicates import FLAT
from mien.audit.images import Images

FAR = 3.5
"""Robust z-score from which on an image is an outlier (Iglewicz and Hoaglin, 1993)."""
RARE = 0.01
"""Share of images below which gray ones among coloured, or coloured ones among gray, are outliers."""
_LEAST = {"size": 0.1, "shape": 0.1, "brightness": 2.0, "contrast": 2.0}
"""Least spread assumed, so that a set of equal images has no outliers by rounding: octaves, and gray levels."""


@dataclass(frozen=True)
class Outlier:
    """An image that is unlike the rest.

    Attributes:
        index: Its position in :class:`Images`.
        reason: constant, size, shape, brightness, contrast or colour.
        value: What it has, in words.
        score: The size of its robust z-score; for ``constant`` and ``colour``, which have none, 0.
    """

    index: int
    reason: str
    value: str
    score: float


def find_outliers(images: Images) -> list[Outlier]:
    """All outliers, reason by reason, the farthest first; an image may have several reasons.

    An image is an outlier where its robust z-score in one quantity, ``0.6745 (x - median) / MAD``, is above 3.5 or
    below -3.5. The quantities are size and aspect ratio (in octaves), the mean of the gray levels and their standard
    deviation. Constant images (standard deviation below 2) are told once, as such; gray images, where less than 1 %
    are gray, and coloured ones, where less than 1 % have colour, are outliers too.
    """
    constant = images.contrast < FLAT
    width, height = images.sizes.astype(float).T
    quantities = {
        "size": np.log2(width * height) / 2,
        "shape": np.log2(width / height),
        "brightness": images.brightness,
        "contrast": images.contrast,
    }
    found = [Outlier(index, "constant", _words(images, "contrast", index), 0.0) for index in _positions(constant)]
    for reason, values in quantities.items():
        scores = np.abs(robust_z(values, _LEAST[reason]))
        chosen = (scores > FAR) & (~constant | (reason in ("size", "shape")))
        far = [index for index in np.argsort(-scores, kind="stable").tolist() if chosen[index]]
        found += [
            Outlier(index, reason, _words(images, reason, index), round(float(scores[index]), 2)) for index in far
        ]
    rarer = images.coloured.mean() < 0.5
    rare = images.coloured == rarer
    if rare.mean() < RARE:
        found += [Outlier(index, "colour", "coloured" if rarer else "gray", 0.0) for index in _positions(rare)]
    return found


def robust_z(values: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """How far values are from their median, in units that are standard deviations where they are normal.

    Args:
        values: (N,) float64.
        least: Least spread assumed.
    """
    centred = values - np.median(values)
    spread = np.median(np.abs(centred)) / 0.6745
    return centred / max(float(spread), least)


def _positions(chosen: NDArray[np.bool_]) -> list[int]:
    return [int(index) for index in np.flatnonzero(chosen)]


def _words(images: Images, reason: str, index: int) -> str:
    if reason in ("size", "shape"):
        width, height = images.sizes[index]
        return f"{width}x{height} px"
    value = images.brightness[index] if reason == "brightness" else images.contrast[index]
    return f"{reason} {value:.1f}"
