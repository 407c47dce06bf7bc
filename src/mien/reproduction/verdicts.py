"""Verdicts on published numbers: pure functions of the number as printed and the values that runs measured.

A published value stands for all that would have been printed so: ``77`` for 76.5 to 77.5. It is that of one run, so it
is compared with where one further run would fall, not with the interval of a mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import inf, sqrt
from statistics import fmean, stdev

from scipy.stats import t as student

from mien.metrics.intervals import wilson_interval
from mien.reproduction.measures import Measured

REPRODUCED, EXCEEDED, NOT_REPRODUCED, UNDECIDED = "reproduced", "exceeded", "not reproduced", "undecided"
REACHED, MISSED = "goal reached", "goal not reached"
NOT_JUDGED, NONE = "not judged", "-"

WIDE = 0.10
"""An interval of a share that is wider says too little for *reproduced*."""


@dataclass(frozen=True)
class Verdict:
    """A word on a quantity, and the reason for it where there is one to give.

    Attributes:
        word: A verdict of this module, or the status of the runs (:mod:`mien.reproduction.records`).
        why: The reason.
    """

    word: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.word}: {self.why}" if self.why and self.word != NONE else self.word


@dataclass(frozen=True)
class Interval:
    """A 95 % interval.

    Attributes:
        low: Its lower end.
        high: Its upper end.
        method: How it was made.
        wide: Whether it is one of a share, and wider than ``WIDE``.
    """

    low: float
    high: float
    method: str
    wide: bool = False

    def scaled(self, factor: float) -> "Interval":
        """The interval of the value times a positive factor."""
        return replace(self, low=self.low * factor, high=self.high * factor)


@dataclass(frozen=True)
class Summary:
    """The values of several seeds.

    Attributes:
        mean: Their mean.
        spread: Their standard deviation (n - 1); ``None`` for one.
        seeds: How many there are.
        interval: Where one further run is expected; ``None`` where these values do not say.
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
    return int(value.as_tuple().exponent)


def summarise(values: Sequence[Measured], share: bool) -> Summary:
    """Mean, spread, and where one further run is expected, of one value a seed.

    Three seeds or more: the 95 % prediction interval of one further run, mean +- t s sqrt(1 + 1/k) with k - 1 degrees
    of freedom (Hahn and Meeker, Statistical Intervals, 1991), or Wilson's interval of the mean share where that is
    wider: all seeds see the same images. One or two: Wilson's alone, which knows nothing of other seeds. None
    where less than three seeds measured what is no share of a number of images.

    Args:
        values: One a seed, at least one; none below 0.
        share: Whether they are fractions in 0..1: the interval then ends there.
    """
    numbers, counts = [value.value for value in values], [value.n for value in values if value.n is not None]
    mean, seeds = fmean(numbers), len(numbers)
    spread = stdev(numbers) if seeds > 1 else None
    intervals: list[Interval] = []
    if len(counts) == seeds:
        n = min(counts)
        only = "" if seeds > 2 else f", {seeds} seed{'s' if seeds > 1 else ''} only"
        intervals.append(_bounded(*wilson_interval(round(mean * n), n), f"Wilson, {n:,} images{only}", share))
    if spread is not None and seeds > 2:
        reach = float(student.ppf(0.975, seeds - 1)) * spread * sqrt(1 + 1 / seeds)
        intervals.append(_bounded(mean - reach, mean + reach, f"prediction of one further run, {seeds} seeds", share))
    widest = max(intervals, key=lambda interval: interval.high - interval.low, default=None)
    return Summary(mean, spread, seeds, widest)


def _bounded(low: float, high: float, method: str, share: bool) -> Interval:
    """The interval as far as values can be."""
    low, high = max(low, 0.0), min(high, 1.0 if share else inf)
    return Interval(low, high, method, wide=share and high - low > WIDE)


def judge(printed: str, better: str, summary: Summary) -> Verdict:
    """The verdict on a published number; both in the same unit.

    Args:
        printed: As published.
        better: higher, lower or neither.
        summary: What was measured.

    Returns:
        *reproduced*: some value that is printed so lies in the interval; *undecided* where that is so wide that nearly
        anything would. *exceeded*: none does, and the measured value is the better one. Else *not reproduced*. Without
        an interval there is no verdict.
    """
    bounds = summary.interval
    if bounds is None:
        return Verdict(NONE, f"{'one seed' if summary.seeds == 1 else f'{summary.seeds} seeds'}, no interval")
    low, high = rounding_range(printed)
    if bounds.low <= high and low <= bounds.high:
        return Verdict(UNDECIDED if bounds.wide else REPRODUCED)
    above = bounds.low > high
    return Verdict(EXCEEDED if better == ("higher" if above else "lower") else NOT_REPRODUCED)


def judge_goal(goal: str, better: str, summary: Summary) -> str:
    """Whether the mean measured value reaches a goal, in the same unit."""
    reached = summary.mean >= float(goal) if better == "higher" else summary.mean <= float(goal)
    return REACHED if reached else MISSED
