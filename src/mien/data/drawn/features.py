"""The parts of a face that move: eyes, brows, nose, mouth and the folds between them."""

import numpy as np

from mien.data.drawn.canvas import Canvas, Points, ellipse
from mien.data.drawn.expression import Expression
from mien.data.drawn.person import Colour, Identity, dim, mix

EYE, BROW, NOSE, MOUTH = -0.12, -0.36, 0.3, 0.58
"""Usual heights (y) of the features, in head units."""

_T = np.linspace(-1, 1, 15)
_ARCH = 1 - _T**2
_CUPID = 0.22 * np.exp(-(((np.abs(_T) - 0.28) / 0.2) ** 2)) - 0.16 * np.exp(-((_T / 0.13) ** 2))
_SIDES = (-1, 1)


def _points(*pairs: tuple[float, float]) -> Points:
    return np.array(pairs)


def _between(x: Points, upper: Points, lower: Points) -> Points:
    """The outline between two lines over the same x."""
    return np.column_stack([np.concatenate([x, x[::-1]]), np.concatenate([upper, lower[::-1]])])


def paint_eyes(canvas: Canvas, who: Identity, face: Expression) -> None:
    """Both eyes, with lids, lashes and the lines about them."""
    for side in _SIDES:
        _paint_eye(canvas, who, face, side)


def _paint_eye(canvas: Canvas, who: Identity, face: Expression, side: int) -> None:
    half = 0.175 * who.eye_size
    open_ = max(0.0, 1 + 0.65 * face.upper_lid_raise - 0.38 * face.lid_tighten - 0.9 * face.lid_droop)
    up = 0.092 * who.eye_size * open_ * (1 - 0.25 * max(0, face.cheek_raise))
    low = 0.06 * who.eye_size * (1 + 0.2 * face.upper_lid_raise - 0.6 * face.lid_tighten - 0.75 * face.cheek_raise)
    low -= 0.05 * face.nose_wrinkle * who.eye_size
    centre = 0.345 * who.eye_gap * who.width * side
    x = centre + half * _T
    slant = EYE - side * _T * (who.eye_slant - 0.025 * face.inner_brow_raise * face.lid_droop)
    upper = slant - up * _ARCH**0.75
    lower = np.maximum(slant + low * _ARCH, upper + 0.006)
    canvas.shadow(ellipse(centre, EYE - 0.1, 0.23, 0.1, 10), -0.1, 0.3)
    canvas.fill(_between(x, upper, lower), (240, 236, 230), 0.35)
    _paint_iris(canvas, who, (centre, EYE - 0.012 * who.eye_size), x, upper, lower)
    lash = mix(dim(who.skin, 0.3), (20, 14, 14), 0.6)
    lid = np.column_stack([x, upper])[::2]
    canvas.stroke(lid, 0.042 + 0.012 * who.lipstick, lash, 0.35, blunt=0.35)
    canvas.stroke(np.column_stack([x, lower])[::2], 0.018, dim(who.skin, 0.5), 0.35)
    crease = lid - (0, 0.045 - 0.02 * min(1, max(0, face.upper_lid_raise)))
    canvas.stroke(crease, 0.016, dim(who.skin, 0.66), 0.35)
    _paint_eye_lines(canvas, who, face, centre, side)


def _paint_iris(
    canvas: Canvas, who: Identity, centre: tuple[float, float], x: Points, upper: Points, lower: Points
) -> None:
    gaze = canvas.pose.gaze
    middle = (centre[0] + 0.045 * gaze[0], centre[1] + 0.025 * gaze[1])
    radius = 0.083 * who.eye_size
    for size, colour in ((1.0, dim(who.iris, 0.55)), (0.82, who.iris), (0.42, (12, 10, 12))):
        disc = ellipse(*middle, radius * size, radius * size, 12)
        disc[:, 1] = np.clip(disc[:, 1], np.interp(disc[:, 0], x, upper), np.interp(disc[:, 0], x, lower))
        canvas.fill(disc, colour, 0.35)
    glint = ellipse(middle[0] - 0.024, max(middle[1] - 0.03, upper.min() + 0.03), 0.018, 0.018, 6)
    canvas.fill(glint, (255, 255, 255), 0.35)


