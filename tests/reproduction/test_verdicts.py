"""Rounding ranges, intervals and verdicts, by hand."""

import pytest
from scipy.stats import binomtest

from mien.reproduction.measures import Measured
from mien.reproduction.verdicts import (
    EXCEEDED,
    MISSED,
    NONE,
    NOT_REPRODUCED,
    REACHED,
    REPRODUCED,
    UNDECIDED,
    Interval,
    Summary,
    Verdict,
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
    assert judge(printed, better, of(low, high)) == Verdict(verdict)


@pytest.mark.parametrize(("seeds", "why"), [(1, "one seed, no interval"), (2, "2 seeds, no interval")])
def test_without_an_interval_there_is_no_verdict(seeds, why):
    assert judge("0.657", "lower", Summary(0.657, None, seeds, None)) == Verdict(NONE, why)


WIDTHS = [
    # printed, low, high, verdict, of a share in per cent
    ("77", 72.0, 82.0, REPRODUCED),  # 10 points are not too wide
    ("77", 71.9, 82.0, UNDECIDED),
    ("77", 60.0, 76.4, NOT_REPRODUCED),  # wide, but it does not contain the value
    ("77", 77.6, 99.0, EXCEEDED),
]


@pytest.mark.parametrize(("printed", "low", "high", "verdict"), WIDTHS)
def test_a_wide_interval_decides_only_what_it_does_not_contain(printed, low, high, verdict):
    bounds = Interval(low, high, "by hand", wide=high - low > 10)
    assert judge(printed, "higher", Summary((low + high) / 2, None, 1, bounds)) == Verdict(verdict)


def test_goals():
    assert judge_goal("90", "higher", of(88, 92)) == REACHED
    assert judge_goal("90", "higher", of(88, 91.9)) == MISSED
    assert judge_goal("0.5", "lower", of(0.4, 0.6)) == REACHED
    assert judge_goal("0.5", "lower", of(0.5, 0.6)) == MISSED


@pytest.mark.parametrize("values", [[0.77], [0.76, 0.78]])
def test_one_or_two_seeds_of_a_share_have_wilsons_interval_alone(values):
    summary = summarise([Measured(value, 1700) for value in values], share=True)
    assert (summary.mean, summary.seeds) == (0.77, len(values))
    only = "1 seed only" if len(values) == 1 else "2 seeds only"
    assert summary.interval.method == f"Wilson, 1,700 images, {only}"
    bounds = binomtest(1309, 1700).proportion_ci(0.95, method="wilson")  # 1,309 of 1,700 are 0.77
    assert (summary.interval.low, summary.interval.high) == pytest.approx((bounds.low, bounds.high))
    assert not summary.interval.wide


@pytest.mark.parametrize("values", [[0.4], [0.4, 0.5]])
def test_one_or_two_seeds_of_a_loss_have_none(values):
    assert summarise([Measured(value) for value in values], share=False).interval is None


def test_three_seeds_of_a_loss_predict_one_further_run():
    summary = summarise([Measured(11.0), Measured(12.0), Measured(13.0)], share=False)
    assert (summary.mean, summary.spread, summary.seeds) == (12.0, 1.0, 3)
    assert summary.interval.method == "prediction of one further run, 3 seeds"
    reach = 4.302652729911275 * (4 / 3) ** 0.5  # t(0.975, 2) from a table, times sqrt(1 + 1/3)
    assert (summary.interval.low, summary.interval.high) == pytest.approx((12 - reach, 12 + reach))
    assert not summary.interval.wide


def test_no_interval_leaves_what_is_possible():
    loss = summarise([Measured(1.0), Measured(2.0), Measured(3.0)], share=False).interval
    assert (loss.low, loss.high) == pytest.approx((0, 2 + 4.302652729911275 * (4 / 3) ** 0.5))
    share = summarise([Measured(0.60, 1700), Measured(0.77, 1700), Measured(0.94, 1700)], share=True).interval
    assert (share.low, share.high, share.wide) == (0.0, 1.0, True)


def test_of_three_seeds_the_wider_interval_counts():
    near = summarise([Measured(0.770, 1700), Measured(0.771, 1700), Measured(0.769, 1700)], share=True)
    assert near.interval.method == "Wilson, 1,700 images"
    far = summarise([Measured(0.75, 1700), Measured(0.77, 1700), Measured(0.79, 1700)], share=True)
    assert far.interval.method == "prediction of one further run, 3 seeds"
    assert far.interval.high - far.interval.low == pytest.approx(2 * 0.02 * 4.302652729911275 * (4 / 3) ** 0.5)


def test_scaling_moves_everything():
    summary = summarise([Measured(value) for value in (0.75, 0.77, 0.79)], share=True).scaled(100)
    assert summary.mean == pytest.approx(77)
    assert summary.spread == pytest.approx(2)
    assert summary.interval.low == pytest.approx(77 - 2 * 4.302652729911275 * (4 / 3) ** 0.5)
    assert summary.interval.wide
