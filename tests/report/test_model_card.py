"""A bundle's card says what it is, what it scored, and that drawn faces are no people."""

from dataclasses import replace

import pytest

from made_up_runs import CLEAN, make_run
from mien.report.model_card import model_card
from mien.results import SelectionScore


def facts(**changes):
    about = {
        "dataset": {"name": "drawn_faces"},
        "config": {"dataset": {"name": "drawn_faces", "mixed": {}}},
        "versions": {"mien": "0.1.0", "torch": "2.15.0"},
    }
    return {
        "labels": ["anger", "fear"],
        "input": {"size": 64, "channels": 3, "mean": [0.5] * 3, "std": [0.25] * 3},
        "crop": {"margin": 0.2, "align": True, "edge": "shift", "preprocess": "standard"},
        "backbone": {"weights": "/home/me/weights/r18.pth"},
        "flip_average": False,
        "about": about,
    } | changes


def trained_on(**mixed):
    values = facts()
    values["about"]["config"]["dataset"]["mixed"] = {name: {"name": name} for name in mixed}
    return values


@pytest.fixture
def run(tmp_path):
    chosen = SelectionScore("validation", "macro_recall", 0.9, 7)
    return make_run(tmp_path / "run", selection=chosen, command="python train.py dataset.root=/home/me/faces seed=1")


def test_drawn_faces_are_for_demonstration(run):
    demonstration = "**For demonstration: trained on drawn faces, not for real people.**"
    assert demonstration in model_card(facts(), run)
    assert demonstration in model_card(trained_on(drawn_faces=1), run)
    mixed = model_card(trained_on(drawn_faces=1, fer2013=1), run)
    assert demonstration not in mixed
    assert "Part of its data are drawn faces." in mixed
    assert "drawn faces" not in model_card(trained_on(fer2013=1), run)


def test_the_card_holds_the_runs_numbers(run):
    text = model_card(facts(), run)
    row = run.test.per_class[0]
    assert f"| {row.label} | {100 * row.recall:.1f} % |" in text
    assert f"| {row.support} |" in text
    low, high = run.test.accuracy_ci95
    assert f"(95 % interval {100 * low:.1f}-{100 * high:.1f} %)" in text
    assert f"End to end on 140 faces in whole photos (drawn, mtcnn): **{100 * run.end_to_end.accuracy:.1f} %**" in text
    assert "| epoch kept | 7 of 12, by macro_recall on validation |" in text
    assert "selection on validation, report on test" in text
    assert "initial weights r18.pth |" in text
    assert "`python train.py dataset.root=<faces> seed=1`" in text
    assert "/home" not in text


def test_most_frequent_mistakes_come_first(run):
    mistakes = [
        (count, truth, guess)
        for truth, row in enumerate(run.test.confusion)
        for guess, count in enumerate(row)
        if truth != guess
    ]
    count, truth, guess = max(mistakes, key=lambda mistake: mistake[0])
    names = [row.label for row in run.test.per_class]
    text = model_card(facts(), run).split("Most frequent mistakes:\n\n")[1]
    share = 100 * count / sum(run.test.confusion[truth])
    assert len(text.split("\n\n")[0].splitlines()) == 5
    assert text.splitlines()[0].endswith(f": {count} of {sum(run.test.confusion[truth])} ({share:.1f} %)")
    assert f"- {names[truth]} taken for {names[guess]}: {count} of" in text


def test_input_and_crop_are_spelled_out(run):
    text = model_card(facts(), run)
    assert "64 x 64 pixels, RGB, shorter side resized" in text
    assert "minus mean [0.5, 0.5, 0.5], divided by [0.25, 0.25, 0.25]." in text
    assert (
        "a square about the detected box, 20 % larger, moved into the photo; turned upright by the landmarks." in text
    )
    old = model_card(facts(crop={"margin": 0.0}, flip_average=True), run)
    assert "a square about the detected box, clipped to the photo." in old
    assert "averaged with the mirror image." in old
    inner = model_card(facts(crop={"margin": -0.1}), run)
    assert "a square about the detected box, 10 % smaller, clipped to the photo." in inner
    ten = model_card(facts(ten_crop=72), run)
    assert "72 x 72 pixels, RGB, shorter side resized" in ten
    assert "averaged over crops of 64 x 64 pixels, four corners and centre, and their mirror images." in ten
    assert "by nearest neighbour (study A's way)." in model_card(
        facts(crop={"margin": 0, "preprocess": "study_a"}), run
    )


def test_what_was_not_done_is_said(run):
    text = model_card(facts(), replace(run, end_to_end=None))
    assert "It was not scored on whole photos." in text
    assert "## Scores on whole photos" not in text
    published = replace(run, protocol=CLEAN | {"name": "published", "selection": "test"})
    assert "its scores are too high" in model_card(facts(), published)
    assert "its scores are too high" not in text
