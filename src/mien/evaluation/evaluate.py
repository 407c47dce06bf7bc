"""Scores of a model on one part of a data set, every image counted once."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mien.data.concatenated import set_names
from mien.data.decode import Decoded
from mien.data.source import Part
from mien.evaluation.predict import Predictor
from mien.labels import LabelSet
from mien.metrics.classification import evaluate_predictions
from mien.metrics.left_out import score_without
from mien.results import EvalResult, SetScore
from mien.types import Image


@dataclass(frozen=True)
class Predictions:
    """What a model says of N labelled images.

    Attributes:
        probabilities: (N, K) float32.
        truth: (N,) int64, the true classes in the model's order.
        table: One row an image: ``key``, ``label``, ``predicted``, ``p_<class>`` and ``digest``, which is equal for
            images that are equal byte for byte.
    """

    probabilities: NDArray[np.float32]
    truth: NDArray[np.int64]
    table: pd.DataFrame


@dataclass(frozen=True)
class Evaluation:
    """Scores, and what they were computed from.

    Attributes:
        result: The scores.
        predictions: As :attr:`Predictions.table`; with ``leaked`` (whether the image stands in train too) and
            ``copied`` (whether it has a copy there, exact or near) where that is known.
        images: As the network saw them.
    """

    result: EvalResult
    predictions: pd.DataFrame
    images: Decoded

    def image(self, index: int) -> Image:
        """One image for show, (S, S, 3) uint8 RGB."""
        pixels = self.images[index].transpose(1, 2, 0)
        return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def evaluate(
    images: Decoded,
    labels: LabelSet,
    predictor: Predictor,
    leaked: Collection[str] | None = None,
    copied: Collection[str] | None = None,
) -> Evaluation:
    """Predict and score.

    Args:
        images: The images, with their labels in the order of ``labels``.
        labels: The data set's classes; each must be among the model's.
        predictor: The model.
        leaked: Keys of the images that stand in train too; ``None`` where that is unknown.
        copied: Keys of the images that have a copy there, exact or near; ``None`` where that is unknown.

    Raises:
        LabelError: A class of the data set is none of the model's.
    """
    said = predict(images, labels, predictor)
    result = evaluate_predictions(said.probabilities, said.truth, predictor.labels)
    per_set = _per_set(images.part, said.probabilities, said.truth, predictor.labels)
    known = {"leaked": leaked, "copied": copied}
    flags = {name: said.table["key"].isin(keys) for name, keys in known.items() if keys is not None}
    free = {name: score_without(said.table, flag.to_numpy()) for name, flag in flags.items()}
    result = replace(result, per_set=per_set, leak_free=free.get("leaked"), copy_free=free.get("copied"))
    return Evaluation(result, said.table.assign(**flags), images)


def predict(images: Decoded, labels: LabelSet, predictor: Predictor) -> Predictions:
    """Predict only; as :func:`evaluate`.

    Raises:
        LabelError: A class of the data set is none of the model's.
    """
    to_model = np.array(labels.mapping_to(predictor.labels), np.int64)
    part = images.part
    truth = to_model[part.labels]
    probabilities = predictor.arrays(images)
    names = np.array(predictor.labels.names)
    table = pd.DataFrame(
        {
            "key": [part.reader.key(index) for index in range(len(part))],
            "label": names[truth],
            "predicted": names[probabilities.argmax(1)],
            **{f"p_{name}": probabilities[:, k] for k, name in enumerate(names)},
            "digest": [digest.hex() for digest in part.digests],
        }
    )
    return Predictions(probabilities, truth, table)


def _per_set(
    part: Part, probabilities: NDArray[np.float32], truth: NDArray[np.int64], labels: LabelSet
) -> tuple[SetScore, ...]:
    """The scores of every set of a mix."""
    names = set_names(part)
    if names is None:
        return ()
    scores = []
    for name in dict.fromkeys(names):
        chosen = [row for row, own in enumerate(names) if own == name]
        score = evaluate_predictions(probabilities[chosen], truth[chosen], labels)
        scores.append(SetScore(name, score.n, score.accuracy, score.accuracy_ci95, score.macro_recall))
    return tuple(scores)
