import numpy as np
import pytest
from scipy.stats import norm, ttest_1samp, ttest_ind

from mien.comparison.trainings import one_against_several, total_interval

A, B = [0.361, 0.259, 0.373], [0.275, 0.270, 0.255, 0.262]


def test_without_variance_of_images_it_is_welchs_test():
    theirs = ttest_ind(A, B, equal_var=False)
    interval, p = total_interval(np.mean(A) - np.mean(B), 0.0, [A, B])
    assert p == pytest.approx(theirs.pvalue)
    assert interval == pytest.approx(tuple(theirs.confidence_interval()))


def test_one_model_is_students_interval():
    interval, _ = total_interval(np.mean(A), 0.0, [A])
    assert interval == pytest.approx(tuple(ttest_1samp(A, 0).confidence_interval()))


def test_without_spread_only_images_count():
    interval, p = total_interval(0.03, 0.01**2, [[0.5, 0.5], [0.47, 0.47]])
    assert interval == pytest.approx((0.03 - 0.0196, 0.03 + 0.0196), abs=1e-5)
    assert p == pytest.approx(2 * norm.sf(3))


def test_both_variances_add_up():
    a, b = [0.50, 0.52], [0.40, 0.42]  # s^2 / n is 0.0001 of each; with the images' 0.0002 the error is 0.02
    interval, p = total_interval(0.1, 0.0002, [a, b])
    freedom = 0.0004**2 / (2 * 0.0001**2)  # 8
    assert freedom == pytest.approx(8)
    assert interval == pytest.approx((0.1 - 2.306 * 0.02, 0.1 + 2.306 * 0.02), abs=1e-5)  # t of 8 degrees: 2.306
    assert p == pytest.approx(0.00105, abs=2e-5)


@pytest.mark.parametrize(("value", "p"), [(0.0, 1.0), (0.2, 0.0)])
def test_nothing_uncertain(value, p):
    assert total_interval(value, 0.0, [[0.5, 0.5], [0.5, 0.5]]) == ((value, value), p)


def test_one_training_against_several_by_hand():
    # s = 0.01, n = 3: the error is 0.01 * sqrt(1 / 3 + 1) = 0.011547; t of 2 degrees is 4.3027
    interval, p = one_against_several(0.03, 0.0, [0.50, 0.51, 0.52])
    assert interval == pytest.approx((0.03 - 4.3027 * 0.011547, 0.03 + 4.3027 * 0.011547), abs=1e-5)
    assert p == pytest.approx(0.1217, abs=1e-4)
    wider, _ = one_against_several(0.03, 0.011547**2, [0.50, 0.51, 0.52])
    assert wider[1] - 0.03 == pytest.approx(2**0.5 * (interval[1] - 0.03), rel=1e-4)
