"""Likely label errors, planted and found again."""

import sys

import numpy as np
import pytest

from mien.audit.label_errors import check_cleanlab, find_suspects
from mien.errors import ConfigError

PLANTED = (3, 70, 141)


def sure_of_the_truth():
    """150 images of three classes, and a model that is 90 % sure of the true one; some labels are wrong."""
    truth = np.arange(150) % 3
    probabilities = np.full((150, 3), 0.05)
    probabilities[np.arange(150), truth] = 0.9
    labels = truth.copy()
    labels[list(PLANTED)] = (truth[list(PLANTED)] + 1) % 3
    return labels, probabilities, truth


def test_planted_errors_are_found():
    labels, probabilities, truth = sure_of_the_truth()
    found = find_suspects(np.arange(150) + 1000, labels, probabilities)
    assert sorted(suspect.index for suspect in found) == [1000 + place for place in PLANTED]
    for suspect in found:
        assert suspect.suggested == truth[suspect.index - 1000]
        assert (suspect.given_probability, suspect.suggested_probability) == pytest.approx((0.05, 0.9))


def test_right_labels_are_left_alone():
    _, probabilities, truth = sure_of_the_truth()
    assert find_suspects(np.arange(150), truth, probabilities) == []


def test_the_least_probable_label_comes_first():
    labels, probabilities, _ = sure_of_the_truth()
    probabilities[70] = (0.01, 0.98, 0.01)
    assert find_suspects(np.arange(150), labels, probabilities)[0].index == 70


def test_a_class_that_no_prediction_is_of():
    labels, probabilities, _ = sure_of_the_truth()
    some = labels < 2
    assert len(find_suspects(np.arange(150)[some], labels[some], probabilities[some])) > 0


def test_without_cleanlab(monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(ConfigError, match=r"pip install 'cleanlab>=2.9'"):
        check_cleanlab()
