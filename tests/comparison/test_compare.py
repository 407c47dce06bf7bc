from dataclasses import replace

import numpy as np
import pytest

from compared_runs import Files, compared, write_run
from made_up_runs import make_run
from mien.comparison.cautions import cautions
from mien.comparison.classes import class_differences
from mien.comparison.compare import Options, compare, compare_leniently
from mien.comparison.jobs import load_jobs
from mien.comparison.parts import copy_free_blocks
from mien.comparison.scores import Draws
from mien.errors import ComparisonError
from mien.metrics.intervals import paired_interval, wilson_interval
from mien.results import LeakFreeScore, RunResult

B, C = Files(lr=0.2), Files(lr=0.3)


@pytest.fixture
def three(tmp_path):
    """Models wrong on 5, 15 and 16 of 70 images; the first is right wherever the second is."""
    return [
        write_run(tmp_path / "a", range(5)),
        write_run(tmp_path / "b", range(15), files=B),
        write_run(tmp_path / "c", range(50, 66), files=C),
    ]


def test_single_trainings_by_hand(three):
    tested = compared(*three).tested
    assert [score.accuracy for score in tested.scores] == pytest.approx([65 / 70, 55 / 70, 54 / 70])
    assert [score.interval for score in tested.scores] == [wilson_interval(n, 70) for n in (65, 55, 54)]
    assert [score.sd for score in tested.scores] == [None] * 3
    first, second, third = tested.pairs
    assert (first.first_only, first.second_only) == (10, 0)
    assert first.p == pytest.approx(2 / 1024)
    assert first.difference == pytest.approx(10 / 70)
    assert (second.first_only, second.second_only) == (16, 5)
    assert second.p == pytest.approx(0.026604, abs=1e-6)  # 2 * sum of C(21, k) for k <= 5, over 2^21
    assert (third.first_only, third.second_only, third.p) == (16, 15, 1.0)
    assert [pair.p_holm for pair in tested.pairs] == pytest.approx([6 / 1024, 2 * 0.026604, 1.0], abs=1e-5)
    assert [pair.told_apart for pair in tested.pairs] == [True, False, False]
    assert {pair.test for pair in tested.pairs} == {"McNemar"}


def test_intervals_are_of_resampled_images(three):
    tested = compared(*three, options=Options(draws=Draws(4000, 1))).tested
    low, high = tested.pairs[0].interval
    assert (low, high) == paired_interval(55, 10, 0, 5)
    reach = 1.96 * np.sqrt(10 / 70 * 60 / 70 / 70)  # the difference is 1 on 10 images and 0 on 60
    macro = tested.pairs[0]
    assert macro.macro_difference == pytest.approx(10 / 70)  # classes of one size
    assert macro.macro_interval == pytest.approx((10 / 70 - reach, 10 / 70 + reach), abs=0.02)


def test_a_reference_needs_fewer_tests(three):
    tested = compared(*three, options=Options(reference=three[2])).tested
    assert tested.base == 2
    names = [(pair.first.model.jobs[0].folder.name, pair.second.model.jobs[0].folder.name) for pair in tested.pairs]
    assert names == [("a", "c"), ("b", "c")]
    assert tested.pairs[0].p_holm == pytest.approx(2 * 0.026604, abs=1e-5)
    with pytest.raises(ComparisonError, match=r"reference=.*nowhere: expected one of the finished runs; "):
        compared(*three, options=Options(reference=three[0].parent / "nowhere"))


