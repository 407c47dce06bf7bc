"""Boxes and name tags on a picture: legible on any background, inside the picture, never on top of each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

Rectangle = tuple[float, float, float, float]
"""xyxy in pixels."""

_REACH = 3  # tag heights between a tag and its box, above which nobody would see that they belong together


@dataclass(frozen=True)
class Pen:
    """Sizes in pixels, in proportion to the text.

    Attributes:
        font_size: Height of the text.
    """

    font_size: float

    def of_text(self, share: float) -> int:
        """A share of the text's height, a pixel at least."""
        return max(1, round(share * self.font_size))

    @property
    def line(self) -> int:
        """Width of a box's line, without its white edges."""
        return self.of_text(0.24)

    @property
    def edge(self) -> int:
        """Width of a white edge."""
        return self.of_text(0.06)

    @property
    def padding(self) -> int:
        """Room at both ends of a tag's text."""
        return self.of_text(0.24)

    @property
    def tag_height(self) -> float:
        """Height of a tag."""
        return self.font_size * 1.2 + self.padding

    def tag_width(self, text: str) -> float:
        """Width of the tag of a text."""
        return font_of(self.font_size).getlength(text) + 2 * self.padding


@dataclass(frozen=True)
class Mark:
    """What is drawn for one face.

    Attributes:
        text: Its name tag.
        colour: Hex colour of tag and box.
        box: The face in pixels of the picture; ``None`` where it is unknown: then the tag stands at the top.
        dashed: A dashed box.
    """

    text: str
    colour: str
    box: Rectangle | None = None
    dashed: bool = False


def annotate(picture: Image.Image, marks: Sequence[Mark], font_size: float) -> None:
    """Draw the marks into the picture, all boxes first.

    A tag stands at its box, or near it where there is no room; where there is none at all it is left out, and the
    colour of the box must do. Boxes and texts that run over the picture are cut to it.

    Args:
        picture: RGB; it is drawn on.
        marks: One a face; of two that compete for room the earlier wins.
        font_size: Height of the text in pixels.
    """
    draw, pen = ImageDraw.Draw(picture), Pen(font_size)
    font = font_of(font_size)
    boxes = {n: _cut(mark.box, picture.size, 2 * pen.line) for n, mark in enumerate(marks) if mark.box is not None}
    texts = [fit_text(mark.text, font, picture.width - 2 * pen.padding - 1) for mark in marks]
    sizes = [(font.getlength(text) + 2 * pen.padding, pen.tag_height) for text in texts]
    tags = _place_all(sizes, boxes, picture.size)
    for n, box in boxes.items():
        _draw_box(draw, box, marks[n], pen)
    for n in sorted(boxes.keys() & tags.keys()):
        draw.line(_link(tags[n], boxes[n], pen.line), marks[n].colour, pen.of_text(0.18))
    for n, tag in tags.items():
        draw.rectangle(tag, fill=marks[n].colour)
        start = (tag[0] + pen.padding, (tag[1] + tag[3]) / 2)
        draw.text(start, texts[n], ink_on(marks[n].colour), font, anchor="lm")


def _place_all(
    sizes: Sequence[tuple[float, float]], boxes: dict[int, Rectangle], area: tuple[int, int]
) -> dict[int, Rectangle]:
    """The tags' rectangles by their mark's number; one without a box is put in the middle at the top."""
    tags: dict[int, Rectangle] = {}
    for n, size in enumerate(sizes):
        top_middle = (area[0] / 2, size[1], area[0] / 2, size[1])
        others = [box for m, box in boxes.items() if m != n]
        tag = place_tag(size, boxes.get(n, top_middle), area, list(tags.values()), others)
        if tag is not None:
            tags[n] = tag
    return tags


