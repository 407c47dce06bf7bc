"""A whole head, from the shoulders to the hair, and the box around its face."""

import numpy as np
from numpy.typing import NDArray

from mien.data.drawn import features, hair
from mien.data.drawn.canvas import Canvas, Points, ellipse
from mien.data.drawn.expression import Expression
from mien.data.drawn.person import Identity, dim, mix

BOX_TOP = -0.83
"""Where a face box begins, in head units: on the forehead, below the hairline."""
BOX_WIDTH = 0.95
"""Width of a face box as a share of the face's: with these two the boxes agree best with MTCNN's."""


def outline(who: Identity, face: Expression) -> Points:
    """The outline of skull, cheeks and chin, clockwise from the top, (14, 2) in head units."""
    drop = 0.1 * max(0.0, face.jaw_drop)
    chin = who.chin + drop
    right = np.array(
        [
            (0.34, -1.14), (0.64, -0.88), (0.77, -0.42), (0.765, 0.0),
            (0.68 + 0.06 * (who.jaw - 1) * 10, 0.42 + drop / 3), (0.44 * who.jaw, 0.82 * chin), (0.16 * who.jaw, chin),
        ]
    )  # fmt: skip
    right[:, 0] *= who.width
    return np.concatenate([right, (right * (-1, 1))[::-1]])


def paint_head(canvas: Canvas, who: Identity, face: Expression) -> None:
    """A person from the shoulders up.

    Args:
        canvas: Where to paint.
        who: The person.
        face: The expression.
    """
    skull = outline(who, face)
    if who.style != "scarf":
        hair.paint_behind(canvas, who)
    _paint_body(canvas, who, skull)
    if who.style == "scarf":
        hair.paint_behind(canvas, who)
    if who.style not in ("bob", "long", "wavy", "scarf"):
        _paint_ears(canvas, who)
    canvas.blob(skull, who.skin)
    hair.paint_beard(canvas, who, skull)
    canvas.shadow(ellipse(0, -0.62, 0.4, 0.16, 10), 0.07, 0.3)
    features.paint_folds(canvas, who, face)
    features.paint_nose(canvas, who, face)
    hair.paint_moustache(canvas, who, face)
    features.paint_mouth(canvas, who, face)
    features.paint_eyes(canvas, who, face)
    features.paint_brows(canvas, who, face)
    hair.paint_front(canvas, who)
    if who.glasses:
        _paint_glasses(canvas, who)


def _paint_body(canvas: Canvas, who: Identity, skull: Points) -> None:
    wide = 0.42 * who.width
    base = canvas.upright(np.array([(wide, 1.15), (0.72, 1.5), (-0.72, 1.5), (-wide, 1.15)]))
    neck = np.concatenate([[(-wide, 0.4), (wide, 0.4)], base])
    canvas.fill(neck, dim(who.skin, 0.84), -0.3)
    under = skull[4:10] * (0.9, 1) + (0, 0.13)
    under[:, 0] = np.clip(under[:, 0], -wide, wide)
    canvas.blob(under, dim(who.skin, 0.66), -0.3)
    right = np.array([(0.36, 1.32), (0.62, 1.38), (1.2, 1.55), (1.55, 1.95), (1.7, 3.2), (1.6, 16)])
    collar = np.array([(0.0, 1.5)])
    body = canvas.upright(np.concatenate([collar, right, (right * (-1, 1))[::-1]]))
    canvas.fill(body, who.clothes, -0.5)
    canvas.stroke(body[[-1, 0, 1]], 0.06, dim(who.clothes, 0.75), -0.5, blunt=1)


def _paint_ears(canvas: Canvas, who: Identity) -> None:
    for side in (-1, 1):
        x = side * 0.775 * who.width
        canvas.fill(ellipse(x, 0.04, 0.085, 0.18, 14), dim(who.skin, 0.93), -0.3)
        canvas.fill(ellipse(x + side * 0.012, 0.04, 0.045, 0.11, 10), dim(who.skin, 0.76), -0.3)


def _paint_glasses(canvas: Canvas, who: Identity) -> None:
    frame = mix(who.clothes, (24, 22, 26), 0.75)
    y = features.EYE + 0.03
    for side in (-1, 1):
        x = side * 0.355 * who.eye_gap * who.width
        corners = ellipse(x, y, 0.235, 0.19, 16)
        if who.glasses == "square":
            corners = (x, y) + np.sign(corners - (x, y)) * np.abs((corners - (x, y)) / (0.235, 0.19)) ** 0.5 * (
                0.235,
                0.17,
            )
        canvas.stroke(np.concatenate([corners, corners[:1]]), 0.034, frame, 0.45, blunt=1)
        hinge = x + side * 0.23 + 0.4 * canvas.pose.yaw  # the ear end lies further back than the lens
        if (side * 0.73 * who.width - hinge) * side > 0.02:
            temple = np.array([(hinge, y - 0.05), (side * 0.73 * who.width, y - 0.06)])
            canvas.stroke(temple, 0.034, frame, 0.05, blunt=1)
    inner = 0.355 * who.eye_gap * who.width - 0.23
    canvas.stroke(np.array([(-inner, y - 0.03), (0, y - 0.06), (inner, y - 0.03)]), 0.034, frame, 0.5, blunt=1)


def face_box(canvas: Canvas, who: Identity, face: Expression) -> NDArray[np.float64]:
    """The tight box of the face, from forehead to chin and cheek to cheek: (4,) xyxy pixels."""
    skull = outline(who, face) * (BOX_WIDTH, 1)
    skull[:, 1] = np.maximum(skull[:, 1], BOX_TOP)
    pixels = canvas.place(skull, 0.15)
    return np.concatenate([pixels.min(0), pixels.max(0)])
