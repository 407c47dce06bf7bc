"""Scores on some of the images, from a table of predictions."""

import numpy as np
import pandas as pd
import pytest

from mien.metrics.intervals import wilson_interval
from mien.metrics.left_out import score_without

TABLE = pd.DataFrame(
    {"label": ["fear", "fear", "fear", "anger", "neutral"], "predicted": ["fear", "anger", "fear", "anger", "fear"]}
)


def test_the_others_are_scored():
    score = score_without(TABLE, np.array([False, False, True, False, True]))
    assert (score.n, score.leaked, score.accuracy) == (3, 2, pytest.approx(2 / 3))
    assert score.accuracy_ci95 == wilson_interval(2, 3)
    assert score.macro_recall == pytest.approx((1 / 2 + 1) / 2)  # of fear and anger; neutral has no image left


def test_no_image_is_left():
    score = score_without(TABLE, np.ones(5, bool))
    assert (score.n, score.leaked, score.accuracy, score.macro_recall) == (0, 5, None, None)
    assert score.accuracy_ci95 == (0.0, 1.0)
