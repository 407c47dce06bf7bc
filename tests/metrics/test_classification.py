"""Scores against hand-made tables and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn import metrics

from mien.labels import LabelSet
from mien.metrics.classification import RunningScore, evaluate_predictions
from mien.metrics.intervals import wilson_interval

NAMES = LabelSet(("a", "b", "c"))


def one_hot(predicted, k=3, confidence=0.8):
    p = np.full((len(predicted), k), (1 - confidence) / (k - 1), np.float32)
    p[np.arange(len(predicted)), predicted] = confidence
    return p


def test_a_table_made_by_hand():
    truth = np.array([0, 0, 0, 0, 1, 1])
    result = evaluate_predictions(one_hot([0, 0, 0, 1, 1, 0]), truth, NAMES)
    assert result.confusion == ((3, 1, 0), (1, 1, 0), (0, 0, 0))
    assert (result.n, result.accuracy) == (6, 4 / 6)
    assert result.macro_recall == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert result.macro_f1 == pytest.approx((6 / 8 + 2 / 4) / 2)
    assert [row.support for row in result.per_class] == [4, 2, 0]
    assert [row.precision for row in result.per_class] == [3 / 4, 1 / 2, None]


def test_an_absent_class_is_undefined_not_zero():
    row = evaluate_predictions(one_hot([0, 1]), np.array([0, 1]), NAMES).per_class[2]
    assert (row.recall, row.precision, row.f1, row.support) == (None, None, None, 0)


def test_scikit_learn_agrees():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 200).astype(np.float32)
    truth = rng.integers(0, 3, 200)
    result = evaluate_predictions(p, truth, NAMES)
    predicted = p.argmax(1)
    assert result.accuracy == metrics.accuracy_score(truth, predicted)
    assert result.macro_recall == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))
    assert result.macro_f1 == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    exact = p.astype(np.float64)
    assert result.loss == pytest.approx(metrics.log_loss(truth, exact / exact.sum(1, keepdims=True)), rel=1e-5)
    assert np.array_equal(result.confusion, metrics.confusion_matrix(truth, predicted))


def test_calibration_error_of_known_confidence():
    truth = np.array([0] * 6 + [1] * 4)
    result = evaluate_predictions(one_hot([0] * 10), truth, NAMES)
    assert result.ece == pytest.approx(0.8 - 0.6, abs=1e-6)


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0, 3], r"expected labels in 0..2, got 0..3"), ([-1, 0], "got -1..0"), ([], "at least one label")],
)
def test_labels_out_of_range_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        evaluate_predictions(one_hot([0] * len(labels)), np.array(labels, np.int64), NAMES)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"expected probabilities \(2, 3\), got \(2, 2\)"):
        evaluate_predictions(one_hot([0, 1], k=2), np.array([0, 1]), NAMES)


def test_the_running_score_equals_the_score_of_all_at_once():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(50, 3, generator=generator)
    labels = torch.randint(0, 2, (50,), generator=generator)  # class 2 is absent
    running = RunningScore(3)
    for part in (slice(0, 20), slice(20, 50)):
        loss = torch.nn.functional.cross_entropy(logits[part], labels[part])
        running.update(logits[part], labels[part], loss)
    whole = evaluate_predictions(logits.softmax(1).numpy(), labels.numpy(), NAMES)
    values = running.compute()
    assert float(values["accuracy"]) == pytest.approx(whole.accuracy)
    assert float(values["macro_recall"]) == pytest.approx(whole.macro_recall)
    assert float(values["loss"]) == pytest.approx(whole.loss, rel=1e-5)
    running.reset()
    assert int(running.confusion.sum()) == 0


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(8, 10, 0.4901625, 0.9433178), (0, 10, 0.0, 0.2775328), (10, 10, 0.7224672, 1.0), (0, 0, 0.0, 1.0)],
)
def test_wilson_intervals_as_in_newcombe_1998(successes, n, low, high):
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=1e-6)


def test_wilson_refuses_more_successes_than_trials():
    with pytest.raises(ValueError, match="expected 0 <= successes <= n, got 3 of 2"):
        wilson_interval(3, 2)
