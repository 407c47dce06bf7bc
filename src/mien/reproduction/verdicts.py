"""Verdicts on published numbers: pure functions of the number as printed and the values that runs measured.

A published value stands for all that would have been printed so: ``77`` for 76.5 to 77.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean, stdev

from scipy.stats import t as student

from mien.metrics.intervals import wilson_interval
from mien.reproduction.measures import Measured

REPRODUCED, EXCEEDED, NOT_REPRODUCED = "reproduced", "exceeded", "not reproduced"
REACHED, MISSED = "goal reached", "goal not reached"
NOT_RUN, NONE = "not run", "-"


@dataclass(frozen=True)
class Interval:
    """A 95 % interval and how it was made; without bounds where there is none."""

    low: float
    high: float
    method: str

    def scaled(self, factor: float) -> "Interval":
        """The interval of the value times a positive factor."""
        return Interval(self.low * factor, self.high * factor, self.method)


@dataclass(frozen=True)
class Summary:
    """The values of several seeds.

    Attributes:
        mean: Their mean.
        spread: Their standard deviation (n - 1); ``None`` for one.
        seeds: How many there are.
        interval: Of the mean; ``None`` for one value that is no share of a number of images.
    """

    mean: float
    spread: float | None
    seeds: int
    interval: Interval | None

    def scaled(self, factor: float) -> "Summary":
        """The summary of the values times a positive factor."""
        spread = None if self.spread is None else self.spread * factor
        bounds = None if self.interval is None else self.interval.scaled(factor)
        return Summary(self.mean * factor, spread, self.seeds, bounds)


def rounding_range(printed: str) -> tuple[float, float]:
    """The smallest and the largest value that are printed so.

    Examples:
        >>> rounding_range("77")
        (76.5, 77.5)
        >>> rounding_range("98.530")
        (98.5295, 98.5305)
    """
    value = Decimal(printed)
    half = Decimal(5).scaleb(_exponent(value) - 1)
    return float(value - half), float(value + half)


def decimals(printed: str) -> int:
    """The number of digits behind the point."""
    return -_exponent(Decimal(printed))


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # a number that is printed is finite
    return exponent


def summarise(values: Sequence[Measured]) -> Summary:
    """Mean, spread and interval of one value a seed.

    One seed: Wilson's interval of a share of n images, which knows nothing of other seeds. Several: Student's t for the
    mean over seeds, or Wilson's interval of the mean where that is wider. All seeds see the same images, so that the
    seeds alone would make the interval too narrow.

    Args:
        values: One a seed, at least one.
    """
    numbers, counts = [value.value for value in values], [value.n for value in values if value.n is not None]
    mean = fmean(numbers)
    spread = stdev(numbers) if len(numbers) > 1 else None
    intervals: list[Interval] = []
    if len(counts) == len(values):
        n = min(counts)
        intervals.append(Interval(*wilson_interval(round(mean * n), n), f"Wilson, {n:,} images"))
    if spread is not None:
        reach = float(student.ppf(0.975, len(numbers) - 1)) * spread / len(numbers) ** 0.5
        intervals.append(Interval(mean - reach, mean + reach, f"Student's t, {len(numbers)} seeds"))
    widest = max(intervals, key=lambda interval: interval.high - interval.low, default=None)
    return Summary(mean, spread, len(numbers), widest)


def judge(printed: str, better: str, summary: Summary) -> str:
    """The verdict on a published number; both in the same unit.

    Args:
        printed: As published.
        better: higher, lower or neither.
        summary: What was measured.

    Returns:
        *reproduced*: some value that is printed so lies in the interval of the measured one; without an interval: the
        measured value is printed so. *exceeded*: it does not, and the measured value is the better one. Else *not
        reproduced*.
    """
    low, high = rounding_range(printed)
    bounds = (summary.mean, summary.mean) if summary.interval is None else (summary.interval.low, summary.interval.high)
    if bounds[0] <= high and low <= bounds[1]:
        return REPRODUCED
    above = bounds[0] > high
    return EXCEEDED if better == ("higher" if above else "lower") else NOT_REPRODUCED


def judge_goal(goal: str, better: str, summary: Summary) -> str:
    """Whether the mean measured value reaches a goal, in the same unit."""
    reached = summary.mean >= float(goal) if better == "higher" else summary.mean <= float(goal)
    return REACHED if reached else MISSED
