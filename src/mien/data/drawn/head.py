"""A whole head, from the shoulders to the hair, and the box around its face."""

import numpy as np
from numpy.typing import NDArray

from mien.data.drawn import features, hair
from mien.data.drawn.canvas import Canvas, Points, circle, curve, ellipse, mirrored, pair
from mien.data.drawn.expression import Expression
from mien.data.drawn.person import Identity, dim, mix
from mien.data.drawn.styles import STYLES

BOX_TOP = -0.83
"""Where a face box begins, in head units: on the forehead, below the hairline."""
BOX_WIDTH = 0.95
"""Width of a face box as a share of the face's: with these two the boxes agree best with MTCNN's."""


_JAW = slice(4, 10)
"""The part of the outline below the cheekbones, from right to left."""


def outline(who: Identity, face: Expression) -> Points:
    """The outline of skull, cheeks and chin, clockwise from the top, (14, 2) in head units."""
    drop = 0.1 * face.jaw_drop
    chin = who.chin + drop
    cheek, jaw = 0.68 + 0.6 * (who.jaw - 1), 0.44 * who.jaw
    skull = [(0.34, -1.14), (0.64, -0.88), (0.77, -0.42), (0.765, 0.0)]
    right = np.array([*skull, (cheek, 0.42 + drop / 3), (jaw, 0.82 * chin), (0.16 * who.jaw, chin)])
    return mirrored(right * (who.width, 1))


def paint_head(canvas: Canvas, who: Identity, face: Expression) -> None:
    """A person from the shoulders up.

    Args:
        canvas: Where to paint.
        who: The person.
        face: The expression.
    """
    head = outline(who, face)
    if who.style == "scarf":
        _paint_body(canvas, who, head[_JAW])
        hair.paint_behind(canvas, who)
    else:
        hair.paint_behind(canvas, who)
        _paint_body(canvas, who, head[_JAW])
    if STYLES[who.style].hangs is None:
        _paint_ears(canvas, who)
    canvas.blob(head, who.skin)
    canvas.shadow(ellipse(0, -0.62, 0.4, 0.16, 10), 0.07, 0.3)
    hair.paint_beard(canvas, who, head[_JAW])
    features.paint_folds(canvas, who, face)
    features.paint_nose(canvas, who, face)
    hair.paint_moustache(canvas, who, face)
    features.paint_mouth(canvas, who, face)
    features.paint_eyes(canvas, who, face)
    features.paint_brows(canvas, who, face)
    hair.paint_front(canvas, who)
    if who.glasses:
        _paint_glasses(canvas, who)


def _paint_body(canvas: Canvas, who: Identity, jaw: Points) -> None:
    """Neck and shoulders, which stay upright; the jaw (N, 2) throws a shadow on the neck."""
    wide = 0.42 * who.width
    base = canvas.upright(np.array([(wide, 1.15), (0.72, 1.5), (-0.72, 1.5), (-wide, 1.15)]))
    canvas.fill(np.concatenate([[(-wide, 0.4), (wide, 0.4)], base]), dim(who.skin, 0.84), -0.3)
    under = jaw * (0.9, 1) + np.array([0, 0.13])
    under[:, 0] = np.clip(under[:, 0], -wide, wide)
    canvas.blob(under, dim(who.skin, 0.66), -0.3)
    shoulder = curve(np.array([(0.36, 1.32), (0.62, 1.38), (1.2, 1.56), (1.55, 1.95), (1.7, 3.2)]), steps=canvas.steps)
    body = canvas.upright(np.concatenate([[(0.0, 1.5)], mirrored(np.concatenate([shoulder, [(1.6, 16)]]))]))
    canvas.fill(body, who.clothes, -0.5)
    canvas.stroke(body[[-1, 0, 1]], 0.06, dim(who.clothes, 0.75), -0.5, blunt=1)


def _paint_ears(canvas: Canvas, who: Identity) -> None:
    x = 0.775 * who.width
    for ear in pair(ellipse(x, 0.04, 0.085, 0.18, 14)):
        canvas.fill(ear, dim(who.skin, 0.93), -0.3)
    for inside in pair(ellipse(x + 0.012, 0.04, 0.045, 0.11, 10)):
        canvas.fill(inside, dim(who.skin, 0.76), -0.3)


def _paint_glasses(canvas: Canvas, who: Identity) -> None:
    frame = mix(who.clothes, (24, 22, 26), 0.75)
    x, y, width = 0.355 * who.eye_gap * who.width, features.EYE + 0.03, 0.034
    lens = circle(16) * (0.235, 0.19)
    if who.glasses == "square":
        lens = np.sign(circle(16)) * np.abs(circle(16)) ** 0.5 * (0.235, 0.17)
    rim = np.concatenate([lens, lens[:1]]) + np.array([x, y])
    canvas.stroke(pair(rim), width, frame, 0.45, blunt=1)
    bridge = np.array([(0.23 - x, y - 0.03), (0, y - 0.06), (x - 0.23, y - 0.03)])
    canvas.stroke(bridge, width, frame, 0.5, blunt=1)
    for side in (-1, 1):
        hinge, end = side * (x + 0.23) + 0.4 * canvas.pose.yaw, side * 0.73 * who.width
        if (end - hinge) * side > 0.02:  # the ear end lies further back than the lens
            canvas.stroke(np.array([(hinge, y - 0.05), (end, y - 0.06)]), width, frame, 0.05, blunt=1)


def face_box(canvas: Canvas, who: Identity, face: Expression) -> NDArray[np.float64]:
    """The tight box of the face, from forehead to chin and cheek to cheek: (4,) xyxy pixels."""
    skull = outline(who, face) * (BOX_WIDTH, 1)
    skull[:, 1] = np.maximum(skull[:, 1], BOX_TOP)
    pixels = canvas.place(skull, 0.15)
    return np.concatenate([pixels.min(0), pixels.max(0)])
