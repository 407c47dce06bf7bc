"""Boxes of the cascade: overlap, correction, squares. xyxy pixels, (N, 4) float32, corners as in the original MTCNN."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import nms as nms_of_one

CELL, STRIDE = 12, 2  # pixels that the first network sees, and between two of its windows
_PAIRS = 2**25  # pairs of boxes compared at a time


def windows(rows: Tensor, columns: Tensor, scales: Tensor) -> Tensor:
    """The pixels of the picture that windows of the first network saw, (N, 4).

    Args:
        rows: (N,) the windows' rows in the network's output.
        columns: (N,) their columns.
        scales: (N,) float32, of their levels to the picture.
    """
    corner, scale = torch.stack([columns, rows], 1).to(torch.float32), scales[:, None]
    return torch.cat([((STRIDE * corner + 1) / scale).floor(), ((STRIDE * corner + CELL) / scale).floor()], 1)


def can_overlap(scales: Sequence[float], threshold: float) -> bool:
    """Whether windows of two levels of a pyramid can overlap by more than a threshold (intersection over union).

    An overlap is at most the ratio of the areas. :func:`windows` rounds sides by up to a pixel.
    """
    sides = [(CELL - 1) / scale for scale in scales]
    return any(((small + 1) / (large - 1)) ** 2 > threshold for small, large in pairwise(sides))


def best_first(scores: Tensor, groups: Tensor) -> Tensor:
    """The order by group and, within each, by falling score; what is equal stays in its order."""
    order = scores.argsort(descending=True, stable=True)
    return order[groups[order].argsort(stable=True)]


def corrected(boxes: Tensor, shifts: Tensor, extra: float) -> Tensor:
    """Boxes moved by shares (N, 4) of their sides, which count ``extra`` pixels more than right - left."""
    sides = (boxes[:, 2:] - boxes[:, :2] + extra).repeat(1, 2)
    return boxes + shifts * sides


def squared(boxes: Tensor) -> Tensor:
    """Squares of the longer side about the same centres."""
    sides = boxes[:, 2:] - boxes[:, :2]
    side = sides.amax(1, keepdim=True)
    corner = boxes[:, :2] + sides * 0.5 - side * 0.5
    return torch.cat([corner, corner + side], 1)


def inside(boxes: Tensor, height: int, width: int) -> Tensor:
    """Boxes in whole pixels, cut to the picture, as slices: (N, 4) int64, the end exclusive."""
    left, top, right, bottom = boxes.trunc().to(torch.int64).unbind(1)
    start = left.clamp(min=1) - 1, top.clamp(min=1) - 1
    return torch.stack([*start, right.clamp(max=width), bottom.clamp(max=height)], 1)


def nms(boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float) -> Tensor:
    """Non-maximum suppression within each group: indices of the boxes that stay.

    Args:
        boxes: (N, 4).
        scores: (N,).
        groups: (N,) int64; boxes of different groups do not see each other.
        threshold: Largest overlap (intersection over union) that stays.
    """
    if boxes.device.type != "cpu" and len(boxes):
        return nms_side_by_side(boxes, scores, groups, threshold)
    parts = [torch.zeros(0, dtype=torch.int64, device=boxes.device)]
    for group in torch.unique(groups).tolist():
        members = (groups == group).nonzero()[:, 0]
        parts.append(members[nms_of_one(boxes[members], scores[members], threshold)])
    return torch.cat(parts)


def nms_side_by_side(boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float) -> Tensor:
    """As :func:`nms`, in the same order, but all groups at once: a handful of launches on a GPU, however many groups.

    A box stays if no better one that stays overlaps it. Taking this sentence as a rule to apply to all boxes at once,
    again and again, gives the result of going through them one by one: the best box of a group is right from the
    start, and each round makes at least the next one right for good.
    """
    order = best_first(scores, groups)
    counts = torch.unique_consecutive(groups[order], return_counts=True)[1]
    group = torch.arange(len(counts), device=boxes.device).repeat_interleave(counts)
    place = torch.arange(len(order), device=boxes.device) - (counts.cumsum(0) - counts)[group]
    table = boxes.new_zeros(len(counts), int(counts.max()), 4)
    table[group, place] = boxes[order]
    step = max(_PAIRS // table.shape[1] ** 2, 1)
    stays = torch.cat([_stay(part, threshold) for part in torch.split(table, step)])
    return order[stays[group, place]]


def _stay(boxes: Tensor, threshold: float) -> Tensor:
    """Which boxes of each group (G, M, 4), best first, stay: (G, M) bool. Empty boxes overlap nothing."""
    left, top, right, bottom = boxes.unbind(2)
    width = torch.minimum(right[:, :, None], right[:, None]) - torch.maximum(left[:, :, None], left[:, None])
    height = torch.minimum(bottom[:, :, None], bottom[:, None]) - torch.maximum(top[:, :, None], top[:, None])
    common = width.clamp_(min=0) * height.clamp_(min=0)
    areas = (right - left) * (bottom - top)
    overlaps = (common / (areas[:, :, None] + areas[:, None] - common) >= _above(threshold)).triu_(1)
    stays = torch.ones(boxes.shape[:2], dtype=torch.bool, device=boxes.device)
    while True:
        now = ~(overlaps & stays[:, :, None]).any(1)
        if torch.equal(now, stays):
            return stays
        stays = now


def _above(threshold: float) -> float:
    """The least float32 above a threshold, which is float64: torchvision compares so, while torch would round it."""
    rounded = np.float32(threshold)
    return float(rounded if float(rounded) > threshold else np.nextafter(rounded, np.float32(np.inf)))


def nms_by_smaller(boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float) -> Tensor:
    """As :func:`nms`, but the overlap is the share of the smaller box, and sides count one pixel more.

    Equal scores are common: of boxes that reach over the edges, what lies inside the picture may be the same. Which
    of them comes first is up to NumPy's sorting, as in facenet-pytorch.

    Args:
        boxes: (N, 4), in the processor's memory like the rest.
        scores: (N,).
        groups: (N,) int64.
        threshold: Largest share that stays.
    """
    kept = [torch.zeros(0, dtype=torch.int64)]
    for group in torch.unique(groups).tolist():
        members = (groups == group).nonzero()[:, 0]
        order = members[np.argsort(scores[members].numpy())[::-1].copy()]
        kept.append(order[torch.from_numpy(_apart(boxes[order].numpy(), threshold))])
    return torch.cat(kept)


def _apart(boxes: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Which boxes, best first, do not share more than ``threshold`` of the smaller one with a better one that stays."""
    low, high = boxes[:, :2], boxes[:, 2:]
    areas = (high - low + 1).prod(1)
    free = np.ones(len(boxes), dtype=np.bool_)
    for n in range(len(boxes)):
        if free[n]:
            sides = np.minimum(high[n], high[n + 1 :]) - np.maximum(low[n], low[n + 1 :]) + 1
            common = np.maximum(sides, 0).prod(1)
            free[n + 1 :] &= common / np.minimum(areas[n], areas[n + 1 :]) <= threshold
    return free
