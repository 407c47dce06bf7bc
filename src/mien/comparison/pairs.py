"""Models against each other on the same images: differences, their intervals, and whether they can be believed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import lcm

import numpy as np
from numpy.typing import NDArray

from mien.comparison.paired import holm, percentile_interval, sign_flip_test
from mien.comparison.scores import Score, Scored
from mien.comparison.trainings import Interval, total_interval

LEVEL = 0.05
"""A pair is told apart where the adjusted p-value is below this."""


@dataclass(frozen=True)
class Pair:
    """Two models; every difference is the first's value minus the second's, so that of the accuracies is not negative.

    Attributes:
        first: The model of the higher accuracy.
        second: The other.
        difference: Of the accuracies.
        interval: Its 95 % interval, of this pair alone: over images and trainings where both models were trained
            several times (:func:`~mien.comparison.trainings.total_interval`), else over images (percentile bootstrap).
        macro_difference: Of the macro recalls.
        macro_interval: Likewise.
        first_only: Images that only the first gets right; of models with several trainings, those that a larger share
            of its trainings gets right.
        second_only: Likewise.
        p_images: Of the exact test of equal accuracy over images, for the trainings at hand: McNemar's for two single
            trainings, else the sign-flip test.
        p: What is concluded from: over images and trainings where both were trained several times, else ``p_images``.
        p_holm: The same, adjusted for all pairs tested (Holm).
    """

    first: Score
    second: Score
    difference: float
    interval: Interval
    macro_difference: float
    macro_interval: Interval
    first_only: int
    second_only: int
    p_images: float
    p: float
    p_holm: float = 1.0

    @property
    def told_apart(self) -> bool:
        """Whether more than chance stands behind the difference."""
        return self.p_holm < LEVEL

    @property
    def over_trainings(self) -> bool:
        """Whether interval and test cover the spread between trainings."""
        return _several(self.first, self.second)

    @property
    def test(self) -> str:
        """The test's name."""
        if self.over_trainings:
            return "Welch"
        single = len(self.first.by_run) == len(self.second.by_run) == 1
        return "McNemar" if single else "sign flips"


def _several(first: Score, second: Score) -> bool:
    return min(len(first.by_run), len(second.by_run)) > 1


def pair_up(scored: Scored, reference: int | None = None) -> tuple[Pair, ...]:
    """Test every pair of models, or every model against one.

    Args:
        scored: The models, the most accurate first.
        reference: Which of them all are tested against; ``None``: each against each.
    """
    places = [pair for pair in combinations(range(len(scored.scores)), 2) if reference is None or reference in pair]
    pairs = [_pair(scored, *pair) for pair in places]
    adjusted = holm([pair.p for pair in pairs])
    return tuple(replace(pair, p_holm=p) for pair, p in zip(pairs, adjusted, strict=True))


def _pair(scored: Scored, a: int, b: int) -> Pair:
    first, second = scored.scores[a], scored.scores[b]
    steps, drawn = _steps(scored, a, b), scored.resampled
    drawn_macro = drawn.macro_recall
    p_images = sign_flip_test(steps)
    interval, p = _difference(drawn.accuracy[:, a] - drawn.accuracy[:, b], first.by_run, second.by_run)
    macro_interval, _ = _difference(drawn_macro[:, a] - drawn_macro[:, b], first.macro_by_run, second.macro_by_run)
    return Pair(
        first=first,
        second=second,
        difference=first.accuracy - second.accuracy,
        interval=interval,
        macro_difference=first.macro_recall - second.macro_recall,
        macro_interval=macro_interval,
        first_only=int((steps > 0).sum()),
        second_only=int((steps < 0).sum()),
        p_images=p_images,
        p=p_images if p is None else p,
    )


def _steps(scored: Scored, a: int, b: int) -> NDArray[np.int64]:
    """(N,): the difference of the shares of right trainings, on a scale on which both are whole numbers."""
    trainings = [len(scored.scores[m].by_run) for m in (a, b)]
    whole = lcm(*trainings)
    return scored.rights[a] * (whole // trainings[0]) - scored.rights[b] * (whole // trainings[1])


def _difference(
    drawn: NDArray[np.float64], first: Sequence[float], second: Sequence[float]
) -> tuple[Interval, float | None]:
    """Interval of a difference and, where both models were trained several times, its p-value.

    Args:
        drawn: (B,) the resampled difference.
        first: The first model's value of every training.
        second: The second's.
    """
    if min(len(first), len(second)) == 1:
        return percentile_interval(drawn), None
    return total_interval(float(np.mean(first) - np.mean(second)), float(drawn.var()), [first, second])
