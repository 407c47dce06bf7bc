from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest

from mien.comparison.paired import holm, mcnemar, percentile_interval, resample, sign_flip_test


@pytest.mark.parametrize(
    ("first_only", "second_only", "p"),
    [
        (5, 15, 0.04138946533203125),  # 2 * sum of C(20, k) for k <= 5, over 2^20: 2 * 21700 / 1048576
        (6, 0, 2 / 64),
        (3, 3, 1.0),
        (0, 0, 1.0),
        (1, 0, 1.0),
    ],
)
def test_mcnemar_by_hand(first_only, second_only, p):
    assert mcnemar(first_only, second_only) == pytest.approx(p, abs=1e-15)
    assert mcnemar(second_only, first_only) == mcnemar(first_only, second_only)


@pytest.mark.parametrize(("first_only", "second_only"), [(7, 7), (0, 1), (12, 31), (400, 300), (0, 200)])
def test_mcnemar_is_the_binomial_test_of_one_half(first_only, second_only):
    binomial = binomtest(first_only, first_only + second_only).pvalue
    assert mcnemar(first_only, second_only) == pytest.approx(binomial, rel=1e-12)


def all_signs(differences):
    """The test by its definition."""
    d = np.abs(differences)
    sums = [abs(int(np.dot(signs, d))) for signs in product((-1, 1), repeat=len(d))]
    return np.mean(np.array(sums) >= abs(int(differences.sum())))


@pytest.mark.parametrize("seed", range(8))
def test_the_sign_flip_test_counts_all_signs(seed):
    differences = np.random.default_rng(seed).integers(-3, 4, 11)
    assert sign_flip_test(differences) == pytest.approx(all_signs(differences), abs=1e-12)


def test_the_sign_flip_test_by_hand():
    # sizes 2, 1, 1, 1; the sum seen is 3; sums of |3| or more: 5, 3 three times, and their negatives: 8 of 16
    assert sign_flip_test(np.array([2, 1, 1, -1])) == pytest.approx(0.5)
    # all with a plus: only two of 2^4 ways reach 5
    assert sign_flip_test(np.array([2, 1, 1, 1])) == pytest.approx(2 / 16)


def test_the_sign_flip_test_is_mcnemars_where_differences_are_of_one_size():
    differences = np.array([1] * 5 + [-1] * 15 + [0] * 80)
    for scale in (1, 3, -2):
        assert sign_flip_test(scale * differences) == pytest.approx(mcnemar(5, 15), abs=1e-15)
    assert sign_flip_test(np.zeros(5, int)) == 1.0


def test_the_scale_of_differences_does_not_matter():
    differences = np.array([2, 1, 1, -1, 3, 0, -2])
    assert sign_flip_test(6 * differences) == pytest.approx(sign_flip_test(differences), abs=1e-12)


def test_a_great_difference_has_a_small_p_and_never_a_negative_one():
    differences = np.array([1, 2, 3] * 700)
    assert 0 < sign_flip_test(differences) < 1e-11


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.04, 0.01], [0.04, 0.02]),
        ([0.6, 0.7], [1.0, 1.0]),
        ([0.02], [0.02]),
        ([0.001, 0.001, 0.9, 0.02], [0.004, 0.004, 0.9, 0.04]),
        ([], []),
    ],
)
def test_holm_by_hand(p, adjusted):
    assert holm(p) == pytest.approx(adjusted)


def two_models(n=400, seed=0):
    """Right or wrong of two correlated models, and labels of three classes."""
    rng = np.random.default_rng(seed)
    first = rng.random(n) < 0.8
    second = np.where(rng.random(n) < 0.2, rng.random(n) < 0.5, first)
    return np.stack([first, second]).astype(float), rng.integers(0, 3, n)


def test_the_bootstrap_is_drawn_by_its_definition():
    shares, labels = two_models(n=50)
    drawn = resample(shares, labels, 3, draws=20, seed=7)
    images = np.random.default_rng(7).integers(50, size=(20, 50))
    for row, of in enumerate(images):
        assert drawn.accuracy[row] == pytest.approx(shares[:, of].mean(axis=1))
        recall = [[shares[m, of][labels[of] == k].mean() for k in range(3)] for m in range(2)]
        assert drawn.recall[row] == pytest.approx(np.array(recall))
    assert drawn.macro_recall == pytest.approx(drawn.recall.mean(axis=2))


def test_the_interval_is_that_of_the_normal_approximation():
    shares, labels = two_models()
    drawn = resample(shares, labels, 3, draws=4000, seed=0)
    difference = shares[0] - shares[1]
    reach = 1.96 * difference.std() / np.sqrt(len(difference))
    low, high = percentile_interval(drawn.accuracy[:, 0] - drawn.accuracy[:, 1])
    assert low == pytest.approx(difference.mean() - reach, abs=0.004)
    assert high == pytest.approx(difference.mean() + reach, abs=0.004)


def test_the_same_seed_gives_the_same_numbers(monkeypatch):
    shares, labels = two_models()
    first = resample(shares, labels, 3, draws=300, seed=1)
    assert (resample(shares, labels, 3, draws=300, seed=1).accuracy == first.accuracy).all()
    assert (resample(shares, labels, 3, draws=300, seed=2).accuracy != first.accuracy).any()


def test_resamples_in_parts_are_the_same(monkeypatch):
    shares, labels = two_models()
    whole = resample(shares, labels, 3, draws=300, seed=1)
    monkeypatch.setattr("mien.comparison.paired.CHUNK", 7 * 400)
    parts = resample(shares, labels, 3, draws=300, seed=1)
    assert parts.recall == pytest.approx(whole.recall)
    assert (parts.accuracy == whole.accuracy).all()


def test_a_class_that_a_resample_lacks_does_not_count_there():
    shares, labels = np.array([[1.0, 0.0, 0.0]]), np.array([0, 1, 3])
    drawn = resample(shares, labels, 4, draws=200, seed=0)
    assert np.isnan(drawn.recall[:, 0, 2]).all()
    lacking = np.isnan(drawn.recall[:, 0, 0])
    assert 0.2 < lacking.mean() < 0.4  # (2/3)^3 = 0.296
    assert (drawn.macro_recall[lacking, 0] == 0).all()
    assert np.isfinite(drawn.macro_recall).all()


def test_the_exact_tests_agree_with_scipy():
    shares, _ = two_models()
    steps = (shares[0] - shares[1]).astype(int)
    won, lost = (steps > 0).sum(), (steps < 0).sum()
    assert sign_flip_test(steps) == pytest.approx(binomtest(int(won), int(won + lost)).pvalue, rel=1e-12)
