"""Which detection belongs to which true face. Pure functions on arrays."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

MIN_IOU = 0.4
"""From this overlap on a detection is the true face. Less than the usual 0.5, since what counts as the face (with or
without forehead and chin) differs between detectors and annotators."""


def iou_matrix(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Intersection over union of every box in ``a`` with every box in ``b``.

    Args:
        a: (N, 4) xyxy pixels.
        b: (M, 4) xyxy pixels.

    Returns:
        (N, M) float64 in 0..1; 0 where a box is empty.
    """
    left_top = np.maximum(a[:, None, :2], b[None, :, :2]).astype(np.float64)
    right_bottom = np.minimum(a[:, None, 2:], b[None, :, 2:]).astype(np.float64)
    intersection = np.prod(np.clip(right_bottom - left_top, 0, None), axis=2)
    union = box_areas(a)[:, None] + box_areas(b)[None, :] - intersection
    iou: NDArray[np.float64] = intersection / np.where(union > 0, union, 1)
    return iou


def box_areas(boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    """Areas of (N, 4) xyxy boxes, (N,) float64 square pixels; 0 where right <= left or bottom <= top."""
    sides = np.clip(boxes[:, 2:].astype(np.float64) - boxes[:, :2], 0, None)
    return sides[:, 0] * sides[:, 1]


def match_boxes(true: NDArray[np.float32], found: NDArray[np.float32]) -> list[int | None]:
    """Pair true boxes with detections, one to one, so that the sum of the overlaps is largest (Hungarian method).

    Args:
        true: (N, 4) xyxy pixels.
        found: (M, 4) xyxy pixels.

    Returns:
        For each true box the index of its detection, ``None`` where it was missed; pairs below :data:`MIN_IOU` do not
        count.
    """
    overlap = iou_matrix(true, found)
    overlap[overlap < MIN_IOU] = 0
    matches: list[int | None] = [None] * len(true)
    for row, column in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
        if overlap[row, column] > 0:
            matches[row] = int(column)
    return matches


def main_face(found: NDArray[np.float32]) -> int | None:
    """The detection that stands for a photo's one labelled face: the largest by area, the first of equals.

    Args:
        found: (M, 4) xyxy pixels.

    Returns:
        Its index, ``None`` where nothing was found: the face was missed.
    """
    return int(box_areas(found).argmax()) if len(found) else None
