"""What stands beside a score: where its model was chosen, and how it stands without leaked images."""

from dataclasses import replace

import pytest
from test_record import ENVIRONMENT

from made_up_runs import CLEAN, make_run
from mien.files import write_json
from mien.report.notes import chosen_on_reported, not_compared, without_copied, without_leaked
from mien.report.record import record
from mien.results import LeakFreeScore


@pytest.mark.parametrize(
    ("selection", "report", "trained_on", "told"),
    [
        ("validation", "test", "drawn_faces", ""),
        ("none", "test", "drawn_faces", ""),
        ("validation", "none", "drawn_faces", ""),
        ("test", "test", "drawn_faces", "chosen on the test split, which is reported: its scores are too high"),
        ("test", "test", "", "chosen on the test split, which is reported: its scores are too high"),
        ("test", "test", "fer2013", ""),
        ("validation", "validation", "drawn_faces", "chosen on the validation split, which is reported: its"),
    ],
)
def test_a_model_chosen_on_what_is_reported(tmp_path, selection, report, trained_on, told):
    protocol = CLEAN | {"name": "published", "selection": selection, "report": report}
    run = make_run(tmp_path, protocol=protocol, trained_on=trained_on)
    assert chosen_on_reported(run).startswith(told)
    assert bool(chosen_on_reported(run)) == bool(told)


def test_other_data_are_told_by_what_they_are_and_not_by_their_name(tmp_path):
    protocol = CLEAN | {"name": "published", "selection": "test", "report": "test"}
    assert chosen_on_reported(make_run(tmp_path, protocol=protocol, own_data=False)) == ""
    assert chosen_on_reported(make_run(tmp_path, protocol=protocol, trained_on="mixed", own_data=True))


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"own_data": True, "weights": "imagenet"}, ""),
        ({}, ""),
        ({"own_data": False, "trained_on": "mixed"}, "Not compared: what the model was trained on (mixed)."),
        (
            {"weights": "/a/b/model.safetensors"},
            "Not compared: what its first weights (model.safetensors) were trained",
        ),
    ],
)
def test_what_the_search_for_leaks_does_not_see(tmp_path, facts, told):
    run = make_run(tmp_path, **facts)
    assert not_compared(run).startswith(told)
    assert bool(not_compared(run)) == bool(told)
    none = LeakFreeScore(run.test.n, run.test.accuracy, run.test.accuracy_ci95, run.test.macro_recall, 0)
    write_json(tmp_path / "environment.json", ENVIRONMENT)
    replace(run, test=replace(run.test, leak_free=none)).save(tmp_path)
    part = "this data set's own train part" if facts.get("own_data") is False else "the train part"
    told = not_compared(run)
    assert f"byte for byte in {part}.{' ' if told else ''}{told}\n" in record(tmp_path)


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (LeakFreeScore(1665, 0.8390, (0.82, 0.85), 0.8, 35), "without the 35 leaked images: 83.9 % of 1,665"),
        (LeakFreeScore(20, 0.5, (0.3, 0.7), 0.5, 1), "without the 1 leaked image: 50.0 % of 20"),
        (LeakFreeScore(0, None, (0.0, 1.0), None, 1700), "without the 1,700 leaked images: - of 0"),
    ],
)
def test_a_score_without_leaked_images_in_words(score, expected):
    assert without_leaked(score) == expected


def test_a_score_without_copies_in_words():
    score = LeakFreeScore(1018, 0.7996, (0.77, 0.82), 0.7, 682)
    assert without_copied(score) == "without the 682 images with a copy in train: 80.0 % of 1,018"


def test_a_record_names_the_commits_of_all_pieces(tmp_path):
    make_run(tmp_path)
    pieces = [{"git": {"commit": 12 * name, "dirty": name == "b"}} for name in "aba"] + [{"git": None}]
    write_json(tmp_path / "environment.json", ENVIRONMENT | {"pieces": pieces})
    assert f"| commits | {12 * 'a'}, {12 * 'b'} with changes, outside a checkout |" in record(tmp_path)
    write_json(tmp_path / "environment.json", ENVIRONMENT | {"pieces": pieces[:1]})
    assert f"| commit | {12 * 'a'} |" in record(tmp_path)


def test_a_record_of_an_older_run_says_nothing_of_leaks(tmp_path):
    run = make_run(tmp_path)
    write_json(tmp_path / "environment.json", ENVIRONMENT)
    assert "leaked" not in record(tmp_path)
    none = LeakFreeScore(run.test.n, run.test.accuracy, run.test.accuracy_ci95, run.test.macro_recall, 0)
    replace(run, test=replace(run.test, leak_free=none)).save(tmp_path)
    assert "\nNo leaked image: none of these stands byte for byte in the train part.\n" in record(tmp_path)