def place_tag(
    size: tuple[float, float],
    box: Rectangle,
    area: tuple[int, int],
    taken: Sequence[Rectangle],
    others: Sequence[Rectangle],
) -> Rectangle | None:
    """The best free place for a tag: above its box if possible, else below, inside or further away.

    Args:
        size: Width and height of the tag.
        box: The box that it names.
        area: Width and height of the picture, which it must not leave.
        taken: Tags that stand already; it must not touch them.
        others: Other faces, better left uncovered.

    Returns:
        The tag's rectangle, ``None`` where no place is free.
    """
    (width, height), (x0, y0, x1, y1) = size, box
    tops = [y0 - height, y1, y0, y1 - height, *_steps(area[1] - height, height / 2)]
    lefts = np.array([x0, (x0 + x1 - width) / 2, x1 - width, x1, x0 - width])
    left, top = (side.ravel() for side in np.meshgrid(np.clip(lefts, 0, area[0] - 1 - width), tops, indexing="ij"))
    tags = np.column_stack([left, top, left + width, top + height])
    away = np.max([y0 - tags[:, 3], top - y1, x0 - tags[:, 2], left - x1, np.zeros(len(tags))], axis=0)
    free = (left >= 0) & (top >= 0) & (tags[:, 3] <= area[1] - 1) & (away <= _REACH * height)
    tags, away = tags[free], away[free]
    apart = overlaps(tags, taken).sum(axis=1) == 0
    tags, away = tags[apart], away[apart]
    if not len(tags):
        return None
    covered = 0.5 * overlaps(tags, [box])[:, 0] + 4 * overlaps(tags, others).sum(axis=1)
    cost = covered / (width * height) + away / height
    best = tags[np.flatnonzero(cost <= cost.min() + 1e-6)[0]]
    return cast(Rectangle, tuple(best.tolist()))


def overlaps(a: NDArray[np.float64], b: Sequence[Rectangle]) -> NDArray[np.float64]:
    """The areas that rectangles share, in square pixels.

    Args:
        a: (N, 4).
        b: M rectangles.

    Returns:
        (N, M).
    """
    first, second = a[:, None], np.array(b, np.float64).reshape(1, -1, 4)
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    return cast(NDArray[np.float64], sides.clip(0).prod(axis=2))


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on a hex colour (ITU-R 601 luma)."""
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"


@lru_cache(maxsize=16)  # it is unpacked each time, which takes longer than drawing a frame of a video
def font_of(size: float) -> ImageFont.FreeTypeFont:
    """Pillow's own font in pixels, so that pictures look the same everywhere."""
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))  # it is FreeType's where a size is given


def fit_text(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """The text, its end cut off with an ellipsis where it is wider than ``width`` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


def _cut(box: Rectangle, size: tuple[int, int], least: int) -> Rectangle:
    """The part of a box inside the picture; never too small to be seen, at the edge if it lies wholly outside."""
    x0, x1 = (min(max(round(x), 0), size[0] - 1) for x in box[::2])
    y0, y1 = (min(max(round(y), 0), size[1] - 1) for y in box[1::2])
    return x0, y0, max(x1, x0 + least), max(y1, y0 + least)


def _link(tag: Rectangle, box: Rectangle, line: int) -> Rectangle:
    """The line between a tag that stands away from its box and the box; of no length where they touch."""
    x = min(max((tag[0] + tag[2]) / 2, box[0] + line), box[2] - line)
    y = min(max((tag[1] + tag[3]) / 2, box[1] + line), box[3] - line)
    return min(max(x, tag[0]), tag[2]), min(max(y, tag[1]), tag[3]), x, y


def _draw_box(draw: ImageDraw.ImageDraw, box: Rectangle, mark: Mark, pen: Pen) -> None:
    """A coloured line between two white ones, so that it shows on any background."""
    draw.rectangle(box, outline="white", width=pen.line + 2 * pen.edge)
    x0, y0, x1, y1 = box[0] + pen.edge, box[1] + pen.edge, box[2] - pen.edge, box[3] - pen.edge
    if not mark.dashed:
        draw.rectangle((x0, y0, x1, y1), outline=mark.colour, width=pen.line)
        return
    dash, gap = pen.of_text(0.53), pen.of_text(0.35)
    for x in _steps(x1 - x0, dash + gap):
        end = min(x0 + x + dash, x1)
        draw.rectangle((x0 + x, y0, end, y0 + pen.line - 1), mark.colour)
        draw.rectangle((x0 + x, y1 - pen.line + 1, end, y1), mark.colour)
    for y in _steps(y1 - y0, dash + gap):
        end = min(y0 + y + dash, y1)
        draw.rectangle((x0, y0 + y, x0 + pen.line - 1, end), mark.colour)
        draw.rectangle((x1 - pen.line + 1, y0 + y, x1, end), mark.colour)


def _steps(end: float, step: float) -> list[float]:
    """0, step, 2 step, ... up to and with ``end``."""
    return [n * step for n in range(int(end / step) + 1)] if end >= 0 else []
