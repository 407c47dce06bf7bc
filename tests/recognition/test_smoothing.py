"""Smoothing over time, against the exponential by hand."""

from math import exp

import numpy as np
import pytest

from mien.recognition.smoothing import ProbabilitySmoother

SAD = np.array([1, 0], np.float32)
HAPPY = np.array([0, 1], np.float32)


@pytest.mark.parametrize("fps", [10, 30])
def test_a_step_makes_63_percent_of_its_way_in_the_time_constant(fps):
    smoother = ProbabilitySmoother(0.3)
    assert smoother.update(7, 0.0, SAD).tolist() == [1, 0]
    for index in range(1, round(0.3 * fps) + 1):
        smoothed = smoother.update(7, index / fps, HAPPY)
    assert smoothed == pytest.approx([exp(-1), 1 - exp(-1)], abs=1e-6)
    assert smoothed.dtype == np.float32


def test_irregular_frames_weigh_by_their_time():
    smoother = ProbabilitySmoother(0.5)
    smoother.update(0, 1.0, SAD)
    smoother.update(0, 1.1, HAPPY)
    assert smoother.update(0, 2.0, HAPPY)[0] == pytest.approx(exp(-1.0 / 0.5), abs=1e-6)


def test_tracks_do_not_mix():
    smoother = ProbabilitySmoother(1.0)
    smoother.update(0, 0.0, SAD)
    assert smoother.update(1, 0.1, HAPPY).tolist() == [0, 1]
    assert smoother.update(0, 0.1, SAD).tolist() == [1, 0]


def test_zero_turns_it_off():
    smoother = ProbabilitySmoother(0)
    smoother.update(0, 0.0, SAD)
    assert smoother.update(0, 0.001, HAPPY).tolist() == [0, 1]
    assert len(smoother) == 0


def test_probabilities_stay_probabilities():
    smoother, rng = ProbabilitySmoother(), np.random.default_rng(0)
    for index in range(200):
        smoothed = smoother.update(0, index / 25, rng.dirichlet(np.ones(7)).astype(np.float32))
    assert smoothed.sum() == pytest.approx(1, abs=1e-5)
    assert smoothed.min() >= 0


def test_a_step_back_in_time_changes_nothing():
    smoother = ProbabilitySmoother(0.3)
    smoother.update(0, 5.0, SAD)
    assert smoother.update(0, 4.0, HAPPY).tolist() == [1, 0]


def test_ended_tracks_are_forgotten():
    smoother = ProbabilitySmoother(0.3)
    for track in range(1000):
        smoother.update(track, track / 10, SAD)
    assert len(smoother) == 31  # those of the last 3 s, ten time constants
    assert smoother.update(0, 100.0, HAPPY).tolist() == [0, 1]


@pytest.mark.parametrize("seconds", [-0.1, float("nan"), float("inf")])
def test_what_is_no_time_constant(seconds):
    with pytest.raises(ValueError, match="expected a time constant"):
        ProbabilitySmoother(seconds)
