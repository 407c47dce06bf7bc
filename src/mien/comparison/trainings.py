"""Several trainings of a model: what the choice of images and the luck of a training add up to."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from scipy.stats import t

Interval = tuple[float, float]


def total_interval(value: float, image_variance: float, trainings: Sequence[Sequence[float]]) -> tuple[Interval, float]:
    """A 95 % interval and a p-value for a mean over trainings, or for the difference of two such means.

    Two things make it uncertain: which images were tested, and how the trainings happened to turn out. Their variances
    are added; that of the trainings is s^2 / n of each model. The degrees of freedom are Satterthwaite's (1946,
    Biometrics Bulletin 2:110-114), those of images taken for infinite; with two models and no variance of images this
    is Welch's t-test (1947, Biometrika 34:28-35). What a training does on single images only is in both variances, so
    the interval is rather too wide than too narrow. On the need to count both see Bouthillier et al. 2021, MLSys.

    Args:
        value: The mean, or the difference.
        image_variance: Of ``value`` over the choice of images, for the trainings at hand.
        trainings: Of each model the value of every training, at least two.

    Returns:
        The interval, and the two-sided p-value for a true value of 0.

    Examples:
        >>> interval, p = total_interval(0.064, 0.0, [[0.361, 0.259, 0.373], [0.275, 0.270, 0.255]])
        >>> round(p, 2)
        0.22
    """
    parts = [(float(np.var(values, ddof=1)) / len(values), len(values) - 1) for values in trainings]
    variance = image_variance + sum(part for part, _ in parts)
    uncertain = sum(part**2 / freedom for part, freedom in parts)
    return _interval(value, variance, variance**2 / uncertain if uncertain else np.inf)


def one_against_several(value: float, image_variance: float, several: Sequence[float]) -> tuple[Interval, float]:
    """A 95 % interval and a p-value for the difference of a single training and the mean of several others.

    The single training is taken to spread as the others do, so that its own variance is s^2, and that of their mean
    s^2 / n: Crawford and Howell 1998, The Clinical Neuropsychologist 12:482-486, with n - 1 degrees of freedom. The
    variance of images is added, as in :func:`total_interval`.

    Args:
        value: The difference, of either sign.
        image_variance: Of ``value`` over the choice of images, for the trainings at hand.
        several: The value of each of the several trainings, at least two.

    Returns:
        The interval, and the two-sided p-value for a true difference of 0.

    Examples:
        >>> interval, p = one_against_several(0.03, 0.0, [0.50, 0.51, 0.52])  # t = 0.03 / (0.01 * sqrt(4 / 3)) = 2.598
        >>> round(p, 3)
        0.122
    """
    n = len(several)
    variance = image_variance + float(np.var(several, ddof=1)) * (1 / n + 1)
    return _interval(value, variance, n - 1)


def _interval(value: float, variance: float, freedom: float) -> tuple[Interval, float]:
    """Student's interval, and his p-value for a true value of 0."""
    if variance == 0:
        return (value, value), float(value == 0)
    error = sqrt(variance)
    reach = float(t.ppf(0.975, freedom)) * error
    return (value - reach, value + reach), float(2 * t.sf(abs(value) / error, freedom))
