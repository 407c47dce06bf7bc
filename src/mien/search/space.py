"""The space of a search: which keys it moves, and over what. Written in Hydra's own grammar of overrides."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from math import prod

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from mien.errors import ConfigError
from mien.runs import changes_result

Value = str | int | float
_OTHER_IMAGES = ("dataset", "dataset.name", "dataset.version", "dataset.*_fraction", "dataset.split_seed", "experiment")
_OTHER_NUMBER = ("protocol", "protocol.name", "protocol.selection", "protocol.monitor", "protocol.report")


@dataclass(frozen=True)
class Dimension:
    """One key that a search moves.

    Attributes:
        key: As it stands in an override, with a ``+`` where it is added.
        choices: Its values as they stand in overrides, if they are categories.
        numbers: Its values if they are evenly spaced numbers, ascending.
        bounds: Lowest and highest value, if it is an interval.
        whole: Whether values are whole numbers.
        log: Whether an interval is searched by orders of magnitude.
    """

    key: str
    choices: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    bounds: tuple[float, float] | None = None
    whole: bool = False
    log: bool = False

    @property
    def name(self) -> str:
        """The key in the config."""
        return self.key.lstrip("+")

    @property
    def size(self) -> int | None:
        """Number of different values; ``None`` of an interval of fractions."""
        if self.bounds is None:
            return len(self.choices or self.numbers)
        return int(self.bounds[1] - self.bounds[0]) + 1 if self.whole else None

    def values(self) -> Sequence[Value]:
        """All values, where there are finitely many."""
        if self.bounds is not None:
            return range(int(self.bounds[0]), int(self.bounds[1]) + 1)
        return self.choices or [int(number) if self.whole else number for number in self.numbers]

    def ends(self) -> tuple[Value, ...]:
        """The values that a config is checked with before anything starts."""
        if self.choices:
            return self.choices
        low, high = self.bounds or (self.numbers[0], self.numbers[-1])
        return (int(low), int(high)) if self.whole else (low, high)

    def override(self, value: Value) -> str:
        """The override that sets the key to a value.

        Fractions are given four digits: what is beyond them matters to no training, and the run folder is named by it.
        """
        if isinstance(value, str):
            return f"{self.key}={value}"
        if self.whole:
            return f"{self.key}={int(value)}"
        if self.numbers:
            return f"{self.key}={min(self.numbers, key=lambda number: abs(number - value)):.10g}"
        low, high = self.ends()
        short = float(f"{value:.4g}")
        return f"{self.key}={min(max(short, float(low)), float(high))!r}"

    def __str__(self) -> str:
        """What is searched, for a message and for comparing two spaces."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        low, high = (f"{value:g}" for value in (self.bounds or (self.numbers[0], self.numbers[-1])))
        kind = f"{len(self.numbers)} steps " if self.numbers else "whole numbers " if self.whole else ""
        return f"{kind}{low} to {high}{', log' if self.log else ''}"


@dataclass(frozen=True)
class Space:
    """All keys that a search moves, in the order of their names."""

    dimensions: tuple[Dimension, ...]

    @property
    def size(self) -> int | None:
        """Number of combinations; ``None`` where there is no end of them."""
        sizes = [dimension.size for dimension in self.dimensions]
        return None if None in sizes else prod(size for size in sizes if size is not None)

    def combinations(self) -> Iterator[dict[str, Value]]:
        """All combinations of a finite space, by name."""
        names = [dimension.name for dimension in self.dimensions]
        for values in product(*(dimension.values() for dimension in self.dimensions)):
            yield dict(zip(names, values, strict=True))

    def overrides(self, values: Mapping[str, Value]) -> list[str]:
        """The overrides of a trial."""
        return [dimension.override(values[dimension.name]) for dimension in self.dimensions]

    def described(self) -> dict[str, str]:
        """What is searched, by key."""
        return {dimension.name: str(dimension) for dimension in self.dimensions}


def read_space(
    overrides: Sequence[str], preset: Mapping[str, str], loader: ConfigLoader | None = None
) -> tuple[Space, list[str]]:
    """The space of a command line, and the overrides that stay the same in all trials.

    Args:
        overrides: The command line's; one that fixes a key of the preset takes it out of the space.
        preset: ``search.space``.
        loader: Hydra's, which knows the options that ``glob(...)`` chooses from.

    Raises:
        ConfigError: The space is empty, or a key cannot be searched; all problems at once.
    """
    parser = OverridesParser.create(config_loader=loader)
    typed = parser.parse_overrides(list(overrides))
    named = {override.key_or_group for override in typed}
    added = parser.parse_overrides([f"{key}={values}" for key, values in preset.items() if key not in named])
    moved = {override.key_or_group: override for override in [*added, *typed] if override.is_sweep_override()}
    problems = [problem for override in moved.values() for problem in _problems(override)]
    if not moved:
        problems = ["the space of the search is empty; pass +search=optimizer, or keys with values to search, such as "]
        problems[0] += "'optimizer.lr=tag(log,interval(1e-4,1e-2))'"
    if problems:
        raise ConfigError(problems)
    fixed = [text for text, override in zip(overrides, typed, strict=True) if override.key_or_group not in moved]
    return Space(tuple(_dimension(moved[key]) for key in sorted(moved))), fixed


def _problems(override: Override) -> Iterator[str]:
    """Why a key, or its values, cannot be searched."""
    key = override.key_or_group
    reasons = {
        "a search over seeds would choose the luckiest; train the best settings with several": key == "seed",
        "scores on other validation images cannot be compared": any(fnmatchcase(key, part) for part in _OTHER_IMAGES),
        "it says which number is compared": key in _OTHER_NUMBER,
        "it does not change the result": not changes_result(key),
    }
    yield from (f"{key}: cannot be searched, since {reason}; fix it" for reason, holds in reasons.items() if holds)
    value = override.value()
    if isinstance(value, IntervalSweep) and value.start is not None and value.end is not None:
        if value.start >= value.end:
            yield f"{key}: expected an interval from low to high, got {value.start:g} to {value.end:g}"
        elif "log" in value.tags and value.start <= 0:
            yield f"{key}: a search by orders of magnitude (log) begins above 0, got {value.start:g}"
    elif not list(override.sweep_string_iterator()):
        yield f"{key}: expected values to search, got none: {override.input_line}"


def _dimension(override: Override) -> Dimension:
    key, value = override.get_key_element(), override.value()
    if isinstance(value, IntervalSweep):
        ends = (value.start, value.end)
        whole = "int" in value.tags or all(isinstance(end, int) for end in ends)
        low, high = (float(end) for end in ends if end is not None)
        return Dimension(key, bounds=(low, high), whole=whole, log="log" in value.tags)
    if isinstance(value, RangeSweep):
        numbers = sorted(float(str(number)) for number in override.sweep_iterator())
        return Dimension(key, numbers=tuple(numbers), whole=all(number.is_integer() for number in numbers))
    return Dimension(key, choices=_unique(override.sweep_string_iterator()))


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