def _paint_eye_lines(canvas: Canvas, who: Identity, face: Expression, centre: float, side: int) -> None:
    bag = min(1.0, 0.45 * who.age + 0.5 * max(face.cheek_raise, face.lid_tighten * 0.7, 0))
    if bag > 0.1:
        under = _points((centre - 0.15, EYE + 0.1), (centre, EYE + 0.145), (centre + 0.15, EYE + 0.1))
        canvas.stroke(under, 0.02 + 0.012 * bag, dim(who.skin, 1 - 0.25 * bag), 0.35)
    feet = min(1.0, max(face.cheek_raise, 0) + 0.5 * who.age)
    if feet > 0.3:
        corner = centre + 0.2 * side
        for rise in (-0.05, 0.0, 0.05):
            line = _points(
                (corner, EYE + 0.6 * rise), (corner + 0.05 * side, EYE + rise), (corner + 0.1 * side, EYE + 1.8 * rise)
            )
            canvas.stroke(line, 0.017, dim(who.skin, 1 - 0.3 * feet), 0.25)


def paint_brows(canvas: Canvas, who: Identity, face: Expression) -> None:
    """Both brows, the frown between them and the lines above."""
    base = BROW - who.brow_height
    inner = base - 0.17 * face.inner_brow_raise + 0.155 * face.brow_lower + 0.06 * face.nose_wrinkle
    middle = base - 0.035 - 0.08 * face.inner_brow_raise - 0.1 * face.outer_brow_raise + 0.075 * face.brow_lower
    outer = base + 0.015 - 0.17 * face.outer_brow_raise - 0.03 * face.brow_lower + 0.05 * face.inner_brow_raise
    near = 0.16 - 0.06 * max(0, face.brow_lower)
    grey = mix(who.hair, dim(who.skin, 0.5), 0.25)
    colour = mix(grey, (30, 24, 22), 0.35)
    shift = who.eye_gap * who.width
    for side in _SIDES:
        line = _points((near, inner), (0.3, middle + 0.01), (0.42, middle), (0.57, outer + 0.02)) * (side * shift, 1)
        canvas.stroke(line, 0.062 * who.brow_weight, colour, 0.36, blunt=0.3)
    frown = min(1.0, max(face.brow_lower, 0.0) + 0.15 * who.age)
    if frown > 0.2:
        for side in _SIDES:
            line = _points((0.055 * side, inner - 0.06), (0.045 * side, inner + 0.03), (0.06 * side, inner + 0.11))
            canvas.stroke(line, 0.022, dim(who.skin, 1 - 0.38 * frown), 0.4)
    lines = min(1.0, 0.6 * max(face.inner_brow_raise, 0) + 0.3 * max(face.outer_brow_raise, 0) + 0.4 * who.age)
    if lines > 0.3:
        sag = 0.03 * face.inner_brow_raise - 0.04 * face.outer_brow_raise
        for height in (-0.17, -0.25):
            line = _points((-0.3, base + height + sag), (0, base + height - 0.01), (0.3, base + height + sag))
            canvas.stroke(line, 0.02, dim(who.skin, 1 - 0.22 * lines), 0.4)


def paint_nose(canvas: Canvas, who: Identity, face: Expression) -> None:
    """The nose, with the wrinkles across its bridge."""
    tip = NOSE * who.nose_length - 0.045 * face.nose_wrinkle
    wing = 0.125 * who.nose_width * (1 + 0.15 * face.nose_wrinkle + 0.08 * face.lip_corner_pull)
    dark, darker = dim(who.skin, 0.74), dim(who.skin, 0.42)
    canvas.shadow(_points((-0.06, -0.2), (0.06, -0.2), (wing, tip), (-wing, tip)), 0.07, 0.5)
    canvas.shadow(ellipse(0, tip + 0.05, wing, 0.04, 8), -0.14, 0.5)
    canvas.shadow(ellipse(0, tip - 0.08, 0.05, 0.06, 8), 0.17, 0.6)
    far = 1 if canvas.pose.yaw < 0 else -1
    bridge = _points((0.075 * far, -0.2), (0.06 * far, 0.0), (0.085 * far, tip - 0.1))
    canvas.stroke(bridge, 0.025, dim(who.skin, 0.86), 0.5)
    for side in _SIDES:
        ala = _points(
            (side * wing * 0.8, tip - 0.1), (side * wing * 1.08, tip - 0.035), (side * wing * 0.85, tip + 0.015)
        )
        canvas.stroke(ala, 0.028, dark, 0.5)
        canvas.fill(ellipse(side * wing * 0.48, tip + 0.005, 0.038 * who.nose_width, 0.02, 10), darker, 0.52)
    canvas.stroke(_points((-0.04, tip + 0.02), (0, tip + 0.035), (0.04, tip + 0.02)), 0.022, dark, 0.55)
    wrinkle = min(1.0, face.nose_wrinkle)
    if wrinkle > 0.15:
        for height in (-0.13, -0.05, 0.03):
            line = _points((-0.075, height + 0.015), (0, height - 0.02), (0.075, height + 0.015))
            canvas.stroke(line, 0.024, dim(who.skin, 1 - 0.36 * wrinkle), 0.5)


