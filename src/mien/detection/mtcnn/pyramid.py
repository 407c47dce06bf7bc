"""Where the levels of an image pyramid lie on the canvases that the first network sees.

A large level is cut into strips, each a canvas of its own; the small levels of a picture share one canvas, so that the
network runs once for all of them. Every window lies wholly on one tile, and every window of a level on just one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from mien.detection.mtcnn.boxes import STRIDE

_OVERLAP = 10  # pixels that the windows of neighbouring strips share: the width of a window less the stride
_LEAST = 16  # rows of windows a strip has at least


@dataclass(frozen=True)
class Level:
    """A level: its number, its scale to the picture, and its size in pixels."""

    number: int
    scale: float
    height: int
    width: int


@dataclass(frozen=True)
class Tile:
    """Rows of a level, and where they lie on a canvas; ``top`` and ``left`` are even."""

    level: Level
    rows: slice
    top: int
    left: int

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.rows.stop - self.rows.start)


class Canvas:
    """Tiles beside each other, and which window belongs to which of them.

    Attributes:
        height, width: In pixels.
        tiles: What lies on it.
        seams: Of the first layer's output, what must not be seen beyond a tile's last row or column.
    """

    def __init__(self, tiles: Sequence[Tile], device: torch.device) -> None:
        self.tiles = tuple(tiles)
        self.height = max(tile.top + tile.height for tile in tiles)
        self.width = max(tile.left + tile.level.width for tile in tiles)
        self.seams = tuple(seam for tile in tiles for seam in self._seams(tile))
        self._owner = self._owners().to(device)
        first = [(tile.rows.start - tile.top) // STRIDE for tile in tiles]
        facts = [(tile.level.number, down, -tile.left // STRIDE) for tile, down in zip(tiles, first, strict=True)]
        self._facts = torch.tensor(facts, device=device)
        self._scales = torch.tensor([tile.level.scale for tile in tiles], device=device)

    def _owners(self) -> Tensor:
        """The tile of every window, -1 for those of none: (h, w) int64."""
        shape = window_count(self.height), window_count(self.width)
        if len(self.tiles) == 1:
            return torch.zeros(1, 1, dtype=torch.int64).expand(shape)  # one number, however large the canvas
        owners = torch.full(shape, -1)
        for n, tile in enumerate(self.tiles):
            top, left = tile.top // STRIDE, tile.left // STRIDE
            owners[top : top + window_count(tile.height), left : left + window_count(tile.level.width)] = n
        return owners

    def _seams(self, tile: Tile) -> Iterator[tuple[slice, slice]]:
        """Where a pooling window would reach from an odd row or column of a tile into what lies beyond."""
        bottom, right = tile.top + tile.height - 2, tile.left + tile.level.width - 2
        if tile.height % 2 and bottom < self.height - 2:
            yield slice(bottom, bottom + 1), slice(tile.left, right + 1)
        if tile.level.width % 2 and right < self.width - 2:
            yield slice(tile.top, bottom + 1), slice(right, right + 1)

    def find(self, passed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Windows that passed and belong to a tile: picture, row and column on the canvas, (N,) int64 each.

        Args:
            passed: (B, h, w) bool, one a window of the canvas.
        """
        image, row, column = (passed & (self._owner >= 0)).nonzero().unbind(1)
        return image, row, column

    def on_level(self, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Windows' level, row and column on it, and its scale, (N,) each."""
        tile = self._owner[row, column]
        level, down, across = self._facts[tile].unbind(1)
        return level, row + down, column + across, self._scales[tile]


def window_count(side: int) -> int:
    """How many windows of the first network lie in a row of so many pixels."""
    return -(-(side - 2) // STRIDE) - 4


@lru_cache(maxsize=32)
def canvases(
    height: int, width: int, scales: tuple[float, ...], budget: int, device: torch.device
) -> tuple[Canvas, ...]:
    """The canvases of pictures of one size.

    Args:
        height: Of the pictures in pixels.
        width: Likewise.
        scales: Of the levels, the largest first.
        budget: Pixels that a canvas should not exceed by much.
        device: Where its tensors are to lie.
    """
    levels = [Level(n, s, int(height * s + 1), int(width * s + 1)) for n, s in enumerate(scales)]
    large = [level for level in levels if level.height * level.width > budget]
    small = levels[len(large) :]
    found = [Canvas([Tile(level, rows, 0, 0)], device) for level in large for rows in strips(level, budget)]
    return (*found, *([Canvas(_packed(small), device)] if small else []))


def strips(level: Level, budget: int) -> Iterator[slice]:
    """A level's rows in strips of about ``budget`` pixels, such that every window lies in exactly one."""
    count = window_count(level.height)
    step = max(budget // level.width // STRIDE, _LEAST)
    for first in range(0, count, step):
        last = first + step
        yield slice(STRIDE * first, level.height if last >= count else STRIDE * last + _OVERLAP)


def _packed(levels: Sequence[Level]) -> list[Tile]:
    """Whole levels on shelves as wide as the first: each on the first shelf that has room, else on a new one."""
    tiles: list[Tile] = []
    shelves: list[tuple[int, int]] = []  # top and used width
    bottom = 0
    for level in levels:
        fits = (n for n, (_, used) in enumerate(shelves) if used + level.width <= levels[0].width)
        n = next(fits, len(shelves))
        if n == len(shelves):
            shelves.append((bottom, 0))
            bottom += _even(level.height)
        top, left = shelves[n]
        tiles.append(Tile(level, slice(0, level.height), top, left))
        shelves[n] = (top, left + _even(level.width))
    return tiles


def _even(length: int) -> int:
    return length + length % 2
