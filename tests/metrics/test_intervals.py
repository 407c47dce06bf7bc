"""Intervals against published tables and an exact property."""

import pytest

from mien.metrics.intervals import newcombe_interval, paired_interval, wilson_interval


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


def test_the_interval_of_pairs_by_hand():
    """14 both, 5 the first only, 22 none: shares 19 / 41 and 14 / 41."""
    # Wilson: 0.3206..0.6125 and 0.2156..0.4945; phi = (14 * 22 - 41 / 2) / sqrt(19 * 22 * 14 * 27) = 0.72326
    (low1, high1), (low2, high2) = wilson_interval(19, 41), wilson_interval(14, 41)
    a, b, c, d = 19 / 41 - low1, high2 - 14 / 41, high1 - 19 / 41, 14 / 41 - low2
    phi = 287.5 / (19 * 22 * 14 * 27) ** 0.5
    low = 5 / 41 - (a * a - 2 * phi * a * b + b * b) ** 0.5
    high = 5 / 41 + (c * c - 2 * phi * c * d + d * d) ** 0.5
    assert paired_interval(14, 5, 0, 22) == pytest.approx((low, high), abs=1e-12)
    assert (low, high) == pytest.approx((0.0115, 0.2265), abs=5e-5)
    assert paired_interval(36, 12, 2, 0) == pytest.approx((0.0569, 0.3404), abs=5e-5)  # Newcombe's own example
    assert paired_interval(14, 0, 5, 22) == pytest.approx((-high, -low), abs=1e-12)


def test_pairs_without_a_correlation_have_the_interval_of_two_samples():
    assert paired_interval(10, 0, 0, 0) == pytest.approx(newcombe_interval((10, 10), (10, 10)))
    assert paired_interval(30, 30, 20, 20) == pytest.approx(newcombe_interval((60, 100), (50, 100)))


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (1, -1, 2, 3)])
def test_impossible_pairs_are_refused(counts):
    with pytest.raises(ValueError, match="expected counts"):
        paired_interval(*counts)
