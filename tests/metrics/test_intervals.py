"""Intervals against published tables and an exact property."""

import pytest

from mien.metrics.intervals import newcombe_interval, wilson_interval


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # Newcombe 1998, table II, method 10
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((6, 7), (2, 7), (0.0582, 0.8062)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
        ((0, 10), (0, 20), (-0.1611, 0.2775)),
        ((0, 10), (0, 10), (-0.2775, 0.2775)),
        ((10, 10), (0, 20), (0.6791, 1.0000)),
        ((10, 10), (0, 10), (0.6075, 1.0000)),
    ],
)
def test_newcombes_own_table(first, second, expected):
    assert newcombe_interval(first, second) == pytest.approx(expected, abs=5e-5)


def test_exchanging_the_samples_turns_the_interval_round():
    low, high = newcombe_interval((70, 90), (30, 55))
    assert newcombe_interval((30, 55), (70, 90)) == pytest.approx((-high, -low))


def test_against_a_certain_share_it_is_the_wilson_interval():
    low, high = wilson_interval(60, 100)
    certain = (10**9, 10**9)
    assert newcombe_interval((60, 100), certain) == pytest.approx((low - 1, high - 1), abs=1e-8)


@pytest.mark.parametrize(("first", "second"), [((0, 0), (1, 2)), ((1, 2), (0, 0)), ((3, 2), (1, 2)), ((-1, 2), (1, 2))])
def test_impossible_counts_are_refused(first, second):
    with pytest.raises(ValueError, match="expected"):
        newcombe_interval(first, second)
