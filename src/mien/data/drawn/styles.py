"""Hair styles: the one table of what each looks like."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HairStyle:
    """A hair style; lengths in head units.

    Attributes:
        hairline: The hair's lower edge from the right ear to the middle of the forehead, (x, y) points; none: bald.
        volume: Height of the hair above the skull.
        hangs: Half width and lower end of what hangs down behind the face.
        wave: How far the hanging hair waves.
        ball: Radius of the curls that stand behind the head.
        ripple: Height of the curls along the upper edge, as a share of the radius.
        spikes: Height of the spikes along the upper edge, as a share of the radius.
        bun: Whether a bun sits on top.
        glossy: Whether the hair shines.
        bearded: Whether a beard may go with it.
    """

    hairline: tuple[tuple[float, float], ...]
    volume: float = 0.0
    hangs: tuple[float, float] | None = None
    wave: float = 0.0
    ball: float = 0.0
    ripple: float = 0.0
    spikes: float = 0.0
    bun: bool = False
    glossy: bool = True
    bearded: bool = True


STYLES: dict[str, HairStyle] = {
    "bald": HairStyle(()),
    "buzz": HairStyle(((0.78, -0.2), (0.66, -0.42), (0.6, -0.74), (0.3, -0.82), (0, -0.82)), 0.015, glossy=False),
    "balding": HairStyle(((0.8, -0.05), (0.72, -0.3), (0.68, -0.62), (0.52, -0.95), (0, -1.17)), 0.03, glossy=False),
    "short": HairStyle(((0.8, -0.1), (0.68, -0.36), (0.6, -0.68), (0.3, -0.74), (0, -0.75)), 0.07),
    "parted": HairStyle(((0.8, -0.1), (0.7, -0.35), (0.64, -0.62), (0.35, -0.84), (-0.2, -0.72)), 0.09),
    "spiky": HairStyle(((0.8, -0.15), (0.68, -0.42), (0.6, -0.66), (0.3, -0.72), (0, -0.64)), 0.08, spikes=0.06),
    "curly": HairStyle(
        ((0.82, -0.1), (0.7, -0.35), (0.6, -0.64), (0.3, -0.72), (0, -0.7)), 0.1, ball=1.1, ripple=0.025
    ),
    "afro": HairStyle(
        ((0.82, -0.12), (0.7, -0.36), (0.62, -0.7), (0.32, -0.8), (0, -0.8)), 0.1, ball=1.25, ripple=0.02
    ),
    "bob": HairStyle(
        ((0.86, 0.75), (0.74, 0.3), (0.68, -0.3), (0.5, -0.6), (0, -0.63)), 0.1, hangs=(0.98, 0.95), bearded=False
    ),
    "long": HairStyle(
        ((0.9, 1.0), (0.74, 0.3), (0.68, -0.3), (0.42, -0.7), (0.05, -0.95)), 0.09, hangs=(0.98, 1.75), bearded=False
    ),
    "wavy": HairStyle(
        ((0.95, 1.0), (0.78, 0.4), (0.7, -0.25), (0.5, -0.7), (-0.1, -0.86)),
        0.1,
        hangs=(1.12, 1.6),
        wave=0.08,
        bearded=False,
    ),
    "bun": HairStyle(
        ((0.8, -0.1), (0.7, -0.38), (0.6, -0.66), (0.34, -0.82), (0, -0.86)), 0.05, bun=True, bearded=False
    ),
    "scarf": HairStyle(
        ((0.78, 0.5), (0.68, 0.2), (0.66, -0.3), (0.5, -0.66), (0, -0.8)), 0.1, hangs=(0.98, 1.5), bearded=False
    ),
}
"""Every style by its name; a scarf has the colour of the clothes."""
