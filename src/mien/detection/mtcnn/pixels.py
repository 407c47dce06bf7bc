"""Area resampling of whole pictures and of boxes in them, by differences of a table of sums.

A pixel of the result is the mean of the pixels that its area touches: bin i of ``size`` over ``length`` pixels reaches
from floor(i * length / size) to ceil((i + 1) * length / size), as in PyTorch's ``interpolate(mode="area")``. Sums are
exact integers (modulo 2**32, which no bin of less than 8 million pixels reaches). Beside the sums of the three channels
stands the number of pixels, so that a bin brings along what to divide by.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mien.detection.mtcnn.pyramid import Canvas, Level

WHOLE = 2**24
"""Up to so many pixels a picture's table is kept whole (16 bytes a pixel); larger pictures are read piece by piece."""


class Pixels:
    """Pictures of one size, to be seen at any scale.

    Args:
        images: (B, H, W, 3) uint8 RGB.
    """

    def __init__(self, images: Tensor) -> None:
        self.images = images
        self.height, self.width = images.shape[1:3]
        self._sums = sum_table(images) if self.height * self.width <= WHOLE else None

    def canvas(self, canvas: Canvas) -> Tensor:
        """The tiles of a canvas: (B, 3, H, W) float32, as the first network sees it."""
        if len(canvas.tiles) == 1:
            return self.level(canvas.tiles[0].level, canvas.tiles[0].rows)
        size = (len(self.images), canvas.height, canvas.width, 3)
        whole = torch.zeros(size, device=self.images.device).permute(0, 3, 1, 2)
        for tile in canvas.tiles:
            place = whole[:, :, tile.top : tile.top + tile.height, tile.left : tile.left + tile.level.width]
            place.copy_(self.level(tile.level, tile.rows))
        return whole

    def level(self, level: Level, rows: slice) -> Tensor:
        """Some rows of the pictures at a level's size: (B, 3, rows, width) float32, as the networks see it."""
        device = self.images.device
        top, bottom = (edge[rows] for edge in _bins(self.height, level.height, device))
        left, right = _bins(self.width, level.width, device)
        sums = self._sums
        if sums is None:
            first, last = int(top[0]), int(bottom[-1])
            if (last - first) * self.width > WHOLE and len(top) > 1:
                start, stop, _ = rows.indices(level.height)
                middle = (start + stop) // 2
                return torch.cat([self.level(level, half) for half in (slice(start, middle), slice(middle, stop))], 2)
            sums = sum_table(self.images[:, first:last])
            top, bottom = top - first, bottom - first
        band = sums.index_select(1, bottom).sub_(sums.index_select(1, top))
        return _as_input(_looked_up(band, 2, right).sub_(_looked_up(band, 2, left)))

    def crops(self, which: Tensor, boxes: Tensor, size: int) -> Tensor:
        """Boxes resized to squares: (N, 3, size, size) float32, as the networks see them.

        Args:
            which: (N,) int64, each box's picture.
            boxes: (N, 4) int64 xyxy pixels inside the picture, not empty.
            size: Side of the result.
        """
        if self._sums is None:
            return self._one_by_one(which.tolist(), boxes.tolist(), size)
        columns, rows = _edges(boxes[:, :2], boxes[:, 2:], size).unbind(1)
        rows = rows + which[:, None] * (self.height + 1)
        corners = rows[:, :, None] * (self.width + 1) + columns[:, None]
        sums = _looked_up(self._sums.view(-1, 4), 0, corners.flatten()).view(*corners.shape, 4)
        band = sums[:, size:] - sums[:, :size]
        return _as_input(band[:, :, size:] - band[:, :, :size])

    def _one_by_one(self, which: Sequence[int], boxes: Sequence[Sequence[int]], size: int) -> Tensor:
        """The same without a table, for pictures too large for one."""
        found, device = [], self.images.device
        for image, (left, top, right, bottom) in zip(which, boxes, strict=True):
            picture = self.images[image, top:bottom, left:right]
            rows = zip(*(edge.tolist() for edge in _bins(bottom - top, size, device)), strict=True)
            columns = zip(*(edge.tolist() for edge in _bins(right - left, size, device)), strict=True)
            picture = functional.pad(picture, (0, 1), value=1)
            bands = torch.stack([picture[a:b].sum(0) for a, b in rows])
            found.append(_as_input(torch.stack([bands[:, a:b].sum(1) for a, b in columns], 1)[None]))
        return torch.cat(found)


def sum_table(images: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 to (B, H + 1, W + 1, 4) int32: the sum of all pixels above and to the left, and their number.

    Modulo 2**32.
    """
    count, height, width, _ = images.shape
    sums = torch.empty((count, height + 1, width + 1, 4), dtype=torch.int32, device=images.device)
    sums[:, 0] = sums[:, :, 0] = 0
    torch.cumsum(images, 2, dtype=torch.int32, out=sums[:, 1:, 1:, :3])
    sums[:, 1:, :, 3] = torch.arange(width + 1, device=images.device)
    if images.is_cuda:
        return sums.cumsum_(1)
    rows = sums.numpy()
    for y in range(1, height + 1):  # several times as fast as cumsum down the columns
        np.add(rows[:, y], rows[:, y - 1], out=rows[:, y])
    return sums


@lru_cache(maxsize=256)
def _bins(length: int, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Where each of ``size`` bins over ``length`` pixels begins and ends, both (size,) int64."""
    edges = _edges(torch.tensor(0, device=device), torch.tensor(length, device=device), size)
    return edges[:size], edges[size:]


def _edges(first: Tensor, last: Tensor, size: int) -> Tensor:
    """Where all bins over spans first..last, (...) int64 each, begin, then where all end: (..., 2 * size)."""
    number = torch.arange(size, device=first.device).repeat(2)
    number[size:] += 1
    rounding_up = torch.zeros_like(number)
    rounding_up[size:] = size - 1
    return first[..., None] + ((last - first)[..., None] * number + rounding_up) // size


def _looked_up(sums: Tensor, dimension: int, index: Tensor) -> Tensor:
    """``sums.index_select(dimension, index)`` of (..., 4) int32; the four are copied as one number, which is faster."""
    return sums.view(torch.complex128).index_select(dimension, index).view(torch.int32)


def _as_input(total: Tensor) -> Tensor:
    """Sums and counts (N, h, w, 4) to (N, 3, h, w) float32 input, channels-last in memory."""
    total = total.to(torch.float32)
    return (total[..., :3] / total[..., 3:]).sub_(127.5).mul_(0.0078125).permute(0, 3, 1, 2)
