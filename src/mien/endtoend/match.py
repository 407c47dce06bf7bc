"""Which detection belongs to which true face. Pure functions on arrays."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

MIN_IOU = 0.5
"""From this overlap on a detection is the true face; the threshold of PASCAL VOC and of most face benchmarks."""

LOOSE_IOU = 0.2
"""The same where the truth is a picture pasted around a face, which may hold much more than the face (hair, shoulders)
or a little less. A detection that lies wholly inside such a picture reaches it from 45 % of its side on. 0.5 would
call finds in tight crops, such as FER2013's, misses because of the framing."""

GOOD_IOU = 0.7
"""From this overlap on a box is called good: what the classifier sees is the face and little else."""


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


def match_boxes(overlap: NDArray[np.float64], min_iou: float = MIN_IOU) -> list[int | None]:
    """Pair true boxes with detections, one to one, so that the sum of the overlaps is largest (Hungarian method).

    Args:
        overlap: (N, M), :func:`iou_matrix` of true boxes and detections.
        min_iou: Pairs below it do not count.

    Returns:
        For each true box the index of its detection, ``None`` where it was missed.
    """
    overlap = np.where(overlap < min_iou, 0, overlap)
    matches: list[int | None] = [None] * len(overlap)
    for row, column in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
        if overlap[row, column] > 0:
            matches[row] = int(column)
    return matches


def hits_by_score(
    overlap: NDArray[np.float64], scores: NDArray[np.float32], min_iou: float = MIN_IOU
) -> NDArray[np.bool_]:
    """Which detections count as right in an average precision.

    As in COCO's evaluation: from the best score down, each takes the free true box that it overlaps most, if by
    ``min_iou`` or more. (PASCAL VOC differs only where that box is taken and another would do: it counts as false.)

    Args:
        overlap: (N, M), :func:`iou_matrix` of true boxes and detections.
        scores: (M,) in 0..1; of equal ones the earlier goes first.
        min_iou: Pairs below it do not count.

    Returns:
        (M,) bool.
    """
    free = overlap.copy()
    hits = np.zeros(overlap.shape[1], bool)
    for column in np.argsort(-scores, kind="stable") if len(overlap) else ():
        row = int(free[:, column].argmax())
        if free[row, column] >= min_iou:
            hits[column] = True
            free[row] = -1
    return hits


def main_face(found: NDArray[np.float32]) -> int | None:
    """The detection that stands for a photo's one labelled face: the largest by area, the first of equals.

    Args:
        found: (M, 4) xyxy pixels.

    Returns:
        Its index, ``None`` where nothing was found: the face was missed.
    """
    return int(box_areas(found).argmax()) if len(found) else None