def paint_folds(canvas: Canvas, who: Identity, face: Expression) -> None:
    """Cheeks and the nasolabial folds."""
    lift = max(face.lip_corner_pull, 0.0)
    sneer = max(face.nose_wrinkle, face.upper_lip_raise, 0.0)
    fold = min(1.0, 0.8 * lift + 0.8 * sneer + 0.35 * who.age + 0.25 * max(face.lip_stretch, 0))
    wing = 0.15 * who.nose_width
    for side in _SIDES:
        canvas.shadow(ellipse(side * 0.42 * who.width, 0.2 - 0.05 * lift, 0.17, 0.12, 10), 0.04 + 0.08 * lift, 0.3)
        if fold > 0.12:
            line = _points(
                (side * wing, NOSE - 0.06 - 0.06 * sneer),
                (side * (0.27 + 0.05 * lift), NOSE + 0.07 - 0.04 * lift),
                (side * (0.34 + 0.09 * lift), MOUTH - 0.02 - 0.04 * lift),
            )
            canvas.stroke(line, 0.03, dim(who.skin, 1 - 0.32 * fold), 0.36)
    if face.chin_raise > 0.15:
        chin = min(1.0, face.chin_raise)
        canvas.shadow(ellipse(0, 0.84, 0.13, 0.07, 8), -0.12 * chin, 0.4)
        line = _points((-0.12, 0.79), (0, 0.755), (0.12, 0.79))
        canvas.stroke(line, 0.026, dim(who.skin, 1 - 0.25 * chin), 0.42)


def paint_mouth(canvas: Canvas, who: Identity, face: Expression) -> None:
    """Lips, teeth and what lies behind them."""
    smile, sad = face.lip_corner_pull, face.lip_corner_depress
    press, drop = min(1.0, max(0.0, face.lip_tighten)), max(0.0, face.jaw_drop - 0.03)
    gap = 0.09 * max(0, face.lips_part - 0.05) + 0.34 * drop
    half = 0.25 * who.mouth_width * (1 + 0.4 * smile + 0.36 * face.lip_stretch - 0.4 * drop - 0.1 * press)
    corner = MOUTH - 0.15 * smile + 0.115 * sad - who.mouth_rest + 0.04 * face.lip_stretch + 0.15 * drop
    sneer = face.upper_lip_raise + 0.35 * face.nose_wrinkle
    top = MOUTH + 0.03 * smile - 0.075 * sneer - 0.035 * sad - 0.035 * face.chin_raise - 0.08 * gap
    bottom = max(top + gap + 0.05 * max(0, sneer) * (face.lips_part > 0.1), top)
    x = half * _T
    round_ = _ARCH ** (1 - 0.5 * min(1.0, drop))
    upper = corner + (top - corner) * round_
    lower = np.maximum(corner + (bottom - corner) * round_**0.8, upper)
    full = who.lip_fullness * (1 - 0.6 * press) * (1 - 0.2 * max(0, smile))
    outer_top = upper - 0.062 * full * (_ARCH**0.7 * 0.8 + _CUPID)
    outer_bottom = lower + 0.088 * full * round_**0.8 * (1 - 0.2 * max(0, face.lip_stretch))
    lip = mix(mix(who.skin, (176, 62, 66), 0.42), (178, 22, 48), 0.7 * who.lipstick)
    canvas.shadow(ellipse(0, float(outer_bottom.max()) + 0.05, 0.16, 0.035, 8), -0.16, 0.4)
    canvas.fill(_between(x, outer_top, upper + 0.012), dim(lip, 0.84), 0.45)
    canvas.fill(_between(x, lower - 0.012, outer_bottom), lip, 0.45)
    if bottom - top > 0.02:
        _paint_inside(canvas, x, upper, lower)
    line = np.column_stack([x * 1.04, upper])[::2]
    canvas.stroke(line, 0.026, mix(dim(lip, 0.35), (40, 10, 10), 0.4), 0.45, blunt=0.5)


def _paint_inside(canvas: Canvas, x: Points, upper: Points, lower: Points) -> None:
    depth = 0.45
    inside: Colour = (74, 22, 26)
    canvas.fill(_between(x, upper, lower), inside, depth)
    open_ = float((lower - upper).max())
    if open_ > 0.14:
        canvas.fill(_between(x, np.maximum(lower - 0.4 * open_ * _ARCH, upper), lower), (172, 78, 80), depth)
    teeth = np.minimum(upper + min(0.075, 0.03 + 0.3 * open_) * _ARCH**0.3, upper + 0.8 * (lower - upper))
    canvas.fill(_between(x[2:-2], upper[2:-2], teeth[2:-2]), (240, 236, 226), depth)
