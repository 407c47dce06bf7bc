"""Who is drawn, and from where: identity and pose, with their sampling."""

from dataclasses import dataclass

import numpy as np

from mien.data.drawn.styles import STYLES

Colour = tuple[int, int, int]
"""RGB, 0..255."""

SKINS: tuple[Colour, ...] = (
    (240, 208, 186), (236, 199, 172), (228, 186, 154), (220, 172, 136), (205, 152, 112), (184, 128, 90),
    (158, 104, 70), (130, 84, 56), (104, 66, 45), (82, 52, 37),
)  # fmt: skip
HAIRS: tuple[Colour, ...] = (
    (28, 22, 22), (44, 30, 24), (70, 44, 28), (98, 62, 36), (136, 92, 52), (182, 138, 80), (220, 184, 122),
    (156, 70, 34), (120, 118, 120), (196, 194, 194),
)  # fmt: skip
IRISES: tuple[Colour, ...] = ((62, 38, 24), (84, 54, 32), (108, 78, 44), (76, 100, 66), (72, 108, 140), (96, 110, 118))


@dataclass(frozen=True)
class Identity:
    """A person. Proportions are factors about 1; head units are half the height from hairline to chin.

    Attributes:
        skin: Colour of the skin.
        hair: Colour of hair and beard.
        iris: Colour of the irises.
        clothes: Colour of the clothes (and of a scarf).
        style: One of ``STYLES``.
        width: Width of the head.
        jaw: Width of the jaw.
        chin: Length of the chin.
        eye_size: Size of the eyes.
        eye_gap: Distance between the eyes.
        eye_slant: Outer corners up, in head units.
        brow_weight: Thickness of the brows.
        brow_height: Height of the brows above their usual place, in head units.
        nose_width: Width of the nose.
        nose_length: Length of the nose.
        mouth_width: Width of the mouth.
        lip_fullness: Thickness of the lips.
        mouth_rest: Height of the lip corners at rest, in head units; above 0 a smile.
        hairline: Height of the hairline above its usual place, in head units.
        beard: 0 (none), to 0.5 (stubble), to 1 (full).
        moustache: Whether there is one.
        lipstick: 0..1.
        glasses: ``""``, ``"round"`` or ``"square"``.
        age: 0 (young) to 1 (old): lines and bags.
        parting: -1 or 1, the side of parting and other asymmetries.
    """

    skin: Colour
    hair: Colour
    iris: Colour
    clothes: Colour
    style: str
    width: float = 1.0
    jaw: float = 1.0
    chin: float = 1.0
    eye_size: float = 1.0
    eye_gap: float = 1.0
    eye_slant: float = 0.0
    brow_weight: float = 1.0
    brow_height: float = 0.0
    nose_width: float = 1.0
    nose_length: float = 1.0
    mouth_width: float = 1.0
    lip_fullness: float = 1.0
    mouth_rest: float = 0.0
    hairline: float = 0.0
    beard: float = 0.0
    moustache: bool = False
    lipstick: float = 0.0
    glasses: str = ""
    age: float = 0.0
    parting: int = 1


@dataclass(frozen=True)
class Pose:
    """How the head is held.

    Attributes:
        roll: In-plane rotation in radians, clockwise.
        yaw: Turn to the viewer's right, in radians; small.
        pitch: Nod downwards, in radians; small.
        gaze: Where the irises stand, (x, y) in -1..1.
    """

    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour at ``share`` (0..1) of the way from the first to the second."""
    rest = 1 - share
    return (
        int(first[0] * rest + second[0] * share),
        int(first[1] * rest + second[1] * share),
        int(first[2] * rest + second[2] * share),
    )


def dim(colour: Colour, factor: float) -> Colour:
    """A colour times a factor, at most 255."""
    return (
        min(255, int(colour[0] * factor)),
        min(255, int(colour[1] * factor)),
        min(255, int(colour[2] * factor)),
    )


def _pick_between(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    place = rng.uniform(0, len(colours) - 1.001)
    return mix(colours[int(place)], colours[int(place) + 1], place % 1)


def sample_identity(rng: np.random.Generator) -> Identity:
    """A random person."""
    skin = _pick_between(rng, SKINS)
    fair = skin[0] > 190
    old = rng.random() < 0.25
    hairs = HAIRS[8:] if old and rng.random() < 0.6 else HAIRS[:8] if fair else HAIRS[:3]
    style = tuple(STYLES)[int(rng.integers(len(STYLES)))]
    bearded = STYLES[style].bearded and rng.random() < 0.35
    tint = rng.uniform(30, 220, 3).astype(int).tolist()
    u = rng.uniform(-1, 1, 13).tolist()
    return Identity(
        skin=skin,
        hair=_pick_between(rng, hairs),
        iris=IRISES[int(rng.integers(len(IRISES) if fair else 3))],
        clothes=mix((tint[0], tint[1], tint[2]), (110, 110, 116), 0.3),
        style=style,
        width=1 + 0.07 * u[0],
        jaw=1 + 0.1 * u[1],
        chin=1 + 0.05 * u[2],
        eye_size=1 + 0.12 * u[3],
        eye_gap=1 + 0.06 * u[4],
        eye_slant=0.02 * u[5],
        brow_weight=1 + 0.35 * u[6],
        brow_height=0.025 * u[7],
        nose_width=1 + 0.18 * u[8],
        nose_length=1 + 0.1 * u[9],
        mouth_width=1 + 0.1 * u[10],
        lip_fullness=1 + 0.3 * u[11],
        mouth_rest=0.012 * u[12],
        hairline=rng.uniform(-0.08, 0.06),
        beard=rng.uniform(0.2, 1) if bearded else 0.0,
        moustache=bool(bearded and rng.random() < 0.6) or bool(style in ("short", "parted") and rng.random() < 0.08),
        lipstick=rng.uniform(0.2, 0.9) if not STYLES[style].bearded and rng.random() < 0.5 else 0.0,
        glasses=("round", "square")[int(rng.integers(2))] if rng.random() < 0.2 else "",
        age=rng.uniform(0.5, 1) if old else rng.uniform(0, 0.3),
        parting=1 if rng.random() < 0.5 else -1,
    )


def sample_pose(rng: np.random.Generator) -> Pose:
    """A random pose: roll within 15 degrees, yaw within 20, pitch within 10."""
    roll, yaw, pitch = (rng.uniform(-1, 1, 3) * np.radians([15, 20, 10])).tolist()
    x, y = np.clip(rng.normal(0, 0.25, 2), -0.7, 0.7).tolist()
    return Pose(roll, yaw, pitch, (x, y))
