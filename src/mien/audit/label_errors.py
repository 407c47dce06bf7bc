"""Likely label errors, by confident learning (Northcutt et al., 2021) as cleanlab has it."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import ConfigError

ENOUGH = 10
"""Images of a class from which on something can be said of its labels."""


@dataclass(frozen=True)
class Suspect:
    """A likely label error.

    Attributes:
        index: Position of its image in :class:`mien.audit.images.Images`.
        suggested: The class index that the models think likeliest.
        given_probability: What they give the label, 0..1.
        suggested_probability: What they give ``suggested``, 0..1.
    """

    index: int
    suggested: int
    given_probability: float
    suggested_probability: float


def check_cleanlab() -> None:
    """Raise early where cleanlab is not installed.

    Raises:
        ConfigError: It is not; the message has the command.
    """
    try:
        import cleanlab.filter  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            ["predictions: likely label errors need cleanlab; pip install 'cleanlab>=2.9', or leave predictions out"]
        ) from error


def find_suspects(
    rows: NDArray[np.int64], labels: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> list[Suspect]:
    """The likely label errors, the likeliest first.

    Confident learning estimates from the models' probabilities how many labels of each class are another's, and takes
    so many of the images whose own label has the least probability; it is only as good as the models are.

    Args:
        rows: (M,) positions of the images.
        labels: (M,) given class indices.
        probabilities: (M, K) of models that were not trained on these images.
    """
    from cleanlab.filter import find_label_issues

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "May not flag all label issues")  # the result names such classes itself
        ranked = find_label_issues(labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    guesses = probabilities.argmax(1)
    chosen = [int(place) for place in ranked if guesses[place] != labels[place]]
    return [
        Suspect(
            int(rows[place]),
            int(guesses[place]),
            given_probability=float(probabilities[place, labels[place]]),
            suggested_probability=float(probabilities[place].max()),
        )
        for place in chosen
    ]
