"""Annotated pictures: each class in its own colour, box and text in proportion to picture and faces."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from mien.endtoend.annotate import Mark, Pen, Rectangle, annotate
from mien.files import atomic_path
from mien.labels import colour
from mien.recognition.faces import RecognizedFace
from mien.types import Image

JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
JPEG_QUALITY = 92
_LEAST_SIDE = 160
"""Pictures whose longer side is below this are enlarged by a whole number, so that a tag fits."""
_PAPER = "#ECECEC"
_TEXT_OF_FACE = 0.2
"""Height of the text as a share of the usual face's width: a tag is then about one and a half faces wide."""
_TEXT_OF_PICTURE = 0.015, 0.035
"""Its limits, as shares of the picture's shorter side, or the square root of the area for very long ones: it stays
legible where a whole picture is seen on a screen, and does not grow beyond a headline."""
_TEXT_OF_ROOM = 0.085
"""Its limit in a crowd, as a share of the side of a square that each face has for itself: all tags together then take
less than a tenth of the picture."""
_TEXT_PIXELS = 11.0, 12.0
"""Its limits in pixels: what can be drawn legibly, and what any picture has room for."""


def annotate_photo(image: Image, faces: Sequence[RecognizedFace]) -> PIL.Image.Image:
    """A photo with its faces.

    Where a tag does not fit, a small picture is enlarged, and a narrow or low one gets a gray border.

    Args:
        image: (H, W, 3) uint8 RGB.
        faces: Its faces.
    """
    picture = PIL.Image.fromarray(image)
    if not faces:
        return picture
    scale = max(1, math.ceil(_LEAST_SIDE / max(picture.size)))
    if scale > 1:
        picture = picture.resize((picture.width * scale, picture.height * scale), PIL.Image.Resampling.BICUBIC)
    boxes = [scale * face.box for face in faces]
    widths = [float(box[2] - box[0]) for box in boxes]
    pen = Pen(text_height(picture.size, len(faces), float(np.median(widths))))
    marks = [_mark(face) for face in faces]
    room = max(pen.tag_width(mark.text) for mark in marks) + 2, 3 * pen.tag_height
    picture, offset = _with_room(picture, (math.ceil(room[0]), math.ceil(room[1])))
    shift = np.array([*offset, *offset])
    placed = [_mark(face, _rectangle(box + shift)) for face, box in zip(faces, boxes, strict=True)]
    annotate(picture, placed, pen.font_size)
    return picture


def annotate_frame(image: Image, numbered: Sequence[tuple[int, RecognizedFace]]) -> Image:
    """A video's frame with its faces, each tag with the number of its track; the size stays.

    Args:
        image: (H, W, 3) uint8 RGB; it is left as it is.
        numbered: The faces and their tracks' numbers.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    if not numbered:
        return image
    picture = PIL.Image.fromarray(image)
    marks = [_mark(face, _rectangle(face.box), f"#{number} ") for number, face in numbered]
    # Neither the faces' sizes nor their exact number count: the text would change from frame to frame.
    annotate(picture, marks, text_height(picture.size, 1 << (len(marks) - 1).bit_length()))
    return np.asarray(picture)


def text_height(size: tuple[int, int], count: int, width: float | None = None) -> float:
    """Height in pixels of the text on a picture.

    Args:
        size: Width and height of the picture.
        count: Number of its faces, 1 at least.
        width: Their usual width in pixels; ``None``: as for large ones.
    """
    side = max(min(size), math.sqrt(size[0] * size[1]) / 3)
    room = _TEXT_OF_ROOM * math.sqrt(size[0] * size[1] / count)
    least, most = (
        max(pixels, min(share * side, room)) for pixels, share in zip(_TEXT_PIXELS, _TEXT_OF_PICTURE, strict=True)
    )
    return most if width is None else min(max(_TEXT_OF_FACE * width, least), most)


def save_picture(picture: PIL.Image.Image, path: Path) -> None:
    """Write a picture, atomically: JPEG of quality 92 or PNG, as the name says.

    Raises:
        RunFolderError: It cannot be written.
    """
    with atomic_path(path) as temporary:
        if path.suffix.lower() in JPEG_SUFFIXES:
            picture.save(temporary, format="JPEG", quality=JPEG_QUALITY)
        else:
            picture.save(temporary, format="PNG")


def _mark(face: RecognizedFace, box: Rectangle | None = None, prefix: str = "") -> Mark:
    return Mark(f"{prefix}{face.label} {100 * face.probability:.0f} %", colour(face.label), box)


def _rectangle(box: NDArray[np.float32]) -> Rectangle:
    x0, y0, x1, y1 = box.tolist()
    return x0, y0, x1, y1


def _with_room(picture: PIL.Image.Image, room: tuple[int, int]) -> tuple[PIL.Image.Image, tuple[int, int]]:
    """The picture on gray paper of the size that is needed, and where on it; itself where it is large enough."""
    size = max(picture.width, room[0]), max(picture.height, room[1])
    if size == picture.size:
        return picture, (0, 0)
    offset = (size[0] - picture.width) // 2, (size[1] - picture.height) // 2
    paper = PIL.Image.new("RGB", size, _PAPER)
    paper.paste(picture, offset)
    return paper, offset
