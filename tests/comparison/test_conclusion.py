from dataclasses import replace

import pytest

from compared_runs import Files, compared, write_run
from made_up_runs import CLEAN, make_run, whole_result
from mien.comparison.cautions import cautions
from mien.comparison.compare import Options, compare_leniently
from mien.comparison.conclusion import conclusion, p_words
from mien.comparison.jobs import load_jobs
from mien.report.wording import points_interval

B, C = Files(lr=0.2), Files(lr=0.3)


def test_one_better_and_one_of_which_nothing_can_be_said(tmp_path):
    a = write_run(tmp_path / "a", range(5))
    b = write_run(tmp_path / "b", range(15), files=B)
    c = write_run(tmp_path / "c", range(3, 10), files=C)
    comparison = compared(a, b, c)
    level, better, rest = (points_interval(pair.interval) for pair in comparison.tested.pairs)
    assert conclusion(comparison) == (
        f"On these 70 test images, of these trainings, **optimizer.lr=0.1** is more accurate than **optimizer.lr=0.2** "
        f"by 14.3 points (95 % interval of this pair alone {better}, Holm-adjusted p = 0.006). "
        f"**optimizer.lr=0.1** and **optimizer.lr=0.3** cannot be told apart: they differ by 2.9 points (95 % interval "
        f"of this pair alone {level}, Holm-adjusted p = 0.73). "
        f"Of these trainings, **optimizer.lr=0.3** is more accurate than **optimizer.lr=0.2** by 11.4 points "
        f"(95 % interval of this pair alone {rest}, Holm-adjusted p = 0.02). "
        "Each model was trained once: the spread between trainings is not in these intervals."
    )


def test_a_single_pair_is_not_adjusted(tmp_path):
    comparison = compared(write_run(tmp_path / "a", range(5)), write_run(tmp_path / "b", range(15), files=B))
    assert "Holm" not in conclusion(comparison)
    assert "p = 0.002" in conclusion(comparison)


def test_the_reference_may_be_the_worse_one(tmp_path):
    a, b = write_run(tmp_path / "a", range(5)), write_run(tmp_path / "b", range(15), files=B)
    text = conclusion(compared(a, b, options=Options(reference=b)))
    found = "of these trainings, **optimizer.lr=0.2** is less accurate than **optimizer.lr=0.1** by 14.3"
    assert text.startswith(f"On these 70 test images, {found}")


def test_several_trainings_are_said_to_be_so(tmp_path):
    a = [write_run(tmp_path / f"a{seed}", range(4 + 12 * seed), seed) for seed in (0, 1)]
    b = [write_run(tmp_path / f"b{seed}", range(15 + 15 * seed), seed, B) for seed in (0, 1)]
    covered = (
        "The intervals cover the choice of images and the spread between trainings (**optimizer.lr=0.1** 2 times, "
        "77.1-94.3 % and **optimizer.lr=0.2** 2 times, 57.1-78.6 %)"
    )
    assert conclusion(compared(*a, *b)).endswith(f"{covered}.")
    c = write_run(tmp_path / "c", range(40), files=C)
    last = "; **optimizer.lr=0.3**, with one training, is taken to spread likewise."
    assert conclusion(compared(*a, *b, c)).endswith(covered + last)


def test_of_many_models_the_range_is_told(tmp_path):
    folders = [write_run(tmp_path / "best", [])]
    folders += [write_run(tmp_path / str(n), range(20 + n), files=Files(lr=float(n))) for n in range(1, 6)]
    text = conclusion(compared(*folders))
    assert "and 2 more, by 30.0 to 35.7 points (Holm-adjusted p at most 0.001 each)" in text
    assert "Of the 10 pairs among the others, none can be told apart." in text


def test_one_model_is_compared_with_nothing(tmp_path):
    text = conclusion(compared(write_run(tmp_path / "a", range(7))))
    assert text == (
        "On these 70 test images **small_cnn**, the only model, is right on 90.0 % (95 % interval 80.8-95.1 %). "
        "It was trained once: the spread between trainings is not in these intervals."
    )


def test_runs_of_other_images_are_not_compared(tmp_path):
    folders = [write_run(tmp_path / "a", [], keep=range(60)), write_run(tmp_path / "b", [], files=B)]
    comparison = compare_leniently(load_jobs(folders))
    assert conclusion(comparison).startswith(
        "Nothing can be concluded of one run against another: the runs were tested"
    )
    shared = compared(*folders, options=Options(intersection=True))
    start = (
        "On the 60 test images that all runs share **optimizer.lr=0.1** and **optimizer.lr=0.2** cannot be told apart"
    )
    assert conclusion(shared).startswith(start)
    assert "left out are 10 of `optimizer.lr=0.2`" in cautions(shared)[1]
    assert not any("The test images are the same" in caution for caution in cautions(shared))


