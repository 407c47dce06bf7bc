"""Scores of a model on one part of a data set, every image counted once."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mien.data.decode import Decoded
from mien.evaluation.predict import Predictor
from mien.labels import LabelSet
from mien.metrics.classification import evaluate_predictions
from mien.results import EvalResult
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
    return Evaluation(evaluate_predictions(probabilities, truth, predictor.labels), predictions, images)
