"""Scores of a model on one part of a data set, every image counted once."""

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
from mien.results import EvalResult, SetScore
from mien.types import Image


@dataclass(frozen=True)
class Evaluation:
    """Scores, and what they were computed from.

    Attributes:
        result: The scores.
        predictions: One row an image: ``key``, ``label``, ``predicted`` and ``p_<class>``.
        images: As the network saw them.
    """

    result: EvalResult
    predictions: pd.DataFrame
    images: Decoded

    def image(self, index: int) -> Image:
        """One image for show, (S, S, 3) uint8 RGB."""
        pixels = self.images[index].transpose(1, 2, 0)
        return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def evaluate(images: Decoded, labels: LabelSet, predictor: Predictor) -> Evaluation:
    """Predict and score.

    Args:
        images: The images, with their labels in the order of ``labels``.
        labels: The data set's classes; each must be among the model's.
        predictor: The model.

    Raises:
        LabelError: A class of the data set is none of the model's.
    """
    to_model = np.array(labels.mapping_to(predictor.labels), np.int64)
    part = images.part
    truth = to_model[part.labels]
    probabilities = predictor.arrays(images)
    names = np.array(predictor.labels.names)
    predictions = pd.DataFrame(
        {
            "key": [part.reader.key(index) for index in range(len(part))],
            "label": names[truth],
            "predicted": names[probabilities.argmax(1)],
            **{f"p_{name}": probabilities[:, k] for k, name in enumerate(names)},
        }
    )
    per_set = _per_set(part, probabilities, truth, predictor.labels)
    result = replace(evaluate_predictions(probabilities, truth, predictor.labels), per_set=per_set)
    return Evaluation(result, predictions, images)


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
