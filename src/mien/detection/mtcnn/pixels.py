"""Area resampling of whole pictures and of boxes in them, by differences of a table of sums.

A pixel of the result is the mean of the pixels that its area touches: bin i of ``size`` over ``length`` pixels reaches
from floor(i * length / size) to ceil((i + 1) * length / size), as in PyTorch's ``interpolate(mode="area")``. Sums are
exact integers (modulo 2**32, which no bin of less than 8 million pixels reaches).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mien.detection.mtcnn.pyramid import Canvas, Level

WHOLE = 2**24
"""Up to so many pixels a picture's table is kept whole (12 bytes a pixel); larger pictures are read piece by piece."""


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
        total = band.index_select(2, right).sub_(band.index_select(2, left))
        count = (bottom - top)[:, None] * (right - left)
        return _as_input(total, count[None])

    def crops(self, which: Tensor, boxes: Tensor, size: int) -> Tensor:
        """Boxes resized to squares: (N, 3, size, size) float32, as the networks see them.

        Args:
            which: (N,) int64, each box's picture.
            boxes: (N, 4) int64 xyxy pixels inside the picture, not empty.
            size: Side of the result.
        """
        if self._sums is None:
            return self._one_by_one(which.tolist(), boxes.tolist(), size)
        left, right = _bins_of(boxes[:, 0], boxes[:, 2], size)
        top, bottom = _bins_of(boxes[:, 1], boxes[:, 3], size)
        start = which[:, None] * (self.height + 1)
        table, stride = self._sums.view(-1, 3), self.width + 1
        upper, lower = ((start + edge) * stride for edge in (top, bottom))

        def at(rows: Tensor, columns: Tensor) -> Tensor:
            return table.index_select(0, (rows[:, :, None] + columns[:, None, :]).flatten())

        total = at(lower, right).sub_(at(upper, right)).sub_(at(lower, left)).add_(at(upper, left))
        count = (bottom - top)[:, :, None] * (right - left)[:, None, :]
        return _as_input(total.view(len(boxes), size, size, 3), count)

    def _one_by_one(self, which: Sequence[int], boxes: Sequence[Sequence[int]], size: int) -> Tensor:
        """The same without a table, for pictures too large for one."""
        found, device = [], self.images.device
        for image, (left, top, right, bottom) in zip(which, boxes, strict=True):
            picture = self.images[image, top:bottom, left:right]
            rows = zip(*(edge.tolist() for edge in _bins(bottom - top, size, device)), strict=True)
            columns = zip(*(edge.tolist() for edge in _bins(right - left, size, device)), strict=True)
            bands = torch.stack([picture[a:b].sum(0) for a, b in rows])
            total = torch.stack([bands[:, a:b].sum(1) for a, b in columns], 1)
            heights, widths = (torch.sub(*_bins(n, size, device)).neg() for n in (bottom - top, right - left))
            found.append(_as_input(total[None], (heights[:, None] * widths)[None]))
        return torch.cat(found)


def sum_table(images: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 to (B, H + 1, W + 1, 3) int32: the sum of all pixels above and to the left, modulo 2**32."""
    count, height, width, _ = images.shape
    sums = torch.zeros((count, height + 1, width + 1, 3), dtype=torch.int32, device=images.device)
    inner = sums[:, 1:, 1:]
    inner.copy_(images)
    inner.cumsum_(2)
    if images.is_cuda:
        return sums.cumsum_(1)
    rows = sums.numpy()
    for y in range(1, height + 1):  # several times as fast as cumsum down the columns
        np.add(rows[:, y], rows[:, y - 1], out=rows[:, y])
    return sums


def _bins(length: int, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Where each of ``size`` bins over ``length`` pixels begins and ends, both (size,) int64."""
    bins = torch.arange(size + 1, device=device) * length
    return bins[:-1] // size, -(-bins[1:] // size)


def _bins_of(first: Tensor, last: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The same for many spans first..last, (N,) int64 each: begins and ends, (N, size)."""
    bins = torch.arange(size + 1, device=first.device) * (last - first)[:, None]
    return first[:, None] + bins[:, :-1] // size, first[:, None] - (-bins[:, 1:] // size)


def _as_input(total: Tensor, count: Tensor) -> Tensor:
    """Sums (N, h, w, 3) over ``count`` (1 or N, h, w) pixels to (N, 3, h, w) float32 input, channels-last in memory."""
    mean = total / count[..., None].to(torch.float32)
    return mean.sub_(127.5).mul_(0.0078125).permute(0, 3, 1, 2)