def test_several_trainings_by_hand(tmp_path):
    a = [write_run(tmp_path / f"a{seed}", wrong, seed) for seed, wrong in enumerate(([0, 1], [1, 2], [1]))]
    b = [write_run(tmp_path / f"b{seed}", wrong, seed, B) for seed, wrong in enumerate(([1, 3, 4, 5], [3, 4, 6, 7, 8]))]
    tested = compared(*a, *b).tested
    best, other = tested.scores
    assert best.by_run == pytest.approx((68 / 70, 68 / 70, 69 / 70))
    assert best.accuracy == pytest.approx(205 / 210)
    assert best.sd == pytest.approx(np.std([68, 68, 69], ddof=1) / 70)
    assert other.accuracy == pytest.approx((66 + 65) / 140)
    (pair,) = tested.pairs
    # in sixths of an image, a minus b: 0: -2, 1: -3, 2: -2, 3: 6, 4: 6, 5: 3, 6: 3, 7: 3, 8: 3
    sizes = np.array([2, 3, 2, 6, 6, 3, 3, 3, 3])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 9)).reshape(9, -1)
    assert pair.p_images == pytest.approx(np.mean(np.abs(sizes @ signs) >= 24 - 7))
    assert (pair.first_only, pair.second_only, pair.test) == (6, 3, "Welch")
    assert pair.difference == pytest.approx(17 / 6 / 70)


def test_the_spread_between_trainings_is_in_intervals_and_tests(tmp_path):
    a = [write_run(tmp_path / f"a{seed}", range(count), seed) for seed, count in enumerate((5, 20, 6))]
    b = [write_run(tmp_path / f"b{seed}", range(count), seed, B) for seed, count in enumerate((18, 20, 19))]
    (pair,) = compared(*a, *b).tested.pairs
    assert pair.p_images < 0.001  # these trainings differ
    images = np.var((np.arange(70) < 18) * 1 - (np.arange(70) < 5) * (1 / 3)) / 70
    assert pair.p == pytest.approx(0.2, abs=0.07)  # but not more than trainings do among themselves
    low, high = pair.interval
    assert low < -0.1
    assert high > 0.3
    assert images < 0.01
    first, second = compared(*a, *b).tested.scores
    assert first.interval[1] - first.interval[0] > 0.3 > second.interval[1] - second.interval[0]


def test_one_training_against_several_counts_their_spread(tmp_path):
    a = [write_run(tmp_path / f"a{seed}", range(count), seed) for seed, count in enumerate((0, 14, 7))]
    (pair,) = compared(*a, write_run(tmp_path / "b", range(28), files=B)).tested.pairs
    assert (pair.test, pair.over_trainings) == ("Crawford-Howell", True)
    assert pair.difference == pytest.approx(0.3)
    assert pair.p_images < 1e-4  # these trainings differ
    # s = 0.1: the error of trainings alone is 0.1 * sqrt(4 / 3) = 0.115; t is 2.6 at most, of 2 degrees p is 0.12
    assert 0.12 < pair.p < 0.16
    assert pair.interval[0] < 0 < pair.interval[1]


def test_damaged_predictions_are_left_out_of_a_sweep_only(three):
    (three[2] / "predictions.parquet").write_bytes(b"PAR1")
    with pytest.raises(ComparisonError, match=r"c/predictions.parquet: expected a parquet file"):
        compared(*three)
    comparison = compare_leniently(load_jobs(three))
    assert len(comparison.tested.scores) == 2
    assert cautions(comparison)[0].startswith("Not in the tests: `optimizer.lr=0.3`.")


def test_a_damaged_validation_file_costs_the_temperature_alone(three):
    (three[0] / "validation.parquet").write_bytes(b"")
    comparison = compared(*three)
    assert comparison.tested.calibration(comparison.tested.scores[0].model).temperature is None
    assert cautions(comparison)[0].startswith("No temperature for `optimizer.lr=0.1`.")


def test_recall_and_confusion_are_means_over_trainings(tmp_path):
    folders = [write_run(tmp_path / "0", [0, 7], 0), write_run(tmp_path / "1", [0], 1)]
    (score,) = compared(*folders).tested.scores
    assert score.recall == pytest.approx((0.85, *[1.0] * 6))
    assert score.confusion[0] == pytest.approx([0.85, 0.15, *[0.0] * 5])
    assert score.macro_recall == pytest.approx((6 + 0.85) / 7)


def test_classes_are_held_against_the_best(three):
    tested = compared(*three).tested
    assert class_differences(tested, 0)[0].difference is None
    rows = class_differences(tested, 1)
    assert [row.support for row in rows] == [10] * 7
    # b misses 15 images, places 0 to 14: three of class 0 and two of the others; a misses one of each of the first five
    assert [row.difference for row in rows] == pytest.approx([-0.2, *[-0.1] * 4, *[-0.2] * 2])
    assert all(low <= row.difference <= high for row in rows for low, high in [row.interval])


