"""Hair on head and chin."""

from functools import lru_cache

import numpy as np

from mien.data.drawn.canvas import Canvas, Points, circle, curve, ellipse, mirrored
from mien.data.drawn.expression import Expression
from mien.data.drawn.features import MOUTH, NOSE
from mien.data.drawn.person import Colour, Identity, dim, mix
from mien.data.drawn.styles import STYLES


@lru_cache(maxsize=16)
def _upper_edge(style: str) -> Points:
    """The hair's upper edge from the left ear over the top to the right ear, (49, 2)."""
    hair = STYLES[style]
    angles = np.linspace(np.pi, 2 * np.pi, 49)
    reach = 1 + hair.ripple * np.abs(np.sin(angles * 11))
    reach -= hair.spikes * np.abs((angles * 16 / np.pi) % 2 - 1) * np.sin(angles)
    across = np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** 0.78  # a skull is broader than an ellipse
    edge = np.column_stack([across * (0.81 + 0.5 * hair.volume), -0.18 + np.sin(angles) * (1.03 + hair.volume)])
    return edge * reach[:, None]


def _colour(who: Identity) -> Colour:
    if who.style == "scarf":
        return who.clothes
    if who.style == "buzz":
        return mix(who.skin, who.hair, 0.72)
    return who.hair


def paint_behind(canvas: Canvas, who: Identity) -> None:
    """What hangs or stands behind the head."""
    style = STYLES[who.style]
    colour = dim(_colour(who), 0.82)
    if style.hangs is not None:
        wide, end = style.hangs
        right = np.array([(0.5, -1.2), (0.88, -0.5), (0.93, 0.1), (wide, 0.6), (wide, end - 0.2), (wide * 0.8, end)])
        right[2:5, 0] += style.wave * np.array([1, -0.4, 1])
        canvas.blob(mirrored(right) * (who.width, 1), colour, -0.35)
    if style.ball > 0:
        curls = circle(72) * (1 + 0.025 * np.abs(np.sin(np.arange(72) * np.pi / 4)))[:, None]
        canvas.fill(curls * (style.ball * 0.93 * who.width, style.ball) - (0, 0.38), colour, -0.1)
    if style.bun:
        canvas.fill(ellipse(0, -1.36, 0.3, 0.26), dim(who.hair, 0.9), -0.2)


def paint_front(canvas: Canvas, who: Identity) -> None:
    """The hair that frames the face."""
    style = STYLES[who.style]
    if not style.hairline:
        return
    right = np.array(style.hairline)
    right[2:, 1] += who.hairline
    parting = np.array([who.width * who.parting, 1])
    lower = curve(np.concatenate([right, right[-2::-1] * (-1, 1)]), False, canvas.steps) * parting
    lower = lower[:: who.parting]  # from right to left, whichever side the parting is on
    upper = _upper_edge(who.style) * (who.width, 1)
    canvas.shadow(np.concatenate([lower + np.array([0, 0.07]), upper]), -0.16, 0.2)
    colour = _colour(who)
    canvas.fill(np.concatenate([lower, upper]), colour, 0.06)
    if style.glossy:
        sheen = np.array([(-0.56, -0.78), (-0.36, -0.98), (-0.08, -1.08)]) * parting
        canvas.stroke(sheen, 0.07, mix(colour, (255, 255, 255), 0.1), 0.06)


def paint_beard(canvas: Canvas, who: Identity, jaw: Points) -> None:
    """Stubble to full beard on cheeks and chin, down to the jaw line (N, 2), which runs from right to left."""
    if who.beard == 0:
        return
    cheek = np.array([(0.72 * who.width, 0.12)])
    inner = np.array([(-0.5, 0.36), (-0.36, 0.5), (-0.3, 0.78), (0.3, 0.78), (0.36, 0.5), (0.5, 0.36)])
    points = np.concatenate([cheek, jaw * (1.0, 1.0 + 0.05 * who.beard), cheek * (-1, 1), inner])
    canvas.blob(points, mix(who.skin, who.hair, 0.22 + 0.5 * who.beard), 0.05)


def paint_moustache(canvas: Canvas, who: Identity, face: Expression) -> None:
    """A moustache, which follows the lips."""
    if not who.moustache:
        return
    y = NOSE + 0.11 - 0.03 * face.upper_lip_raise
    tip = MOUTH - 0.06 * face.lip_corner_pull + 0.03 * face.lip_corner_depress
    canvas.blob(
        mirrored(np.array([(0.02, y), (0.16, y), (0.31, tip), (0.16, y + 0.1), (0.02, y + 0.09)])),
        mix(who.skin, who.hair, 0.85),
        0.45,
    )
