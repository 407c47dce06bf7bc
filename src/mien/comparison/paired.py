"""Paired statistics: several models on the same images. NumPy and SciPy only.

What these tests cannot see: how much a model changes when it is trained again. They ask whether a difference between
given trainings is more than the choice of test images explains (Dietterich 1998, Neural Computation 10:1895-1923,
whose advice for models that can be trained only once is McNemar's test, with this warning).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve
from scipy.special import bdtr
from scipy.stats import binom

CHUNK = 4_000_000  # numbers of one part of the resamples: 32 MB
ROUNDING = 1e-12


def mcnemar(first_only: int, second_only: int) -> float:
    """The p-value of McNemar's exact test, two-sided.

    Of the images that only one of two models gets right, each is as likely to be the first's as the second's if the
    models are equally good (McNemar 1947, Psychometrika 12:153-157; exact: the binomial test).

    Args:
        first_only: Images that only the first model gets right.
        second_only: Images that only the second gets right.

    Examples:
        >>> round(mcnemar(5, 15), 4)
        0.0414
        >>> mcnemar(0, 0)
        1.0
    """
    if abs(first_only - second_only) < 2:  # the tails are all there is
        return 1.0
    return 2 * float(bdtr(min(first_only, second_only), first_only + second_only, 0.5))  # scipy's binomtest takes 1 ms


def sign_flip_test(differences: NDArray[np.int64]) -> float:
    """The exact p-value of the paired sign-flip test, two-sided: McNemar's test for differences of any size.

    If two models are equally good, the difference on each image is as likely to have the one sign as the other. The
    p-value is the share of all 2^N ways to choose the signs whose sum is as far from 0 as the one seen (Fisher 1935,
    The Design of Experiments, section 21; Pitman 1937). With differences -1, 0 and 1 only, this is McNemar's exact
    test. All ways are counted, none is drawn: images of one size of difference make a binomial distribution, and the
    distributions of the sizes are convolved. Beyond the simple case it is exact to about 1e-12.

    Args:
        differences: (N,) whole numbers, one an image: how many trainings more of the first model got it right, on a
            scale common to all images.

    Examples:
        >>> round(sign_flip_test(np.array([2, 1, 1, -1])), 4)  # sums of 3 or more: 8 of 16
        0.5
    """
    sizes, counts = np.unique(np.abs(differences[differences != 0]), return_counts=True)
    if len(sizes) < 2:
        return mcnemar(int((differences > 0).sum()), int((differences < 0).sum()))
    sizes //= np.gcd.reduce(sizes)
    ways = np.ones(1)  # ways[h]: probability that the sizes with a plus add up to h
    for size, count in zip(sizes, counts, strict=True):
        one = np.zeros(int(size * count) + 1)
        one[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
        ways = fftconvolve(ways, one)
    whole = int((sizes * counts).sum())
    seen = abs(int(differences.sum())) // int(np.gcd.reduce(np.abs(differences)))
    sums = np.abs(2 * np.arange(len(ways)) - whole)
    return float(np.clip(ways[sums >= seen].sum(), ROUNDING, 1.0))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment, which bounds the chance of any false finding among all.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65-70.

    Examples:
        >>> [round(p, 2) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    steps = np.minimum(1.0, p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(steps)
    return [float(value) for value in adjusted]


@dataclass(frozen=True, eq=False)
class Resampled:
    """Scores of M models on B resamples of the images; each resample is the same for all models.

    Attributes:
        accuracy: (B, M) in 0..1.
        recall: (B, M, K) in 0..1; NaN where a resample has no image of the class.
    """

    accuracy: NDArray[np.float64]
    recall: NDArray[np.float64]

    @cached_property
    def macro_recall(self) -> NDArray[np.float64]:
        """(B, M) mean recall of the classes present in the resample."""
        present = np.isfinite(self.recall)
        return np.asarray(np.where(present, self.recall, 0.0).sum(axis=2) / present.sum(axis=2))


def resample(shares: NDArray[np.float64], labels: NDArray[np.int64], classes: int, draws: int, seed: int) -> Resampled:
    """The paired bootstrap: images are drawn with replacement, and all models are scored on what was drawn.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 8 and 13.

    Args:
        shares: (M, N) in 0..1: of each model's trainings the share that got the image right.
        labels: (N,) true classes, 0..K-1.
        classes: K.
        draws: B, number of resamples.
        seed: Of the draws; the same seed gives the same numbers.
    """
    models, n = shares.shape
    rng = np.random.default_rng(seed)
    accuracy, recall = np.empty((draws, models)), np.empty((draws, models, classes))
    members = [np.flatnonzero(labels == k) for k in range(classes)]
    step = max(1, CHUNK // n)
    for start in range(0, draws, step):
        rows = slice(start, min(start + step, draws))
        counts = _counts(rng, rows.stop - rows.start, n)
        hits = np.stack([counts[:, of] @ shares[:, of].T for of in members], axis=2)
        support = np.stack([counts[:, of].sum(axis=1) for of in members], axis=1)[:, None, :]
        accuracy[rows] = hits.sum(axis=2) / n
        recall[rows] = np.where(support > 0, hits / np.maximum(support, 1), np.nan)
    return Resampled(accuracy, recall)


def _counts(rng: np.random.Generator, draws: int, n: int) -> NDArray[np.float64]:
    """(draws, n): how often each of n images is in each resample of n."""
    drawn = rng.integers(n, size=(draws, n)) + n * np.arange(draws)[:, None]
    counts: NDArray[np.float64] = np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)
    return counts


def percentile_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % percentile interval of (B,) resampled values; those that are not defined are left out."""
    low, high = np.quantile(values[np.isfinite(values)], (0.025, 0.975))
    return float(low), float(high)
