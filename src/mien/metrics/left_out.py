"""Scores on some of the images that a model was asked about. Computed from its predictions, without torch."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mien.metrics.intervals import wilson_interval
from mien.results import LeakFreeScore


def score_without(predictions: pd.DataFrame, left_out: NDArray[np.bool_]) -> LeakFreeScore:
    """The scores on the other images.

    Args:
        predictions: A row an image, with ``label`` and ``predicted``.
        left_out: (N,) which images do not count.
    """
    counted = predictions[~left_out]
    right = counted["label"] == counted["predicted"]
    n, hits = len(counted), int(right.sum())
    return LeakFreeScore(
        n=n,
        accuracy=hits / n if n else None,
        accuracy_ci95=wilson_interval(hits, n),
        macro_recall=float(right.groupby(counted["label"]).mean().mean()) if n else None,
        leaked=int(left_out.sum()),
    )
