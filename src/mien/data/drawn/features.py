"""The parts of a face that move: eyes, brows, nose, mouth and the folds between them."""

import numpy as np
from numpy.typing import NDArray

from mien.data.drawn.canvas import Canvas, Points, ellipse, pair
from mien.data.drawn.expression import Expression
from mien.data.drawn.person import Identity, dim, mix

EYE, BROW, NOSE, MOUTH = -0.12, -0.36, 0.3, 0.58
"""Usual heights (y) of the features, in head units."""

Line = NDArray[np.float64]
"""(15,) float64: x or y along an eye lid or a lip, from the viewer's left to the right."""

_T = np.linspace(-1, 1, 15)
_ARCH = 1 - _T**2
_CUPID = 0.22 * np.exp(-(((np.abs(_T) - 0.28) / 0.2) ** 2)) - 0.16 * np.exp(-((_T / 0.13) ** 2))


def _between(x: Line, upper: Line, lower: Line) -> Points:
    """The outline of what lies between two lines over the same x, (30, 2)."""
    return np.column_stack([np.concatenate([x, x[::-1]]), np.concatenate([upper, lower[::-1]])])


def crease(canvas: Canvas, who: Identity, points: Points, strength: float, *, width: float, depth: float) -> None:
    """One or more lines in the skin, (N, 2) or (L, N, 2); strength 0..1, faint ones are left out."""
    if strength > 0.12:
        canvas.stroke(points, width, dim(who.skin, 1 - 0.36 * min(1.0, strength)), depth)


def paint_eyes(canvas: Canvas, who: Identity, face: Expression) -> None:
    """Both eyes, with lids, lashes, bags and crow's feet."""
    place = 0.345 * who.eye_gap * who.width
    for side in (-1, 1):
        _paint_eye(canvas, who, face, place * side)
    bag = 0.3 * who.age + 0.35 * max(face.cheek_raise, 0.7 * face.lid_tighten)
    under = np.array([(place - 0.15, EYE + 0.1), (place, EYE + 0.145), (place + 0.15, EYE + 0.1)])
    crease(canvas, who, pair(under), bag, width=0.02 + 0.02 * bag, depth=0.35)
    feet = face.cheek_raise + 0.5 * who.age
    if feet > 0.3:
        corner = np.array([(place + 0.2, EYE), (place + 0.25, EYE), (place + 0.3, EYE)])
        for rise in (-0.05, 0.0, 0.05):
            fan = corner + np.array([(0, 0.6 * rise), (0, rise), (0, 1.8 * rise)])
            crease(canvas, who, pair(fan), 0.85 * feet, width=0.017, depth=0.25)


def _paint_eye(canvas: Canvas, who: Identity, face: Expression, centre: float) -> None:
    size = who.eye_size
    wide = max(0.0, 1 + 0.65 * face.upper_lid_raise - 0.38 * face.lid_tighten - 0.9 * face.lid_droop)
    up = 0.092 * size * wide * (1 - 0.25 * face.cheek_raise)
    low = 0.06 * size * (1 + 0.2 * face.upper_lid_raise - 0.6 * face.lid_tighten - 0.75 * face.cheek_raise)
    low -= 0.05 * size * face.nose_wrinkle
    x = centre + 0.175 * size * _T
    axis = EYE - np.sign(centre) * _T * who.eye_slant
    upper = axis - up * _ARCH**0.75
    lower = np.maximum(axis + low * _ARCH, upper + 0.006)
    canvas.shadow(ellipse(centre, EYE - 0.1, 0.23, 0.1, 10), -0.1, 0.3)
    canvas.fill(_between(x, upper, lower), (240, 236, 230), 0.35)
    _paint_iris(canvas, who, centre, x, upper, lower)
    upper_lid, lower_lid = np.column_stack([x, upper])[::2], np.column_stack([x, lower])[::2]
    lash = mix(dim(who.skin, 0.3), (20, 14, 14), 0.6)
    canvas.stroke(upper_lid, 0.042 + 0.012 * who.lipstick, lash, 0.35, blunt=0.35)
    canvas.stroke(lower_lid, 0.018, dim(who.skin, 0.5), 0.35)
    fold = upper_lid - np.array([0, 0.045 - 0.02 * min(1.0, face.upper_lid_raise)])
    crease(canvas, who, fold, 0.95, width=0.016, depth=0.35)


