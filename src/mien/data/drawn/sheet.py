"""The contact sheet: a look at what is drawn."""

import numpy as np
from PIL import Image as Pil
from PIL import ImageDraw, ImageFont

from mien.data.drawn.faces import DrawnFaces
from mien.labels import EXPRESSIONS, colour


def contact_sheet(rows: int, size: int, seed: int) -> Pil.Image:
    """Drawn faces in a grid: one column a class under its name.

    Args:
        rows: Faces a class.
        size: Side of a face in pixels.
        seed: Seed of the renderer.
    """
    faces = DrawnFaces(rows * len(EXPRESSIONS), seed, size)
    gap = max(2, size // 32)
    head = max(18, size // 5)
    width = len(EXPRESSIONS) * (size + gap) + gap
    sheet = Pil.new("RGB", (width, head + rows * (size + gap) + gap), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(min(28, max(11, size // 6)))
    for column, name in enumerate(EXPRESSIONS):
        x = gap + column * (size + gap)
        draw.text((x + size / 2, head / 2), name, fill=colour(name), font=font, anchor="mm")
        for row, index in enumerate(np.flatnonzero(faces.labels == column).tolist()):
            sheet.paste(Pil.fromarray(faces.read(index)), (x, head + gap + row * (size + gap)))
    return sheet