def test_evaluations_on_photos_are_put_in_order_only(tmp_path):
    seconds = {"fit": 0.0, "test": 1.0, "end_to_end": 7.0}
    for detector, accuracy in {"haar": 0.3, "mtcnn": 0.6}.items():
        faces = whole_result(accuracy, detector=detector)
        make_run(tmp_path / detector, end_to_end=faces, seconds=seconds, overrides=(f"detector={detector}",))
    text = conclusion(compared(tmp_path / "haar", tmp_path / "mtcnn"))
    assert "**detector=mtcnn** 60.0 % (53.0-67.0 %), **detector=haar** 30.0 %" in text
    assert "No paired test was made" in text


def test_nothing_finished():
    assert conclusion(compare_leniently([])) == "No run is finished: nothing can be concluded."


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0.0004, "p < 0.001"),
        (0.0042, "p = 0.004"),
        (0.03, "p = 0.03"),
        (0.0496, "p = 0.050"),
        (0.056, "p = 0.06"),
        (1.0, "p = 1.00"),
    ],
)
def test_p_values_in_words(p, words):
    assert p_words(p) == words


PUBLISHED = CLEAN | {"name": "published", "checkpoint": "last"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"protocol": PUBLISHED}, "checkpoint is best in `optimizer.lr=0.1`; last in `optimizer.lr=0.2`"),
        ({"protocol": CLEAN | {"flip_average": True}}, "flip averaging is off in `optimizer.lr=0.1`; on in"),
        ({"protocol": CLEAN | {"name": "published", "selection": "test"}}, "`optimizer.lr=0.2`: chosen on the test"),
        ({"dataset": {"name": "other", "version": "", "fingerprint": "cd34"}}, "other (cd34): `optimizer.lr=0.2`"),
    ],
)
def test_what_is_not_the_same_is_named(tmp_path, changes, words):
    a, b = write_run(tmp_path / "a", []), write_run(tmp_path / "b", [1], files=B, **changes)
    assert any(words in text for text in cautions(compared(a, b)))


def test_like_runs_need_no_caution(tmp_path):
    comparison = compared(write_run(tmp_path / "a", []), write_run(tmp_path / "b", [1], files=B))
    assert cautions(comparison) == []


def test_runs_that_are_missing_or_few_are_named(tmp_path):
    a = [write_run(tmp_path / f"a{seed}", [seed], seed) for seed in (0, 1)]
    b = write_run(tmp_path / "b", [2], files=B)
    (tmp_path / "c").mkdir()
    texts = cautions(compared(*a, b, tmp_path / "c"))
    assert texts[0] == "Not in the comparison, since not finished: `c`."
    assert texts[1].startswith("The models were not trained equally often")


def test_the_same_predictions_twice_are_named(tmp_path):
    folders = [write_run(tmp_path / name, [1], files=files) for name, files in (("a", None), ("b", B))]
    words = "All probabilities are the very same in `optimizer.lr=0.1`, `optimizer.lr=0.2`: the same model twice?"
    assert cautions(compared(*folders)) == [words]


@pytest.mark.parametrize("text", ["", 'a,b\n1,2,3,4\n"', "val_accuracy\n1\n", "epoch,val_accuracy\n1,much\n"])
def test_a_damaged_learning_curve_is_named(tmp_path, text):
    folder = write_run(tmp_path / "a", [])
    (folder / "metrics.csv").write_text(text)
    words = "No learning curve, since metrics.csv cannot be read: `small_cnn`."
    assert cautions(compared(folder)) == [words]


def test_a_damaged_config_is_named(tmp_path):
    folder = write_run(tmp_path / "a", [])
    (folder / "config.yaml").write_bytes(b"\xff\xfe\x00\x81")
    assert cautions(compared(folder))[0].startswith("config.yaml cannot be read")


def test_photos_that_differ_are_named(tmp_path):
    for name, count in {"a": 20, "b": 10}.items():
        write_run(
            tmp_path / name,
            [count],
            files=Files(lr=count / 1000),
            end_to_end=replace(whole_result(), n_faces=10 * count),
        )
    comparison = compared(tmp_path / "a", tmp_path / "b")
    assert cautions(comparison) == ["The whole photos differ: end-to-end scores cannot be compared between runs."]


def test_data_matched_by_name_alone_are_doubted(tmp_path):
    old, data = Files(lr=0.2, digests=False), {"name": "other", "version": "", "fingerprint": "cd34"}
    a, b = write_run(tmp_path / "a", []), write_run(tmp_path / "b", [1], files=old, dataset=data)
    assert any("matched by name alone" in text for text in cautions(compared(a, b)))