def _paint_iris(canvas: Canvas, who: Identity, centre: float, x: Line, upper: Line, lower: Line) -> None:
    """Iris, pupil and glint, as far as the lids leave them free."""
    size = who.eye_size
    across = centre + 0.045 * canvas.pose.gaze[0]
    down = EYE - 0.012 * size + 0.025 * canvas.pose.gaze[1]
    for radius, colour in ((0.083, dim(who.iris, 0.55)), (0.068, who.iris), (0.035, (12, 10, 12))):
        disc = ellipse(across, down, radius * size, radius * size, 12)
        disc[:, 1] = np.clip(disc[:, 1], np.interp(disc[:, 0], x, upper), np.interp(disc[:, 0], x, lower))
        canvas.fill(disc, colour, 0.35)
    glint = ellipse(across - 0.024, max(down - 0.03, float(upper.min()) + 0.03), 0.018, 0.018, 6)
    canvas.fill(glint, (255, 255, 255), 0.35)


def paint_brows(canvas: Canvas, who: Identity, face: Expression) -> None:
    """Both brows, the frown between them and the lines above."""
    rest = BROW - who.brow_height
    up, out, down = face.inner_brow_raise, face.outer_brow_raise, face.brow_lower
    inner = rest - 0.17 * up + 0.155 * down + 0.06 * face.nose_wrinkle
    middle = rest - 0.035 - 0.08 * up - 0.1 * out + 0.075 * down
    outer = rest + 0.035 + 0.05 * up - 0.17 * out - 0.03 * down
    brow = np.array([(0.16 - 0.06 * down, inner), (0.3, middle + 0.01), (0.42, middle), (0.57, outer)])
    brow[:, 0] *= who.eye_gap * who.width
    colour = mix(mix(who.hair, dim(who.skin, 0.5), 0.25), (30, 24, 22), 0.35)
    canvas.stroke(pair(brow), 0.062 * who.brow_weight, colour, 0.36, blunt=0.3)
    frown = np.array([(0.055, inner - 0.06), (0.045, inner + 0.03), (0.06, inner + 0.11)])
    crease(canvas, who, pair(frown), down + 0.15 * who.age, width=0.022, depth=0.4)
    furrows = 0.4 * up + 0.2 * out + 0.25 * who.age
    sag = rest + 0.03 * up - 0.04 * out
    for height in (-0.17, -0.25):
        line = np.array([(-0.3, height + sag), (0, height + rest - 0.01), (0.3, height + sag)])
        crease(canvas, who, line, furrows, width=0.02, depth=0.4)


def paint_nose(canvas: Canvas, who: Identity, face: Expression) -> None:
    """The nose, with the wrinkles across its bridge."""
    tip = NOSE * who.nose_length - 0.045 * face.nose_wrinkle
    wing = 0.125 * who.nose_width * (1 + 0.15 * face.nose_wrinkle + 0.08 * face.lip_corner_pull)
    canvas.shadow(np.array([(-0.06, -0.2), (0.06, -0.2), (wing, tip), (-wing, tip)]), 0.07, 0.5)
    canvas.shadow(ellipse(0, tip + 0.05, wing, 0.04, 8), -0.14, 0.5)
    canvas.shadow(ellipse(0, tip - 0.08, 0.05, 0.06, 8), 0.17, 0.6)
    far = 1 if canvas.pose.yaw < 0 else -1
    bridge = np.array([(0.075 * far, -0.2), (0.06 * far, 0.0), (0.085 * far, tip - 0.1)])
    crease(canvas, who, bridge, 0.4, width=0.025, depth=0.5)
    ala = np.array([(0.8 * wing, tip - 0.1), (1.08 * wing, tip - 0.035), (0.85 * wing, tip + 0.015)])
    crease(canvas, who, pair(ala), 0.75, width=0.028, depth=0.5)
    nostril = ellipse(0.48 * wing, tip + 0.005, 0.038 * who.nose_width, 0.02, 10)
    for outline in pair(nostril):
        canvas.fill(outline, dim(who.skin, 0.42), 0.52)
    septum = np.array([(-0.04, tip + 0.02), (0, tip + 0.035), (0.04, tip + 0.02)])
    crease(canvas, who, septum, 0.75, width=0.022, depth=0.55)
    wrinkle = np.array([(-0.075, 0.015), (0, -0.02), (0.075, 0.015)])
    wrinkles = wrinkle + np.array([(0, -0.13), (0, -0.05), (0, 0.03)])[:, None]
    crease(canvas, who, wrinkles, face.nose_wrinkle, width=0.024, depth=0.5)


