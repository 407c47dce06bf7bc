"""Area resampling of whole pictures and of boxes in them, by differences of a table of sums.

A pixel of the result is the mean of the pixels that its area touches: bin i of ``size`` over ``length`` pixels reaches
from floor(i * length / size) to ceil((i + 1) * length / size), as in PyTorch's ``interpolate(mode="area")``. The sums
of the three channels stand in one number, 21 bits each, so that all are looked up and subtracted at once. The sums of
large areas run over, into their neighbours' bits and out of the number, but differences are right again: what counts
is that a bin's own sums fit.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from mien.detection.mtcnn.pyramid import Canvas, Level

WHOLE = 2**24
"""Up to so many pixels a picture's table is kept whole (8 bytes a pixel); larger pictures are read piece by piece."""
_BITS = 21  # of a channel's sum
_LARGEST = (2**_BITS - 1) // 255
"""Pixels of a bin whose sums fit; the sums of larger ones are put together from those of their quarters."""


class Pixels:
    """Pictures of one size, to be seen at any scale.

    Args:
        images: (B, H, W, 3) uint8 RGB.
    """

    def __init__(self, images: Tensor) -> None:
        self.images = images
        self.height, self.width = images.shape[1:3]
        self._table = sum_table(images) if self.height * self.width <= WHOLE else None

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
        count, device = len(self.images), self.images.device
        down, across = _bins(self.height, level.height, device)[:, rows], _bins(self.width, level.width, device)
        table = self._table
        if table is None:
            first, last = int(down[0, 0]), int(down[1, -1])
            if (last - first) * self.width > WHOLE and down.shape[1] > 1:
                start, stop, _ = rows.indices(level.height)
                middle = (start + stop) // 2
                return torch.cat([self.level(level, half) for half in (slice(start, middle), slice(middle, stop))], 2)
            table, down = sum_table(self.images[:, first:last]), down - first
        longest = self.height // level.height + 2, self.width // level.width + 2
        which = torch.arange(count, device=device)
        return _means(table, which, down.expand(count, -1, -1), across.expand(count, -1, -1), longest)

    def crops(self, which: Tensor, boxes: Tensor, size: int) -> Tensor:
        """Boxes resized to squares: (N, 3, size, size) float32, as the networks see them.

        Args:
            which: (N,) int64, each box's picture.
            boxes: (N, 4) int64 xyxy pixels inside the picture, not empty.
            size: Side of the result.
        """
        if self._table is None:
            return self._one_by_one(which.tolist(), boxes.tolist(), size)
        across, down = _edges(boxes[:, :2], boxes[:, 2:], size).unbind(1)
        height, width = self.height // size + 2, self.width // size + 2
        if height * width > _LARGEST and len(boxes):
            width, height = ((boxes[:, 2:] - boxes[:, :2]).amax(0) // size + 2).tolist()
        return _means(self._table, which, down, across, (height, width))

    def _one_by_one(self, which: Sequence[int], boxes: Sequence[Sequence[int]], size: int) -> Tensor:
        """The same without a table of the whole picture, for pictures too large for one."""
        places = zip(which, boxes, strict=True)
        parts = [self.images[image, None, top:bottom, left:right] for image, (left, top, right, bottom) in places]
        return torch.cat([Pixels(part).level(Level(0, 1.0, size, size), slice(None)) for part in parts])


def sum_table(images: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 to (B, H + 1, W + 1) int64: the sums of all pixels above and to the left.

    Red's sum, and times 2**21 and 2**42 green's and blue's, modulo 2**64.
    """
    count, height, width, _ = images.shape
    red, green, blue = images.unbind(3)
    packed = blue.to(torch.int64)
    for channel in (green, red):
        packed.bitwise_left_shift_(_BITS).bitwise_or_(channel)
    sums = torch.empty((count, height + 1, width + 1), dtype=torch.int64, device=images.device)
    sums[:, 0] = sums[:, :, 0] = 0
    torch.cumsum(packed, 2, out=sums[:, 1:, 1:])
    if images.is_cuda:
        return sums.cumsum_(1)
    rows = sums.numpy()
    for y in range(1, height + 1):  # several times as fast as cumsum down the columns
        np.add(rows[:, y], rows[:, y - 1], out=rows[:, y])
    return sums


@lru_cache(maxsize=256)
def _bins(length: int, size: int, device: torch.device) -> Tensor:
    """Where each of ``size`` bins over ``length`` pixels begins and ends, (2, size) int64."""
    return _edges(torch.tensor(0, device=device), torch.tensor(length, device=device), size)


def _edges(first: Tensor, last: Tensor, size: int) -> Tensor:
    """Where each bin over spans first..last, (...) int64 each, begins and ends: (..., 2, size)."""
    number = torch.arange(size, device=first.device)
    bounds = torch.stack([number, number + 1])
    rounding_up = torch.stack([torch.zeros_like(number), torch.full_like(number, size - 1)])
    return first[..., None, None] + ((last - first)[..., None, None] * bounds + rounding_up) // size


def _means(table: Tensor, which: Tensor, down: Tensor, across: Tensor, longest: tuple[int, int]) -> Tensor:
    """Means of bins as the networks see them: (N, 3, h, w) float32, channels-last in memory.

    Args:
        table: (B, H + 1, W + 1), of all pictures.
        which: (N,) int64, pictures.
        down: (N, 2, h) int64, where their bins begin and end.
        across: (N, 2, w) int64, likewise.
        longest: Pixels that no bin exceeds, down and across.
    """
    heights, widths = down[:, 1] - down[:, 0], across[:, 1] - across[:, 0]
    counts = (heights[:, :, None] * widths[:, None]).to(torch.float32)
    sums = _sums(table, down + which[:, None, None] * table.shape[1], across, longest)
    means = sums.div_(counts).sub_(127.5).mul_(0.0078125)
    return means.transpose(0, 1).contiguous(memory_format=torch.channels_last)


def _sums(table: Tensor, down: Tensor, across: Tensor, longest: tuple[int, int]) -> Tensor:
    """Sums of bins as in :func:`_means`, ``down`` counting the rows of all pictures: (3, N, h, w) float32."""
    height, width = longest
    if height * width > _LARGEST:
        half = -(-height // 2), -(-width // 2)
        quarters = [_sums(table, rows, columns, half) for rows in _halves(down) for columns in _halves(across)]
        return torch.stack(quarters).sum(0)
    corners = (down * table.shape[2])[..., None, None] + across[:, None, None]
    index = corners.flatten(0, 2).flatten(1)
    edges = table.view(1, -1).expand(len(index), -1).gather(1, index).view(corners.shape)  # a row for each thread
    band = edges[:, 1] - edges[:, 0]
    packed = band[:, :, 1] - band[:, :, 0]
    first_bits = torch.arange(0, 3 * _BITS, _BITS, device=table.device)[:, None, None, None]
    return (packed >> first_bits).bitwise_and_(2**_BITS - 1).to(torch.float32)


def _halves(edges: Tensor) -> tuple[Tensor, Tensor]:
    """The first and the second half of bins (N, 2, n)."""
    first, last = edges.unbind(1)
    middle = (first + last) // 2
    return torch.stack([first, middle], 1), torch.stack([middle, last], 1)
