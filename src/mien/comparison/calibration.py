"""Calibration: does a probability of 0.8 mean right in 8 of 10 cases? NumPy and SciPy only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax

BINS = 15
SMALLEST = float(np.finfo(np.float32).tiny)
"""A probability of 0 counts as this, as in the loss of a run's result."""
HOTTEST = 20.0
"""The highest temperature that is tried; the lowest is one by this."""

Probabilities = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reliability:
    """Predictions sorted into :data:`BINS` equal bins of confidence.

    Attributes:
        count: (15,) predictions of a bin.
        confidence: (15,) their mean confidence; NaN in an empty bin.
        accuracy: (15,) the share of right ones; NaN in an empty bin.
    """

    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """How well a run's probabilities can be trusted, and how well after temperature scaling.

    Attributes:
        ece: Expected calibration error on the test images, 15 equal bins, L1.
        nll: Mean negative log likelihood on them.
        temperature: T fitted on the validation split; ``None`` where there are no predictions of one.
        ece_scaled: The error on the test images with this temperature, likewise.
        nll_scaled: Likewise.
    """

    ece: float
    nll: float
    temperature: float | None = None
    ece_scaled: float | None = None
    nll_scaled: float | None = None


def calibration(
    test: tuple[Probabilities, NDArray[np.int64]], validation: tuple[Probabilities, NDArray[np.int64]] | None
) -> Calibration:
    """Calibration of a run before and after temperature scaling.

    Args:
        test: Probabilities (N, K) and true classes (N,).
        validation: The same of the split that the temperature is fitted on.
    """
    plain = Calibration(expected_calibration_error(*test), negative_log_likelihood(*test))
    if validation is None:
        return plain
    temperature = fit_temperature(*validation)
    scaled = scale(test[0], temperature)
    return Calibration(
        plain.ece,
        plain.nll,
        temperature,
        expected_calibration_error(scaled, test[1]),
        negative_log_likelihood(scaled, test[1]),
    )


def mean_calibration(fits: Sequence[Calibration]) -> Calibration:
    """The mean of several; what one of them lacks, it lacks too."""
    plain = [float(np.mean(values)) for values in zip(*((fit.ece, fit.nll) for fit in fits), strict=True)]
    scaled = [(fit.temperature, fit.ece_scaled, fit.nll_scaled) for fit in fits]
    if any(fit.temperature is None for fit in fits):
        return Calibration(plain[0], plain[1])
    return Calibration(plain[0], plain[1], *(float(value) for value in np.mean(np.array(scaled, float), axis=0)))


def reliability(p: Probabilities, labels: NDArray[np.int64]) -> Reliability:
    """Sort predictions by confidence, for a reliability diagram (DeGroot and Fienberg 1983).

    Args:
        p: (N, K) in 0..1, rows summing to 1.
        labels: (N,) true classes.
    """
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    places = np.minimum(_bins(confidence), BINS - 1)
    count = np.bincount(places, minlength=BINS)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(places, weights, BINS) / count for weights in (confidence, right)]
    return Reliability(count, *means)


def expected_calibration_error(p: Probabilities, labels: NDArray[np.int64]) -> float:
    """The mean distance of confidence and accuracy over 15 equal bins, each weighted by its predictions.

    Naeini, Cooper and Hauskrecht 2015, AAAI; the same bins as torchmetrics', in which a run's own result is measured:
    a bin has its lower bound, and a confidence of exactly 1 is a bin by itself.

    Args:
        p: (N, K) in 0..1, rows summing to 1.
        labels: (N,) true classes.
    """
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    gaps = np.bincount(_bins(confidence), confidence - right.astype(np.float64))
    return float(np.abs(gaps).sum() / len(labels))


def _bins(confidence: Probabilities) -> NDArray[np.int64]:
    """The bin of every confidence: 0..14, and 15 for exactly 1."""
    bounds = np.linspace(0, 1, BINS + 1, dtype=np.float32)
    return np.searchsorted(bounds, confidence.astype(np.float32), side="right") - 1


def negative_log_likelihood(p: Probabilities, labels: NDArray[np.int64]) -> float:
    """The mean of -log p of the true classes."""
    picked = p[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(picked, SMALLEST)).mean())


def scale(p: Probabilities, temperature: float) -> NDArray[np.float64]:
    """Probabilities at another temperature: the softmax of log p / T. Which class is the likeliest stays the same.

    Where p is the softmax of logits, this is what dividing the logits by T gives.
    """
    return np.asarray(softmax(_log(p) / temperature, axis=1))


def fit_temperature(p: Probabilities, labels: NDArray[np.int64]) -> float:
    """The temperature that makes the true classes likeliest (Guo et al. 2017, ICML).

    It is sought in 0.05..20; of a model that tells nothing it is the upper bound.

    Args:
        p: (N, K) of a split that the model was not trained on and is not reported on.
        labels: (N,) true classes.
    """
    logs, rows = _log(p), np.arange(len(labels))

    def loss(log_t: float) -> float:
        z = logs / np.exp(log_t)
        top = z.max(axis=1)
        return float((np.log(np.exp(z - top[:, None]).sum(axis=1)) + top - z[rows, labels]).mean())

    bound = np.log(HOTTEST)
    found = minimize_scalar(loss, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def _log(p: Probabilities) -> NDArray[np.float64]:
    return np.log(np.maximum(p.astype(np.float64), SMALLEST))
