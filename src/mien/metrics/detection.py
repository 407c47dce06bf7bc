"""How good a detector's scores are: precision, recall and average precision. NumPy only."""

import numpy as np
from numpy.typing import NDArray


def average_precision(scores: NDArray[np.float64], hits: NDArray[np.bool_], positives: int) -> float | None:
    """Area under the precision-recall curve, with interpolation at all points.

    At each recall stands the highest precision reached at that recall or a higher one, as in PASCAL VOC from 2010 on
    (Everingham et al. 2015, section 3.4.1). COCO reads the same curve at 101 points only. Detections of equal score
    come in together, so that the value does not depend on their order.

    Args:
        scores: (N,) of all detections of all images.
        hits: (N,) whether each is a true face that no better-scored detection has taken.
        positives: Number of true faces.

    Returns:
        In 0..1; 0 without a detection, ``None`` without a true face.

    Raises:
        ValueError: There are more hits than true faces.

    Examples:
        >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2)
        0.8333333333333333
    """
    if hits.sum() > positives:
        raise ValueError(f"expected at most {positives} hits, got {hits.sum()}")
    if positives == 0:
        return None
    order = np.argsort(-scores, kind="stable")
    last_of_equals = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)[: len(order)])
    right = np.cumsum(hits[order])[last_of_equals]
    best = np.maximum.accumulate((right / (last_of_equals + 1))[::-1])[::-1]
    return float(np.diff(right, prepend=0) @ best / positives)
