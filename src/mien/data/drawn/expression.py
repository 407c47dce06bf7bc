"""Expressions as action units: what the muscles do, on a continuous scale.

The units and the prototypes follow the Facial Action Coding System (Ekman, Friesen and Hager 2002): happiness is
AU 6 + 12, sadness 1 + 4 + 15, surprise 1 + 2 + 5 + 26, fear 1 + 2 + 4 + 5 + 7 + 20 + 26, anger 4 + 5 + 7 + 23,
disgust 9 + 15 + 16.
"""

from dataclasses import dataclass, fields

import numpy as np

from mien.labels import EXPRESSIONS


@dataclass(frozen=True)
class Expression:
    """Intensities of action units: 0 at rest, 1 as strong as it gets; somewhat more is drawn, too.

    Attributes:
        inner_brow_raise: AU 1.
        outer_brow_raise: AU 2.
        brow_lower: AU 4, brows down and together.
        upper_lid_raise: AU 5, wide eyes.
        cheek_raise: AU 6, with crow's feet.
        lid_tighten: AU 7.
        nose_wrinkle: AU 9.
        upper_lip_raise: AU 10.
        lip_corner_pull: AU 12, the smile.
        lip_corner_depress: AU 15.
        chin_raise: AU 17.
        lip_stretch: AU 20, corners pulled sideways.
        lip_tighten: AU 23 and 24, thin pressed lips.
        lips_part: AU 25.
        jaw_drop: AU 26 and 27.
        lid_droop: AU 43, 1 is closed.
    """

    inner_brow_raise: float = 0.0
    outer_brow_raise: float = 0.0
    brow_lower: float = 0.0
    upper_lid_raise: float = 0.0
    cheek_raise: float = 0.0
    lid_tighten: float = 0.0
    nose_wrinkle: float = 0.0
    upper_lip_raise: float = 0.0
    lip_corner_pull: float = 0.0
    lip_corner_depress: float = 0.0
    chin_raise: float = 0.0
    lip_stretch: float = 0.0
    lip_tighten: float = 0.0
    lips_part: float = 0.0
    jaw_drop: float = 0.0
    lid_droop: float = 0.0

    def blend(self, other: "Expression", share: float) -> "Expression":
        """This expression with a share (0..1) of another mixed in."""
        pairs = zip(self.values(), other.values(), strict=True)
        return Expression(*[(1 - share) * mine + share * theirs for mine, theirs in pairs])

    def values(self) -> list[float]:
        """The units' intensities, in the order of the attributes above."""
        return list(vars(self).values())


UNITS = tuple(field.name for field in fields(Expression))
"""Names of the action units."""
NEUTRAL = Expression()

PROTOTYPES: dict[str, tuple[Expression, ...]] = {
    "anger": (
        Expression(brow_lower=1, upper_lid_raise=0.45, lid_tighten=0.7, lip_tighten=0.9, lip_corner_depress=0.25),
        Expression(
            brow_lower=1, upper_lid_raise=0.6, lid_tighten=0.6, upper_lip_raise=0.35, lips_part=0.8, jaw_drop=0.2
        ),
    ),
    "disgust": (
        Expression(
            nose_wrinkle=1,
            upper_lip_raise=0.8,
            brow_lower=0.45,
            lid_tighten=0.6,
            lip_corner_depress=0.45,
            lips_part=0.35,
        ),
        Expression(
            nose_wrinkle=0.9, upper_lip_raise=1, lid_tighten=0.5, brow_lower=0.3, lip_corner_depress=0.6, chin_raise=0.8
        ),
    ),
    "fear": (
        Expression(
            inner_brow_raise=0.9,
            outer_brow_raise=0.35,
            brow_lower=0.5,
            upper_lid_raise=0.9,
            lid_tighten=0.2,
            lip_stretch=1,
            lips_part=0.6,
            jaw_drop=0.15,
        ),
        Expression(
            inner_brow_raise=1,
            outer_brow_raise=0.5,
            brow_lower=0.5,
            upper_lid_raise=1,
            lip_stretch=0.7,
            lips_part=0.8,
            jaw_drop=0.45,
        ),
    ),
    "happiness": (
        Expression(cheek_raise=0.7, lip_corner_pull=1),
        Expression(cheek_raise=0.9, lip_corner_pull=1, lips_part=0.8, upper_lip_raise=0.1, jaw_drop=0.12),
        Expression(cheek_raise=1, lip_corner_pull=1, lips_part=1, jaw_drop=0.45, lid_tighten=0.4),
    ),
    "neutral": (NEUTRAL,),
    "sadness": (
        Expression(inner_brow_raise=1, brow_lower=0.35, lip_corner_depress=1, chin_raise=0.5, lid_droop=0.3),
        Expression(inner_brow_raise=0.9, brow_lower=0.3, lip_corner_depress=0.9, lid_droop=0.5, lips_part=0.15),
    ),
    "surprise": (
        Expression(inner_brow_raise=1, outer_brow_raise=1, upper_lid_raise=0.9, lips_part=1, jaw_drop=1),
        Expression(inner_brow_raise=0.9, outer_brow_raise=1, upper_lid_raise=0.8, lips_part=0.8, jaw_drop=0.55),
    ),
}
"""Each class at full intensity, in one or more variants."""

CONFUSABLE = {
    "anger": ("disgust",),
    "disgust": ("anger",),
    "fear": ("surprise", "sadness"),
    "happiness": ("surprise",),
    "neutral": ("sadness", "anger"),
    "sadness": ("fear", "disgust"),
    "surprise": ("fear", "happiness"),
}
"""What a mixture adds to a class: the classes that people, too, mistake it for."""

BLEND_PROBABILITY = 0.25
"""Share of faces that are mixtures; their label is the stronger part."""
MOST_BLEND = 0.4
"""Largest share of the weaker part in a mixture."""
LEAST_INTENSITY = 0.45
"""Intensity of the subtlest expression; the strongest is 1."""
NEUTRAL_RESIDUE = 0.12
"""A neutral face may show up to this share of another expression."""


def prototype(label: str, intensity: float = 1.0, variant: int = 0) -> Expression:
    """A class's typical expression.

    Args:
        label: Name of one of the seven expressions.
        intensity: 0 (neutral) to 1 (full).
        variant: Which of the class's variants; counted modulo their number.
    """
    variants = PROTOTYPES[label]
    return NEUTRAL.blend(variants[variant % len(variants)], intensity)


def sample_expression(rng: np.random.Generator, label: int) -> Expression:
    """A random expression of a class: intensity, variant, mixture and each unit's own jitter.

    Args:
        rng: Source of randomness.
        label: Class index in the order of ``EXPRESSIONS``.
    """
    name = EXPRESSIONS.names[label]
    intensity = rng.uniform(LEAST_INTENSITY, 1.0)  # of both parts of a mixture, so that the share alone decides
    pure = prototype(name, intensity, int(rng.integers(6)))
    neighbours = CONFUSABLE[name]
    other = prototype(neighbours[int(rng.integers(len(neighbours)))], intensity, int(rng.integers(6)))
    if name == "neutral":
        pure = pure.blend(other, rng.uniform(0, NEUTRAL_RESIDUE))
    elif rng.random() < BLEND_PROBABILITY:
        pure = pure.blend(other, rng.uniform(0.1, MOST_BLEND))
    gains = rng.uniform(0.75, 1.2, len(UNITS)).tolist()
    offsets = rng.normal(0, 0.035, len(UNITS)).tolist()
    jitter = zip(pure.values(), gains, offsets, strict=True)
    return Expression(*[max(0.0, value * gain + offset) for value, gain, offset in jitter])
