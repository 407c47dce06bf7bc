"""Contact sheets: pictures in a grid, each in a frame and under a line or two of text."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from mien.report import style
from mien.types import Image


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a sheet.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        lines: Up to two short lines over it.
        hue: Colour of its frame.
        width: Width of the frame in points.
    """

    image: Image
    lines: Sequence[str]
    hue: str = style.FAINT
    width: float = 1.5


@style.styled
def contact_sheet(tiles: Sequence[Tile | None], columns: int, head: str, path: Path, size: float = 7.5) -> Path:
    """Draw a sheet.

    Args:
        tiles: The pictures, row by row; ``None`` leaves a place empty.
        columns: Pictures a row.
        head: What is shown, over the sheet; one or more lines.
        path: The PNG to write.
        size: Of the text over the pictures, in points.
    """
    rows = max(1, ceil(len(tiles) / columns))
    figure = style.figure(1.36 * columns, 1.72 * rows + 0.16 + 0.12 * len(head.splitlines()))
    figure.suptitle(head, x=0.01, ha="left", fontsize=style.SMALL, color=style.SOFT)
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, tile in zip(grid, [*tiles, *[None] * (len(grid) - len(tiles))], strict=True):
        axes.set_axis_off()
        if tile is None:
            continue
        axes.set_axis_on()
        axes.imshow(tile.image, interpolation="bicubic")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=tile.hue, lw=tile.width)
        for n, line in enumerate(reversed(tile.lines)):
            style.beside(axes, (0, 1), (0, 4 + 1.33 * size * n), line, transform=axes.transAxes, fontsize=size)
    return style.save(figure, path)
