"""Expression labels: the only place where a class order is written.

Every data set is read into the order of :data:`EXPRESSIONS` (or its own :class:`LabelSet`), so that a model
trained on one set can be scored on another without guessing what class 3 means.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from mien.errors import LabelError, nearest

_ALIASES = {
    "anger": ("angry", "an", "mad"),
    "contempt": ("contemptuous",),
    "disgust": ("disgusted", "di"),
    "fear": ("afraid", "fearful", "scared", "fe"),
    "happiness": ("happy", "joy", "ha", "smile"),
    "neutral": ("neutrality", "ne", "natural"),
    "sadness": ("sad", "sa"),
    "surprise": ("surprised", "su"),
}
_CANONICAL = {alias: name for name, aliases in _ALIASES.items() for alias in (name, *aliases)}


def canonical(name: str) -> str:
    """The standard name of an expression: ``Angry`` -> ``anger``; other names are only put in lower case."""
    plain = normalize("NFC", name.strip().lower())  # macOS spells an accent as a letter of its own
    return _CANONICAL.get(plain, plain)


def shortened(name: str, letters: int) -> str:
    """A name of at most so many letters; the end of a longer one is left out.

    Examples:
        >>> shortened("happily disgusted", 10)
        'happily d…'
    """
    return name if len(name) <= letters else name[: letters - 1].rstrip() + "…"


@dataclass(frozen=True)
class LabelSet:
    """An ordered set of class names; a class's position is its index in logits, confusion matrices and tables.

    Attributes:
        names: The class names, canonical and unique, in index order.
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names) or not self.names:
            raise LabelError(f"a label set needs unique names and at least one; got {list(self.names)}")

    @classmethod
    def of(cls, names: Iterable[str]) -> "LabelSet":
        """The label set of these names: in the order of :data:`EXPRESSIONS` where they are its seven, else sorted.

        Args:
            names: Class names in any spelling and order; repetitions count once.
        """
        unique = {canonical(name) for name in names}
        if unique == set(EXPRESSIONS.names):
            return EXPRESSIONS
        return cls(tuple(sorted(unique)))

    def index(self, name: str) -> int:
        """The index of a class by name or alias.

        Raises:
            LabelError: The name is none of this set's.
        """
        try:
            return self.names.index(canonical(name))
        except ValueError:
            raise LabelError(f"unknown label {name!r}: {nearest(canonical(name), self.names)}") from None

    def mapping_to(self, other: "LabelSet") -> list[int]:
        """For each class of this set, its index in ``other``.

        Raises:
            LabelError: A class of this set is missing in ``other``.
        """
        missing = [name for name in self.names if name not in other.names]
        if missing:
            raise LabelError(
                f"labels do not match: {', '.join(missing)} not among the model's classes {', '.join(other.names)}; "
                "use a data set of the model's classes, or train on this one"
            )
        return [other.names.index(name) for name in self.names]

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)


EXPRESSIONS = LabelSet(("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"))
"""The seven basic expressions in study A's (alphabetical) order."""

FER2013_CODES: Sequence[str] = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""What the integers 0..6 in the ``emotion`` column of the FER2013 CSV stand for."""

EXPW_CODES: Sequence[str] = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""What the integers 0..6 in the last column of ExpW's ``label.lst`` stand for, by the readme that comes with it."""

COLOURS = {
    "anger": "#D55E00",
    "contempt": "#999999",
    "disgust": "#117733",
    "fear": "#AA4499",
    "happiness": "#E69F00",
    "neutral": "#5F6B76",
    "sadness": "#0072B2",
    "surprise": "#009E9E",
}
"""Each expression's own colour in every picture (hex sRGB; after Okabe-Ito and Tol, for the colour-blind)."""


def colour(name: str) -> str:
    """The colour of a class; classes outside the basic expressions share a dark gray."""
    return COLOURS.get(canonical(name), "#444444")
