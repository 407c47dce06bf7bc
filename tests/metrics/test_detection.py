"""Average precision against values by hand and scikit-learn's curve."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from mien.metrics.detection import average_precision


def ap(scores, hits, positives):
    return average_precision(np.array(scores, np.float64), np.array(hits, bool), positives)


@pytest.mark.parametrize(
    ("hits", "positives", "expected"),
    [
        ([1, 1], 2, 1.0),
        ([1, 0, 1], 2, (1 + 2 / 3) / 2),
        ([0, 1, 1], 2, (2 / 3 + 2 / 3) / 2),  # without interpolation the first step would count 1/2
        ([1], 4, 1 / 4),
        ([0, 0], 3, 0.0),
        ([], 3, 0.0),
        # Everingham et al. would draw: precision 1, 1/2, 2/3, 2/4, 3/5 at recall .25, .25, .5, .5, .75
        ([1, 0, 1, 0, 1], 4, (1 + 2 / 3 + 3 / 5) / 4),
    ],
)
def test_by_hand(hits, positives, expected):
    assert ap(np.linspace(0.9, 0.1, len(hits)), hits, positives) == pytest.approx(expected)


def test_no_true_face_has_no_value():
    assert ap([0.9], [0], 0) is None


def test_more_hits_than_faces_are_refused():
    with pytest.raises(ValueError, match="at most 1 hits, got 2"):
        ap([0.9, 0.8], [1, 1], 1)


def test_equal_scores_count_together_in_any_order():
    assert ap([0.5, 0.5, 0.5, 0.5], [1, 0, 0, 1], 2) == ap([0.5, 0.5, 0.5, 0.5], [0, 0, 1, 1], 2) == 0.5
    assert ap([0.9, 0.5, 0.5], [1, 0, 1], 2) == ap([0.5, 0.9, 0.5], [0, 1, 1], 2) == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_area_under_scikit_learns_curve_with_its_dips_filled(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 200))
    scores, hits = rng.integers(0, 30, n) / 30, rng.random(n) < rng.uniform(0.2, 0.9)
    hits[0] = True
    missed = int(rng.integers(0, 50))
    precision, recall, _ = precision_recall_curve(hits, scores)  # recall falls, of the found ones alone
    filled = np.maximum.accumulate(precision)
    area = float(-np.diff(recall) @ filled[:-1])
    assert ap(scores, hits, int(hits.sum()) + missed) == pytest.approx(area * hits.sum() / (hits.sum() + missed))
