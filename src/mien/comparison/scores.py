"""The scores of every model on the images that all runs share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.comparison.models import Model
from mien.comparison.paired import Resampled, resample
from mien.comparison.predictions import SameImages
from mien.comparison.trainings import Interval, total_interval
from mien.metrics.intervals import wilson_interval


@dataclass(frozen=True)
class Draws:
    """How images are resampled: how often, and the seed."""

    count: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class LeakFree:
    """A model on the images that stand in no run's train part: their number, its accuracy and 95 % interval."""

    n: int
    accuracy: float
    interval: Interval


@dataclass(frozen=True, eq=False)
class Score:
    """One model on the shared images; of several trainings every value is the mean.

    Attributes:
        model: The model.
        by_run: Accuracy of each training, in the order of ``model.jobs``.
        macro_by_run: Mean recall of the classes present, likewise.
        interval: 95 % interval of the accuracy: Wilson's for one training, over images; that of
            :func:`~mien.comparison.trainings.total_interval` for several, over images and trainings.
        recall: Of each class; ``None`` without a sample.
        confusion: (K, K) rows true, columns predicted, each row a distribution; NaN without a sample.
        leak_free: On the images that stand in no train part; ``None`` where all do that are there, or it is unknown.
    """

    model: Model
    by_run: tuple[float, ...]
    macro_by_run: tuple[float, ...]
    interval: Interval
    recall: tuple[float | None, ...]
    confusion: NDArray[np.float64]
    leak_free: LeakFree | None

    @property
    def accuracy(self) -> float:
        """The mean over the trainings."""
        return float(np.mean(self.by_run))

    @property
    def macro_recall(self) -> float:
        """Likewise."""
        return float(np.mean(self.macro_by_run))

    @property
    def sd(self) -> float | None:
        """Standard deviation over the trainings (n - 1); ``None`` for one."""
        return spread(self.by_run)


def spread(values: Sequence[float]) -> float | None:
    """Standard deviation (n - 1); ``None`` for fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


@dataclass(frozen=True, eq=False)
class Scored:
    """All models on the same images.

    Attributes:
        scores: Of every model, the most accurate first.
        rights: Of every model, likewise, (N,) the number of its trainings that got each image right.
        resampled: M models, likewise, on B resamples of the images.
    """

    scores: tuple[Score, ...]
    rights: tuple[NDArray[np.int64], ...]
    resampled: Resampled


def score_models(models: Sequence[Model], images: SameImages, draws: Draws) -> Scored:
    """Score every model.

    Args:
        models: M models.
        images: The predictions of their jobs, in the order of the models and of their jobs.
        draws: Of the bootstrap.
    """
    predicted = np.split(images.predicted, np.cumsum([len(model.jobs) for model in models])[:-1])
    order = sorted(range(len(models)), key=lambda m: -float((predicted[m] == images.labels).mean()))
    models, predicted = [models[m] for m in order], [predicted[m] for m in order]
    rights = [(guesses == images.labels).sum(axis=0) for guesses in predicted]
    shares = np.stack([right / len(model.jobs) for right, model in zip(rights, models, strict=True)])
    sampled = _resample(shares, images, np.ones(images.n, bool), draws)
    leak_free = _leak_free(predicted, shares, images, draws)
    scores = [
        _score(model, predicted[m], images, sampled.accuracy[:, m], leak_free[m]) for m, model in enumerate(models)
    ]
    return Scored(tuple(scores), tuple(rights), sampled)


def _resample(shares: NDArray[np.float64], images: SameImages, of: NDArray[np.bool_], draws: Draws) -> Resampled:
    return resample(shares[:, of], images.labels[of], len(images.classes), draws.count, draws.seed)


def _score(
    model: Model,
    predicted: NDArray[np.int64],
    images: SameImages,
    drawn: NDArray[np.float64],
    leak_free: LeakFree | None,
) -> Score:
    """One model; ``drawn`` (B,) are its resampled accuracies."""
    right = predicted == images.labels
    by_run = tuple(float(value) for value in right.mean(axis=1))
    confusion = _confusion(predicted, images)
    return Score(
        model=model,
        by_run=by_run,
        macro_by_run=tuple(float(np.nanmean(_confusion(row[None], images).diagonal())) for row in predicted),
        interval=_interval(right, drawn),
        recall=tuple(None if np.isnan(share) else float(share) for share in confusion.diagonal()),
        confusion=confusion,
        leak_free=leak_free,
    )


def _interval(right: NDArray[np.bool_], drawn: NDArray[np.float64]) -> Interval:
    """Of the accuracy of some trainings; ``right`` (T, N), ``drawn`` (B,) resampled means."""
    if len(right) == 1:
        return wilson_interval(int(right.sum()), right.shape[1])
    values = right.mean(axis=1)
    (low, high), _ = total_interval(float(values.mean()), float(drawn.var()), [list(values)])
    return max(low, 0.0), min(high, 1.0)


def _confusion(predicted: NDArray[np.int64], images: SameImages) -> NDArray[np.float64]:
    k = len(images.classes)
    places = images.labels[None, :] * k + predicted
    counts = np.bincount(places.ravel(), minlength=k * k).reshape(k, k)
    with np.errstate(invalid="ignore"):
        shares: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
    return shares


def _leak_free(
    predicted: Sequence[NDArray[np.int64]], shares: NDArray[np.float64], images: SameImages, draws: Draws
) -> list[LeakFree | None]:
    """Of every model its score without the leaked images; ``None`` where these are unknown or all."""
    if images.leaked is None or images.leaked.all():
        return [None] * len(predicted)
    clean = ~images.leaked
    drawn = _resample(shares, images, clean, draws).accuracy
    n = int(clean.sum())
    rights = [(guesses == images.labels)[:, clean] for guesses in predicted]
    return [LeakFree(n, float(right.mean()), _interval(right, drawn[:, m])) for m, right in enumerate(rights)]
