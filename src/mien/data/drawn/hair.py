"""Hair on head and chin."""

from functools import lru_cache

import numpy as np

from mien.data.drawn.canvas import Canvas, Points, circle, curve, ellipse
from mien.data.drawn.expression import Expression
from mien.data.drawn.features import MOUTH, NOSE
from mien.data.drawn.person import Identity, dim, mix

VOLUME = {
    "buzz": 0.015, "balding": 0.03, "short": 0.07, "parted": 0.09, "spiky": 0.08, "curly": 0.14, "afro": 0.33,
    "bob": 0.1, "long": 0.09, "wavy": 0.11, "bun": 0.05, "scarf": 0.1,
}  # fmt: skip
"""Height of the hair above the skull, in head units."""

HAIRLINES: dict[str, tuple[tuple[float, float], ...]] = {
    "buzz": ((0.78, -0.2), (0.66, -0.42), (0.6, -0.74), (0.3, -0.82), (0, -0.82)),
    "balding": ((0.8, -0.05), (0.72, -0.3), (0.68, -0.62), (0.52, -0.95), (0, -1.17)),
    "short": ((0.8, -0.1), (0.68, -0.36), (0.6, -0.68), (0.3, -0.74), (0, -0.75)),
    "parted": ((0.8, -0.1), (0.7, -0.35), (0.64, -0.62), (0.35, -0.84), (-0.2, -0.72)),
    "spiky": ((0.8, -0.15), (0.68, -0.42), (0.6, -0.66), (0.3, -0.72), (0, -0.64)),
    "curly": ((0.82, -0.1), (0.7, -0.35), (0.6, -0.64), (0.3, -0.72), (0, -0.7)),
    "afro": ((0.82, -0.12), (0.7, -0.36), (0.62, -0.7), (0.32, -0.8), (0, -0.8)),
    "bob": ((0.86, 0.75), (0.74, 0.3), (0.68, -0.3), (0.5, -0.6), (0, -0.63)),
    "long": ((0.9, 1.0), (0.74, 0.3), (0.68, -0.3), (0.42, -0.7), (0.05, -0.95)),
    "wavy": ((0.95, 1.0), (0.78, 0.4), (0.7, -0.25), (0.5, -0.7), (-0.1, -0.86)),
    "bun": ((0.8, -0.1), (0.7, -0.38), (0.6, -0.66), (0.34, -0.82), (0, -0.86)),
    "scarf": ((0.78, 0.5), (0.68, 0.2), (0.66, -0.3), (0.5, -0.66), (0, -0.8)),
}
"""The lower edge of the hair from the right ear to the middle of the forehead, in head units."""


@lru_cache(maxsize=16)
def _arc(style: str) -> Points:
    """The upper edge of the hair, from the left ear over the top to the right ear."""
    angles = np.linspace(np.pi, 2 * np.pi, 49)
    curls = {"curly": 0.025, "afro": 0.02}.get(style, 0.0) * np.abs(np.sin(angles * 11))
    spikes = {"spiky": 0.06}.get(style, 0.0) * np.abs((angles * 16 / np.pi) % 2 - 1) * -np.sin(angles)
    reach = 1 + curls + spikes
    grow = min(VOLUME[style], 0.1)
    across = np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** 0.78  # a skull is broader than an ellipse
    return np.column_stack([across * (0.81 + 0.5 * grow), -0.18 + np.sin(angles) * (1.03 + grow)]) * reach[:, None]


def _colour(who: Identity) -> tuple[int, int, int]:
    if who.style == "scarf":
        return who.clothes
    if who.style == "buzz":
        return mix(who.skin, who.hair, 0.72)
    return who.hair


def paint_behind(canvas: Canvas, who: Identity) -> None:
    """What hangs or stands behind the head."""
    colour = dim(_colour(who), 0.82)
    if who.style in ("long", "wavy", "bob", "scarf"):
        end = {"bob": 0.95, "long": 1.75, "wavy": 1.6, "scarf": 1.5}[who.style]
        wide = {"bob": 0.98, "long": 0.98, "wavy": 1.12, "scarf": 0.98}[who.style]
        right = np.array(
            [(0.5, -1.2), (0.88, -0.5), (0.93, 0.1), (wide, 0.6), (wide * 0.98, end - 0.2), (wide * 0.8, end)]
        )
        if who.style == "wavy":
            right[2:5, 0] += (0.08, -0.03, 0.08)
        canvas.blob(np.concatenate([right, (right * (-1, 1))[::-1]]) * (who.width, 1), colour, -0.35)
    if who.style in ("afro", "curly"):
        size = 1.0 + VOLUME[who.style] * 0.75
        curls = circle(72) * (1 + 0.025 * np.abs(np.sin(np.arange(72) * np.pi / 4)))[:, None]
        canvas.fill(curls * (size * 0.93 * who.width, size) - (0, 0.38), colour, -0.1)
    if who.style == "bun":
        canvas.fill(ellipse(0, -1.36, 0.3, 0.26), dim(who.hair, 0.9), -0.2)


def paint_front(canvas: Canvas, who: Identity) -> None:
    """The hair that frames the face."""
    if who.style == "bald":
        return
    colour = _colour(who)
    right = np.array(HAIRLINES[who.style])
    right[2:, 1] += who.hairline
    edge = np.concatenate([right, right[-2::-1] * (-1, 1)])
    scale = np.array([who.width * who.parting, 1])
    arc = _arc(who.style) * (who.width, 1)
    line = curve(edge, False, canvas.steps) * scale
    if who.parting < 0:
        line = line[::-1]
    fringe = line + np.array([0, 0.07])
    canvas.shadow(np.concatenate([fringe, arc]), -0.16, 0.2)
    canvas.fill(np.concatenate([line, arc]), colour, 0.06)
    if who.style not in ("buzz", "balding"):
        sheen = np.array([(-0.56, -0.78), (-0.36, -0.98), (-0.08, -1.08)]) * scale
        canvas.stroke(sheen, 0.07, mix(colour, (255, 255, 255), 0.1), 0.06)


def paint_beard(canvas: Canvas, who: Identity, skull: Points) -> None:
    """Stubble to full beard, over cheeks and chin."""
    if who.beard == 0:
        return
    jaw = skull[4:10] * (1.0, 1.0 + 0.05 * who.beard)
    inner = np.array([(-0.5, 0.36), (-0.36, 0.5), (-0.3, 0.78), (0.3, 0.78), (0.36, 0.5), (0.5, 0.36)])
    points = np.concatenate([[(0.72 * who.width, 0.12)], jaw, [(-0.72 * who.width, 0.12)], inner])
    canvas.blob(points, mix(who.skin, who.hair, 0.25 + 0.6 * who.beard), 0.05)


def paint_moustache(canvas: Canvas, who: Identity, face: Expression) -> None:
    """A moustache."""
    if not who.moustache:
        return
    y = NOSE + 0.11 - 0.03 * face.upper_lip_raise
    corner = MOUTH - 0.06 * face.lip_corner_pull + 0.03 * face.lip_corner_depress
    points = np.array(
        [
            (0, y),
            (0.16, y),
            (0.31, corner),
            (0.16, y + 0.1),
            (0, y + 0.09),
            (-0.16, y + 0.1),
            (-0.31, corner),
            (-0.16, y),
        ]
    )
    canvas.blob(points, mix(who.skin, who.hair, 0.85), 0.45)