def test_images_that_all_miss(tmp_path):
    folders = [write_run(tmp_path / "a", [3, 4, 5]), write_run(tmp_path / "b", [4, 5, 6], files=B)]
    assert compared(*folders).tested.missed_by_all.tolist() == [4, 5]


def test_without_leaked_images_by_hand(tmp_path):
    leaked = Files(leaked=tuple(range(10, 20)))
    folders = [write_run(tmp_path / "a", [3, 12], files=leaked)]
    (score,) = compared(*folders).tested.scores
    assert (score.leak_free.n, score.leak_free.accuracy) == (60, pytest.approx(59 / 60))
    assert score.leak_free.interval == wilson_interval(59, 60)
    unknown = write_run(tmp_path / "b", [3], files=Files(lr=0.2, leaked=None))
    assert [score.leak_free for score in compared(*folders, unknown).tested.scores] == [None, None]
    everything = write_run(tmp_path / "c", [3], files=Files(leaked=tuple(range(70))))
    assert compared(everything).tested.scores[0].leak_free is None


def test_without_copies_where_all_trainings_know_of_an_audit(tmp_path):
    folders = [write_run(tmp_path / name, [3], seed=seed) for seed, name in enumerate("ab")]
    for folder, accuracy in zip(folders, (0.5, 0.7), strict=True):
        run = RunResult.load(folder)
        test = replace(run.test, copy_free=LeakFreeScore(40, accuracy, (0.3, 0.9), accuracy, 30))
        replace(run, test=test).save(folder)
    models = [score.model for score in compared(*folders).tested.scores]
    (table,) = copy_free_blocks(models)
    assert table.rows == [["`small_cnn`", "60.0 %", "40", "30"]]
    unknown = write_run(tmp_path / "c", [3], seed=2)
    assert list(copy_free_blocks([score.model for score in compared(*folders, unknown).tested.scores])) == []


def test_the_temperature_is_fitted_on_validation(tmp_path):
    a = write_run(tmp_path / "a", [])
    b = write_run(tmp_path / "b", [], files=Files(lr=0.2, validation=False))
    tested = compared(a, b).tested
    fits = {score.model.name: tested.calibration(score.model) for score in tested.scores}
    fit = fits["optimizer.lr=0.1"]
    # validation is right on 90 %, as sure as it says: nothing to mend
    assert fit.temperature == pytest.approx(1.0, abs=1e-3)
    assert (fit.ece, fit.nll) == pytest.approx((0.1, -np.log(0.9)), abs=1e-6)
    assert fits["optimizer.lr=0.2"].temperature is None


def test_scores_are_on_the_shared_images(tmp_path):
    a = write_run(tmp_path / "a", [0, 1, 2, 30], keep=range(60))
    b = write_run(tmp_path / "b", [30, 65], files=B, keep=range(10, 70))
    with pytest.raises(ComparisonError, match="pass intersection=true"):
        compared(a, b)
    tested = compared(a, b, options=Options(intersection=True)).tested
    assert tested.images.n == 50
    assert [score.accuracy for score in tested.scores] == pytest.approx([49 / 50] * 2)


def test_the_same_command_gives_the_same_numbers(three):
    first, second = compared(*three).tested.pairs, compared(*three).tested.pairs
    assert [pair.interval for pair in first] == [pair.interval for pair in second]


def test_at_least_one_run_must_be_finished(tmp_path):
    (tmp_path / "0").mkdir()
    with pytest.raises(ComparisonError, match=r"at least one finished run, got 1 runs, none of them finished"):
        compare(load_jobs([tmp_path / "0"]))


def test_runs_scored_on_photos_only_are_not_tested(tmp_path):
    make_run(tmp_path / "a", test=None)
    comparison = compared(tmp_path / "a")
    assert (comparison.tested, comparison.untested) == (None, "no run was scored on ready-made test images")
