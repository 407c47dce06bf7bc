"""Models against each other on the same images: differences, their intervals, and whether they can be believed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import lcm

import numpy as np
from numpy.typing import NDArray

from mien.comparison.paired import holm, percentile_interval, sign_flip_test
from mien.comparison.scores import Score, Scored
from mien.comparison.trainings import Interval, one_against_several, total_interval
from mien.metrics.intervals import paired_interval

LEVEL = 0.05
"""A pair is told apart where the adjusted p-value is below this."""


@dataclass(frozen=True)
class Pair:
    """Two models; every difference is the first's value minus the second's, so that of the accuracies is not negative.

    Attributes:
        first: The model of the higher accuracy.
        second: The other.
        difference: Of the accuracies.
        interval: Its 95 % interval, of this pair alone: over images and trainings where one model was trained several
            times (:mod:`~mien.comparison.trainings`), else over images (Newcombe's for pairs).
        macro_difference: Of the macro recalls.
        macro_interval: Likewise; over images that of the percentile bootstrap.
        first_only: Images that only the first gets right; of models with several trainings, those that a larger share
            of its trainings gets right.
        second_only: Likewise.
        p_images: Of the exact test of equal accuracy over images, for the trainings at hand: McNemar's for two single
            trainings, else the sign-flip test.
        p: What is concluded from: over images and trainings where one was trained several times, else ``p_images``.
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
        return max(len(self.first.by_run), len(self.second.by_run)) > 1

    @property
    def test(self) -> str:
        """The test's name."""
        if not self.over_trainings:
            return "McNemar"
        return "Welch" if min(len(self.first.by_run), len(self.second.by_run)) > 1 else "Crawford-Howell"


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
    accuracies, macros = (first.by_run, second.by_run), (first.macro_by_run, second.macro_by_run)
    if len(first.by_run) == len(second.by_run) == 1:
        interval, p = _paired(scored.rights[a], scored.rights[b]), p_images
        macro_interval = percentile_interval(drawn_macro[:, a] - drawn_macro[:, b])
    else:
        interval, p = _difference(float((drawn.accuracy[:, a] - drawn.accuracy[:, b]).var()), *accuracies)
        macro_interval, _ = _difference(float((drawn_macro[:, a] - drawn_macro[:, b]).var()), *macros)
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
        p=p,
    )


def _steps(scored: Scored, a: int, b: int) -> NDArray[np.int64]:
    """(N,): the difference of the shares of right trainings, on a scale on which both are whole numbers."""
    trainings = [len(scored.scores[m].by_run) for m in (a, b)]
    whole = lcm(*trainings)
    return scored.rights[a] * (whole // trainings[0]) - scored.rights[b] * (whole // trainings[1])


def _paired(first: NDArray[np.int64], second: NDArray[np.int64]) -> Interval:
    """Of the accuracies of two trainings; both (N,), 1 where an image is right."""
    counts = np.bincount(2 * (1 - first) + (1 - second), minlength=4)
    return paired_interval(*map(int, counts))


def _difference(variance: float, first: Sequence[float], second: Sequence[float]) -> tuple[Interval, float]:
    """Interval and p-value of a difference of two models, of which one was trained several times.

    Args:
        variance: Of the difference over resampled images.
        first: The first model's value of every training.
        second: The second's.
    """
    value = float(np.mean(first) - np.mean(second))
    if min(len(first), len(second)) > 1:
        return total_interval(value, variance, [first, second])
    return one_against_several(value, variance, max(first, second, key=len))
