"""Boxes and name tags on a picture: legible on any background, inside the picture, never on top of each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import cast

from PIL import Image, ImageColor, ImageDraw, ImageFont

Rectangle = tuple[float, float, float, float]
"""xyxy in pixels."""

_LINE, _DASH, _GAP = 4, 9, 6
_PADDING = 4
_REACH = 3  # tag heights between a tag and its box, above which nobody would see that they belong together


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
    draw = ImageDraw.Draw(picture)
    font = font_of(font_size)
    boxes = {n: _cut(mark.box, picture.size) for n, mark in enumerate(marks) if mark.box is not None}
    texts = [fit_text(mark.text, font, picture.width - 2 * _PADDING - 1) for mark in marks]
    sizes = [(font.getlength(text) + 2 * _PADDING, font_size * 1.2 + _PADDING) for text in texts]
    tags = _place_all(sizes, boxes, picture.size)
    for n, box in boxes.items():
        _draw_box(draw, box, marks[n].colour, dashed=marks[n].dashed)
    for n in sorted(boxes.keys() & tags.keys()):
        draw.line(_link(tags[n], boxes[n]), marks[n].colour, 3)
    for n, tag in tags.items():
        draw.rectangle(tag, fill=marks[n].colour)
        start = (tag[0] + _PADDING, (tag[1] + tag[3]) / 2)
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
    lefts = [x0, (x0 + x1 - width) / 2, x1 - width, x1, x0 - width]
    best, best_cost = None, float("inf")
    for left, top in product(lefts, tops):
        inside = min(max(left, 0), area[0] - 1 - width)  # lefts may leave the picture: pushed back
        tag = (inside, top, inside + width, top + height)
        away = max(y0 - tag[3], tag[1] - y1, x0 - tag[2], tag[0] - x1, 0)
        off = inside < 0 or top < 0 or tag[3] > area[1] - 1
        if off or away > _REACH * height or any(overlap(tag, other) > 0 for other in taken):
            continue
        covered = 0.5 * overlap(tag, box) + 4 * sum(overlap(tag, other) for other in others)
        cost = covered / (width * height) + away / height
        if cost < best_cost - 1e-6:
            best, best_cost = tag, cost
    return best


def overlap(a: Rectangle, b: Rectangle) -> float:
    """The area that two rectangles share, in square pixels."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on a hex colour (ITU-R 601 luma)."""
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"


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


def _cut(box: Rectangle, size: tuple[int, int]) -> Rectangle:
    """The part of a box inside the picture; never too small to be seen, at the edge if it lies wholly outside."""
    x0, x1 = (min(max(round(x), 0), size[0] - 1) for x in box[::2])
    y0, y1 = (min(max(round(y), 0), size[1] - 1) for y in box[1::2])
    return x0, y0, max(x1, x0 + 2 * _LINE), max(y1, y0 + 2 * _LINE)


def _link(tag: Rectangle, box: Rectangle) -> Rectangle:
    """The line between a tag that stands away from its box and the box; of no length where they touch."""
    x = min(max((tag[0] + tag[2]) / 2, box[0] + _LINE), box[2] - _LINE)
    y = min(max((tag[1] + tag[3]) / 2, box[1] + _LINE), box[3] - _LINE)
    return min(max(x, tag[0]), tag[2]), min(max(y, tag[1]), tag[3]), x, y


def _draw_box(draw: ImageDraw.ImageDraw, box: Rectangle, colour: str, *, dashed: bool) -> None:
    """A coloured line between two white ones, so that it shows on any background."""
    draw.rectangle(box, outline="white", width=_LINE + 2)
    x0, y0, x1, y1 = box[0] + 1, box[1] + 1, box[2] - 1, box[3] - 1
    if not dashed:
        draw.rectangle((x0, y0, x1, y1), outline=colour, width=_LINE)
        return
    for x in _steps(x1 - x0, _DASH + _GAP):
        end = min(x0 + x + _DASH, x1)
        draw.rectangle((x0 + x, y0, end, y0 + _LINE - 1), colour)
        draw.rectangle((x0 + x, y1 - _LINE + 1, end, y1), colour)
    for y in _steps(y1 - y0, _DASH + _GAP):
        end = min(y0 + y + _DASH, y1)
        draw.rectangle((x0, y0 + y, x0 + _LINE - 1, end), colour)
        draw.rectangle((x1 - _LINE + 1, y0 + y, x1, end), colour)


def _steps(end: float, step: float) -> list[float]:
    """0, step, 2 step, ... up to and with ``end``."""
    return [n * step for n in range(int(end / step) + 1)] if end >= 0 else []
