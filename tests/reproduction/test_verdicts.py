"""Rounding ranges, intervals and verdicts, by hand."""

import pytest
from scipy.stats import binomtest

from mien.reproduction.measures import Measured
from mien.reproduction.verdicts import (
    EXCEEDED,
    MISSED,
    NOT_REPRODUCED,
    REACHED,
    REPRODUCED,
    Interval,
    Summary,
    decimals,
    judge,
    judge_goal,
    rounding_range,
    summarise,
)

RANGES = [
    ("77", 76.5, 77.5, 0),
    ("98.530", 98.5295, 98.5305, 3),
    ("98.53", 98.525, 98.535, 2),
    ("0.6566", 0.65655, 0.65665, 4),
    ("0.657", 0.6565, 0.6575, 3),
    ("100", 99.5, 100.5, 0),
    ("0", -0.5, 0.5, 0),
    ("-1.5", -1.55, -1.45, 1),
]


@pytest.mark.parametrize(("printed", "low", "high", "digits"), RANGES)
def test_a_printed_value_stands_for_what_is_rounded_to_it(printed, low, high, digits):
    assert rounding_range(printed) == (low, high)
    assert decimals(printed) == digits


def of(low, high, mean=None):
    return Summary((low + high) / 2 if mean is None else mean, None, 1, Interval(low, high, "by hand"))


TRUTH = [
    # printed, better, low, high, verdict: 77 stands for 76.5 to 77.5
    ("77", "higher", 74.0, 80.0, REPRODUCED),  # inside
    ("77", "higher", 77.5, 80.0, REPRODUCED),  # touches the upper end
    ("77", "higher", 77.51, 80.0, EXCEEDED),
    ("77", "higher", 70.0, 76.5, REPRODUCED),  # touches the lower end
    ("77", "higher", 70.0, 76.49, NOT_REPRODUCED),
    ("77", "higher", 76.9, 77.1, REPRODUCED),  # narrower than the rounding
    ("77.0", "higher", 77.1, 80.0, EXCEEDED),  # a digit more: 76.95 to 77.05
    ("0.657", "lower", 0.5, 0.6, EXCEEDED),
    ("0.657", "lower", 0.7, 0.8, NOT_REPRODUCED),
    ("0.657", "lower", 0.6, 0.7, REPRODUCED),
    ("77", "neither", 80.0, 90.0, NOT_REPRODUCED),
    ("77", "neither", 10.0, 20.0, NOT_REPRODUCED),
    ("77", "neither", 10.0, 80.0, REPRODUCED),
]


@pytest.mark.parametrize(("printed", "better", "low", "high", "verdict"), TRUTH)
def test_verdicts(printed, better, low, high, verdict):
    assert judge(printed, better, of(low, high)) == verdict


@pytest.mark.parametrize(
    ("mean", "verdict"), [(0.6564, EXCEEDED), (0.6565, REPRODUCED), (0.6574, REPRODUCED), (0.6576, NOT_REPRODUCED)]
)
def test_without_an_interval_only_what_is_printed_the_same_is_reproduced(mean, verdict):
    assert judge("0.657", "lower", Summary(mean, None, 1, None)) == verdict


def test_goals():
    assert judge_goal("90", "higher", of(88, 92)) == REACHED
    assert judge_goal("90", "higher", of(88, 91.9)) == MISSED
    assert judge_goal("0.5", "lower", of(0.4, 0.6)) == REACHED
    assert judge_goal("0.5", "lower", of(0.5, 0.6)) == MISSED


def test_one_seed_of_a_share_has_wilsons_interval():
    summary = summarise([Measured(0.77, 1700)])
    assert (summary.mean, summary.spread, summary.seeds) == (0.77, None, 1)
    assert summary.interval.method == "Wilson, 1,700 images"
    bounds = binomtest(1309, 1700).proportion_ci(0.95, method="wilson")  # 1,309 of 1,700 are 0.77
    assert (summary.interval.low, summary.interval.high) == pytest.approx((bounds.low, bounds.high))


def test_one_seed_of_a_loss_has_none():
    assert summarise([Measured(0.4)]).interval is None


def test_several_seeds_of_a_loss_have_students():
    summary = summarise([Measured(1.0), Measured(2.0), Measured(3.0)])
    assert (summary.mean, summary.spread, summary.seeds) == (2.0, 1.0, 3)
    assert summary.interval.method == "Student's t, 3 seeds"
    reach = 4.302652729911275 / 3**0.5  # t(0.975, 2) from a table, times 1 / sqrt(3)
    assert (summary.interval.low, summary.interval.high) == pytest.approx((2 - reach, 2 + reach))


def test_of_several_seeds_the_wider_interval_counts():
    near = summarise([Measured(0.770, 1700), Measured(0.771, 1700), Measured(0.769, 1700)])
    assert near.interval.method == "Wilson, 1,700 images"
    far = summarise([Measured(0.60, 1700), Measured(0.77, 1700), Measured(0.94, 1700)])
    assert far.interval.method == "Student's t, 3 seeds"
    assert near.mean == pytest.approx(far.mean)
    assert far.interval.high - far.interval.low > 0.8


def test_scaling_moves_everything():
    summary = summarise([Measured(0.76, 1700), Measured(0.78, 1700)]).scaled(100)
    assert summary.mean == pytest.approx(77)
    assert summary.spread == pytest.approx(1.41421, abs=1e-5)
    assert summary.interval.low == pytest.approx(77 - 12.7062 * 1.41421 / 2**0.5, abs=1e-3)
