"""Boxes of the cascade: overlap, correction, squares. xyxy pixels, (N, 4) float32, corners as in the original MTCNN."""

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import batched_nms
from torchvision.ops import nms as nms_of_one

CELL, STRIDE = 12, 2  # pixels that the first network sees, and between two of its windows


def windows(rows: Tensor, columns: Tensor, scales: Tensor) -> Tensor:
    """The pixels of the picture that windows of the first network saw, (N, 4).

    Args:
        rows: (N,) the windows' rows in the network's output.
        columns: (N,) their columns.
        scales: (N,) float32, of their levels to the picture.
    """
    corner, scale = torch.stack([columns, rows], 1).to(torch.float32), scales[:, None]
    return torch.cat([((STRIDE * corner + 1) / scale).floor(), ((STRIDE * corner + CELL) / scale).floor()], 1)


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
    if boxes.is_cuda and len(boxes):  # one launch; in double precision, since groups are set apart by large offsets
        kept: Tensor = batched_nms((boxes - boxes.min()).double(), scores, groups, threshold)
        return kept
    parts = [torch.zeros(0, dtype=torch.int64, device=boxes.device)]
    for group in torch.unique(groups).tolist():
        members = (groups == group).nonzero()[:, 0]
        parts.append(members[nms_of_one(boxes[members], scores[members], threshold)])
    return torch.cat(parts)


def nms_by_smaller(boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float) -> Tensor:
    """As :func:`nms`, but the overlap is the share of the smaller box, and sides count one pixel more.

    Equal scores are common: of boxes that reach over the edges, what lies inside the picture may be the same. Which
    of them comes first is up to NumPy's sorting, as in facenet-pytorch.
    """
    device, kept = boxes.device, [torch.zeros(0, dtype=torch.int64)]
    boxes, scores, groups = boxes.cpu(), scores.cpu(), groups.cpu()
    areas = (boxes[:, 2:] - boxes[:, :2] + 1).prod(1)
    for group in torch.unique(groups).tolist():
        members = (groups == group).nonzero()[:, 0]
        order = members[np.argsort(scores[members].numpy())[::-1].copy()]
        kept.append(order[_apart(boxes[order], areas[order], threshold)])
    return torch.cat(kept).to(device)


def _apart(boxes: Tensor, areas: Tensor, threshold: float) -> Tensor:
    """Which boxes, best first, do not share more than ``threshold`` of the smaller one with a better one that stays."""
    free = torch.ones(len(boxes), dtype=torch.bool)
    for n in range(len(boxes)):
        if free[n]:
            low = torch.maximum(boxes[n, :2], boxes[n + 1 :, :2])
            high = torch.minimum(boxes[n, 2:], boxes[n + 1 :, 2:])
            common = (high - low + 1).clamp(min=0).prod(1)
            free[n + 1 :] &= common / torch.minimum(areas[n], areas[n + 1 :]) <= threshold
    return free