def paint_folds(canvas: Canvas, who: Identity, face: Expression) -> None:
    """Cheeks, the folds from nose to mouth, and the chin's dimple."""
    lift = face.lip_corner_pull
    sneer = max(face.nose_wrinkle, face.upper_lip_raise)
    for cheek in pair(ellipse(0.42 * who.width, 0.2 - 0.05 * lift, 0.17, 0.12, 10)):
        canvas.shadow(cheek, 0.04 + 0.08 * lift, 0.3)
    fold = np.array(
        [
            (0.15 * who.nose_width, NOSE - 0.06 - 0.06 * sneer),
            (0.27 + 0.05 * lift, NOSE + 0.07 - 0.04 * lift),
            (0.34 + 0.09 * lift, MOUTH - 0.02 - 0.04 * lift),
        ]
    )
    strength = 0.7 * lift + 0.7 * sneer + 0.3 * who.age + 0.2 * face.lip_stretch
    crease(canvas, who, pair(fold), strength, width=0.03, depth=0.36)
    if face.chin_raise > 0.15:
        canvas.shadow(ellipse(0, 0.84, 0.13, 0.07, 8), -0.12 * min(1.0, face.chin_raise), 0.4)
    dimple = np.array([(-0.12, 0.79), (0, 0.755), (0.12, 0.79)])
    crease(canvas, who, dimple, 0.7 * face.chin_raise, width=0.026, depth=0.42)


def paint_mouth(canvas: Canvas, who: Identity, face: Expression) -> None:
    """Lips, teeth and tongue."""
    x, upper, lower, roundness = _lip_lines(who, face)
    full = who.lip_fullness * (1 - 0.6 * min(1.0, face.lip_tighten)) * (1 - 0.2 * face.lip_corner_pull)
    top = upper - 0.062 * full * (0.8 * _ARCH**0.7 + _CUPID)
    bottom = lower + 0.088 * full * roundness**0.8 * (1 - 0.2 * face.lip_stretch)
    lip = mix(mix(who.skin, (176, 62, 66), 0.42), (178, 22, 48), 0.7 * who.lipstick)
    canvas.shadow(ellipse(0, float(bottom.max()) + 0.05, 0.16, 0.035, 8), -0.16, 0.4)
    canvas.fill(_between(x, top, upper + 0.012), dim(lip, 0.84), 0.45)
    canvas.fill(_between(x, lower - 0.012, bottom), lip, 0.45)
    _paint_inside(canvas, x, upper, lower)
    seam = np.column_stack([x * 1.04, upper])[::2]
    canvas.stroke(seam, 0.026, mix(dim(lip, 0.35), (40, 10, 10), 0.4), 0.45, blunt=0.5)


def _lip_lines(who: Identity, face: Expression) -> tuple[Line, Line, Line, Line]:
    """Where the lips meet or part: x, the y of upper and of lower lip, and the mouth's profile (0..1)."""
    smile, stretch = face.lip_corner_pull, face.lip_stretch
    drop = max(0.0, face.jaw_drop - 0.03)
    sneer = face.upper_lip_raise + 0.35 * face.nose_wrinkle
    half = 0.25 * who.mouth_width * (1 + 0.4 * smile + 0.36 * stretch - 0.4 * drop - 0.1 * face.lip_tighten)
    corner = MOUTH - who.mouth_rest - 0.15 * smile + 0.115 * face.lip_corner_depress + 0.04 * stretch + 0.15 * drop
    gap = 0.09 * max(0.0, face.lips_part - 0.05) + 0.34 * drop
    top = MOUTH + 0.03 * smile - 0.075 * sneer - 0.035 * (face.lip_corner_depress + face.chin_raise) - 0.08 * gap
    bottom = top + gap + (0.05 * sneer if face.lips_part > 0.1 else 0.0)
    roundness = _ARCH ** (1 - 0.5 * min(1.0, drop))
    upper = corner + (top - corner) * roundness
    lower = np.maximum(corner + (bottom - corner) * roundness**0.8, upper)
    return half * _T, upper, lower, roundness


def _paint_inside(canvas: Canvas, x: Line, upper: Line, lower: Line) -> None:
    gap = float((lower - upper).max())
    if gap < 0.02:
        return
    canvas.fill(_between(x, upper, lower), (74, 22, 26), 0.45)
    if gap > 0.14:
        tongue = np.maximum(lower - 0.4 * gap * _ARCH, upper)
        canvas.fill(_between(x, tongue, lower), (172, 78, 80), 0.45)
    teeth = upper + np.minimum(min(0.075, 0.03 + 0.3 * gap) * _ARCH**0.3, 0.8 * (lower - upper))
    canvas.fill(_between(x[2:-2], upper[2:-2], teeth[2:-2]), (240, 236, 226), 0.45)
