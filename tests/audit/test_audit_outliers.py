"""Outliers, against numbers worked out by hand."""

import numpy as np
import pytest
from made_up_set import images_of

from mien.audit.outliers import find_outliers, robust_z


def many(n, **facts):
    return images_of({"train": [(str(number), "anger") for number in range(n)]}, **facts)


def test_robust_z():
    # median 3, median absolute deviation 1
    scores = robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0]), 0.1)
    assert scores.tolist() == pytest.approx([-1.349, -0.6745, 0, 0.6745, 65.4265])


def test_equal_values_take_the_least_spread():
    assert robust_z(np.array([5.0, 5.0, 5.0, 9.0]), 2.0).tolist() == [0, 0, 0, 2]


def test_a_set_of_equals_has_none():
    assert find_outliers(many(20)) == []


def test_each_reason():
    brightness = np.linspace(98, 102, 21)  # spread 1 / 0.6745 below the least of 2
    contrast = np.full(21, 50.0)
    sizes = np.full((21, 2), 64)
    brightness[0], contrast[1], contrast[2] = 20, 1.0, 90
    sizes[3], sizes[4] = (256, 256), (128, 32)
    found = find_outliers(many(21, brightness=brightness, contrast=contrast, sizes=sizes))
    assert [(one.index, one.reason, one.value, one.score) for one in found] == [
        (1, "constant", "contrast 1.0", 0),
        (3, "size", "256x256 px", 20),
        (4, "shape", "128x32 px", 20),
        (0, "brightness", "brightness 20.0", 40),
        (2, "contrast", "contrast 90.0", 20),
    ]


@pytest.mark.parametrize(("gray", "n", "expected"), [(1, 101, 1), (1, 100, 0), (100, 101, 1), (50, 101, 0), (0, 9, 0)])
def test_colour_is_told_where_it_is_rare(gray, n, expected):
    coloured = np.arange(n) >= gray
    found = find_outliers(many(n, coloured=coloured))
    assert [one.reason for one in found] == ["colour"] * expected
    if expected:
        assert found[0].value == ("gray" if gray == 1 else "coloured")
