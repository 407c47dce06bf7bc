"""Contact sheets: pictures in a grid, each in a frame and under a line or two of text."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from matplotlib.axes import Axes

from mien.labels import shortened
from mien.report import style
from mien.types import Image

WIDTH, SIZE = 1.36, 7.5  # of a picture with its frame in inches, and of its text in points


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


def fitted(mark: str, name: str, end: str, size: float = SIZE) -> str:
    """A line over a picture whose middle, a name, is cut short where the whole would be too long.

    Examples:
        >>> fitted("→ ", "happily disgusted", " 95 %")
        '→ happily disgu… 95 %'
    """
    return mark + shortened(name, _letters(size) - len(mark + end)) + end


@style.styled
def contact_sheet(tiles: Sequence[Tile | None], columns: int, head: str, path: Path, size: float = SIZE) -> Path:
    """Draw a sheet.

    Args:
        tiles: The pictures, row by row; ``None`` leaves a place empty.
        columns: Pictures a row.
        head: What is shown, over the sheet; one or more lines.
        path: The PNG to write.
        size: Of the text over the pictures, in points.
    """
    rows = max(1, ceil(len(tiles) / columns))
    figure = style.figure(WIDTH * columns, 1.72 * rows + 0.16 + 0.12 * len(head.splitlines()))
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
            _over(axes, shortened(line, _letters(size)), size, n)
    return style.save(figure, path)


def _letters(size: float) -> int:
    """How many letters of this size, in points, fit over a picture."""
    return int(WIDTH * 72 / (0.62 * size))


def _over(axes: Axes, line: str, size: float, above: int) -> None:
    """A line over a picture; a long one may run past it, and does not make it smaller."""
    short = line[: _letters(size) - 4]
    look = {"transform": axes.transAxes, "fontsize": size}
    place = (0, 4 + 1.33 * size * above)
    style.beside(axes, (0, 1), place, line, in_layout=line == short, **look)
    if line != short:
        style.beside(axes, (0, 1), place, short, alpha=0, **look)
