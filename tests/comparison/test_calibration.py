import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from mien.comparison.calibration import (
    Calibration,
    calibration,
    expected_calibration_error,
    fit_temperature,
    mean_calibration,
    negative_log_likelihood,
    reliability,
    scale,
)


def sample(n=3000, temperature=1.0, seed=0):
    """Probabilities whose true temperature is known, and labels drawn from them at temperature 1."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(n, 5))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    sharp = np.exp(logits * temperature)
    return (sharp / sharp.sum(axis=1, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_error_is_that_of_a_runs_result(temperature):
    p, labels = sample(temperature=temperature)
    p[:7] = np.eye(5, dtype=np.float32)[labels[:7]]  # a confidence of exactly 1
    p[7] = [1 / 3, 1 / 3, 1 / 3, 0, 0]  # one on a bin's edge
    theirs = multiclass_calibration_error(torch.from_numpy(p), torch.from_numpy(labels), 5, n_bins=15, norm="l1")
    assert expected_calibration_error(p, labels) == pytest.approx(float(theirs), abs=1e-6)


def test_the_error_by_hand():
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.45, 0.55]])
    # bins: two at 0.9, of which one is right: |1 - 1.8|; 0.6 (bin 9), right: 0.4; 0.55 (bin 8), wrong: 0.55
    assert expected_calibration_error(p, np.array([0, 1, 1, 0])) == pytest.approx((0.8 + 0.4 + 0.55) / 4)


def test_reliability_by_hand():
    bins = reliability(np.array([[0.9, 0.1], [0.9, 0.1], [1.0, 0.0]]), np.array([0, 1, 0]))
    assert bins.count.tolist() == [0] * 13 + [2, 1]
    assert bins.accuracy[13:].tolist() == [0.5, 1.0]
    assert bins.confidence[13:].tolist() == pytest.approx([0.9, 1.0])
    assert np.isnan(bins.accuracy[:13]).all()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_is_found_again(temperature):
    p, labels = sample(n=20_000, temperature=temperature)
    assert fit_temperature(p, labels) == pytest.approx(temperature, rel=0.03)


def test_scaling_by_a_temperature_is_dividing_the_logits():
    logits = np.random.default_rng(0).normal(size=(20, 4))
    p = torch.from_numpy(logits).softmax(1).numpy()
    assert scale(p, 2.5) == pytest.approx(torch.from_numpy(logits / 2.5).softmax(1).numpy())
    assert (scale(p, 2.5).argmax(1) == p.argmax(1)).all()


def test_a_probability_of_zero_costs_much_but_not_all():
    p = np.array([[1.0, 0.0]], np.float32)
    assert negative_log_likelihood(p, np.array([1])) == pytest.approx(87.3365, abs=1e-3)  # -log of float32's smallest
    assert np.isfinite(fit_temperature(p, np.array([1])))


def test_calibration_before_and_after():
    validation, test = sample(temperature=3.0, seed=1), sample(temperature=3.0, seed=2)
    found = calibration(test, validation)
    assert found.temperature == pytest.approx(3.0, rel=0.1)
    assert found.ece > 0.2
    assert found.ece_scaled < 0.04
    assert found.nll > found.nll_scaled + 0.2
    plain = calibration(test, None)
    assert (plain.ece, plain.nll, plain.temperature, plain.nll_scaled) == (found.ece, found.nll, None, None)


def test_the_mean_has_a_temperature_only_where_all_have_one():
    whole, half = Calibration(0.1, 1.0, 2.0, 0.05, 0.8), Calibration(0.3, 2.0)
    assert mean_calibration([whole, half]) == Calibration(0.2, 1.5)
    assert mean_calibration([whole, whole]) == whole


def test_a_model_that_tells_nothing_is_heated_to_the_bound():
    p, labels = sample()
    assert fit_temperature(p, np.random.default_rng(1).integers(0, 5, len(labels))) == pytest.approx(20, rel=1e-3)
