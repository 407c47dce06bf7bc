"""What became of runs: local folders, the committed record, and what keeps a run from a verdict."""

from dataclasses import replace

import pytest
from made_up_study import STUDY, finish, make_places

from mien.errors import RunFolderError
from mien.files import read_json, write_json, write_text
from mien.reproduction.gathering import check_parts, gather, look
from mien.reproduction.recipes import plan
from mien.reproduction.records import (
    FAILED,
    FINISHED,
    NOT_RUN,
    UNFINISHED,
    RunRecord,
    load_record,
    save_record,
    without_paths,
)
from mien.runs import owned


@pytest.fixture
def places(tmp_path):
    return make_places(tmp_path)


@pytest.fixture
def recipes(places):
    return plan(places, "faces/small").recipes


def test_nothing_was_started(recipes):
    record = look(recipes[0])
    assert (record.status, record.why, record.counts) == (NOT_RUN, "not started yet", False)
    assert record.command == recipes[0].command


def test_a_note_says_why_and_ends_with_the_result(recipes):
    write_json(recipes[0].note, {"status": FAILED, "why": "RuntimeError: out of paper"})
    assert (look(recipes[0]).status, look(recipes[0]).why) == (FAILED, "RuntimeError: out of paper")
    finish(recipes[0])
    assert look(recipes[0]).status == FINISHED


def test_an_unfinished_run_tells_its_epochs(places):
    recipes = plan(places, "faces/small", extra=["trainer.max_epochs=3"]).recipes
    write_text(recipes[0].folder / "metrics.csv", "epoch,train_loss\n1,2.0\n2,1.0\n")
    assert (look(recipes[0]).status, look(recipes[0]).why) == (UNFINISHED, "2 of 3 epochs so far")
    write_json(recipes[0].note, {"status": NOT_RUN, "why": "no space"})
    assert look(recipes[0]).why == "2 of 3 epochs so far; no space"


def test_a_finished_run_has_its_facts_and_values(recipes):
    finish(recipes[0])
    record = look(recipes[0])
    assert record.counts
    assert record.values == {"history.train_loss.last": (1.6, None), "test.accuracy": (0.625, 100)}
    assert record.curve("train_accuracy") == [0.25, 0.4]
    assert record.curve("train_macro_recall") == []
    facts = (record.commit, record.hardware, record.precision, record.epochs, record.seconds)
    assert facts == ("0123456789ab", "a processor, 2 cores, no GPU", "32-true", 2, 92.4)
    assert record.settings["trainer.max_epochs"] == 2
    assert "dataset.root" not in record.settings


def test_a_checkpoint_counts_by_its_name_wherever_it_lies(recipes):
    here, there, other = (
        replace(recipes[0], settings=(*recipes[0].settings, f"backbone.weights={path}"))
        for path in ("/here/faces.pth", "/there/faces.pth", "/here/objects.pth")
    )
    finish(here)
    assert look(here).settings["backbone.weights"] == "faces.pth"
    assert look(there).counts
    assert look(other).why == "the run was made by another recipe (backbone.weights)"


def test_another_recipe_in_the_folder_gives_no_verdict(recipes):
    other = replace(recipes[0], settings=(*recipes[0].settings, "trainer.max_epochs=1"))
    finish(other)
    assert look(recipes[0]).why == "the run was made by another recipe (trainer.max_epochs)"
    assert not look(recipes[0]).counts


def test_other_data_give_no_verdict(tmp_path):
    places = make_places(tmp_path, STUDY.replace("cost: seconds", "fingerprint: cd34\n    cost: seconds"))
    recipe = plan(places, "faces/small").recipes[0]
    finish(recipe)
    assert look(recipe).why == "the run's data are other than the study's: fingerprint ab12"


def test_a_changed_recipe_gives_no_verdict(places):
    recipe = plan(places, "faces/small", extra=["trainer.max_epochs=1", "augment.flip=0"]).recipes[0]
    finish(recipe)
    assert look(recipe).why == "changed by trainer.max_epochs=1 augment.flip=0"


def test_seeds_that_were_not_asked_for_count_too(places, recipes):
    finish(plan(places, "faces/small", seeds=[7]).recipes[0])
    records = gather(plan(places, "faces/small"), [])
    assert [(record.seed, record.status) for record in records] == [(0, NOT_RUN), (1, NOT_RUN), (7, FINISHED)]
    assert records[2].counts


def test_the_record_stands_in_for_runs_that_are_not_here(tmp_path, places, recipes):
    for recipe, accuracy in zip(recipes, (0.61, 0.63), strict=True):
        finish(recipe, accuracy)
    save_record(places.experiments, "faces", gather(plan(places, "faces"), []))
    clone = replace(places, output=tmp_path / "clone")
    recorded = load_record(clone.experiments, "faces")
    asked = plan(clone, "faces")
    records = gather(asked, recorded)
    assert [(record.part, record.seed, record.status) for record in records] == [
        ("small", 0, FINISHED),
        ("small", 1, FINISHED),
        ("given", 0, NOT_RUN),
    ]
    assert [record.values["test.accuracy"] for record in records[:2]] == [(0.61, 100), (0.63, 100)]
    finish(asked.recipes[0], 0.7)
    assert gather(asked, recorded)[0].values["test.accuracy"] == (0.7, 100)


def test_what_kept_a_run_from_starting_stays_in_the_record_until_it_is_tried_here(tmp_path, places, recipes):
    write_json(recipes[0].note, {"status": NOT_RUN, "why": "no weights"})
    save_record(places.experiments, "faces", gather(plan(places, "faces/small"), []))
    clone = plan(replace(places, output=tmp_path / "clone"), "faces/small")
    recorded = load_record(places.experiments, "faces")
    assert [record.why for record in gather(clone, recorded)] == ["no weights", "not started yet"]
    write_json(clone.recipes[0].note, {"status": NOT_RUN, "why": "no data"})
    assert gather(clone, recorded)[0].why == "no data"


def test_a_run_that_is_unfinished_elsewhere_is_not_started_here(tmp_path, places, recipes):
    write_text(recipes[0].folder / "metrics.csv", "epoch,train_loss\n1,2.0\n")
    save_record(places.experiments, "faces", gather(plan(places, "faces/small"), []))
    recorded = load_record(places.experiments, "faces")
    assert recorded[0].status == UNFINISHED
    clone = plan(replace(places, output=tmp_path / "clone"), "faces/small")
    assert gather(clone, recorded)[0].why == "not started yet"


def test_a_recorded_run_of_an_older_recipe_gives_no_verdict(tmp_path, places, recipes):
    finish(recipes[0])
    save_record(places.experiments, "faces", gather(plan(places, "faces/small"), []))
    newer = make_places(tmp_path, STUDY.replace("trainer.max_epochs=2", "trainer.max_epochs=3"))
    asked = plan(replace(newer, output=tmp_path / "clone"), "faces/small")
    (first, *_) = gather(asked, load_record(newer.experiments, "faces"))
    assert first.why == "the run was made by another recipe (trainer.max_epochs)"


def test_a_record_of_another_version_is_refused(places):
    save_record(places.experiments, "faces", [])
    path = places.experiments / "faces" / "record.json"
    write_json(path, read_json(path) | {"schema": 9})
    with pytest.raises(RunFolderError, match="not a record of this version"):
        load_record(places.experiments, "faces")
    write_json(path, {"schema": 1, "runs": [{"part": "small"}]})
    with pytest.raises(RunFolderError, match="not a record of this version"):
        load_record(places.experiments, "faces")


def test_paths_of_a_machine_are_shortened():
    assert without_paths("no folder /home/me/data/fer2013; pass it") == "no folder <fer2013>; pass it"
    assert without_paths("dataset.root=/a does not exist") == "dataset.root=<a> does not exist"
    assert without_paths("epoch 3/5 at https://a.org/b/c, in ./x/y") == "epoch 3/5 at https://a.org/b/c, in ./x/y"


def test_what_counts_in_the_record_is_not_lost_to_a_run_that_does_not(tmp_path, places, recipes):
    finish(recipes[0], 0.61)
    save_record(places.experiments, "faces", gather(plan(places, "faces"), []))
    asked = plan(replace(places, output=tmp_path / "clone"), "faces/small")
    other = replace(asked.recipes[0], settings=(*asked.recipes[0].settings, "trainer.max_epochs=1"))
    finish(other, 0.99)
    record = gather(asked, load_record(places.experiments, "faces"))[0]
    assert (record.counts, record.values["test.accuracy"]) == (True, (0.61, 100))


def test_records_of_parts_that_there_are_no_longer_are_refused(places):
    old = RunRecord("tiny", 0, FINISHED)
    with pytest.raises(RunFolderError, match=r"published\.yaml no longer has: tiny; put the parts back"):
        check_parts(plan(places, "faces/small"), [old])
    check_parts(plan(places, "faces/small"), [replace(old, part="given")])


def test_seeds_of_another_precision_are_not_pooled(places, recipes):
    for recipe in recipes:
        finish(recipe)
    path = recipes[1].folder / "environment.json"
    write_json(path, read_json(path) | {"precision": "bf16-mixed"})
    first, second = gather(plan(places, "faces/small"), [])
    assert (first.counts, second.counts) == (True, False)
    assert second.why == "trained in bf16-mixed, the others in 32-true"


@pytest.mark.parametrize(
    ("count", "why"), [(100, ""), (99, "the run's data are other than the study's: 100 images of test")]
)
def test_the_number_of_images_tells_other_data(tmp_path, count, why):
    places = make_places(tmp_path, STUDY.replace("cost: seconds", f"counts: {{test: {count}, train: 42}}\n    cost: s"))
    recipe = plan(places, "faces/small").recipes[0]
    finish(recipe)
    assert look(recipe).why == why


def test_folders_that_are_no_seed_are_left_out(places, recipes):
    finish(recipes[0])
    for name in ("seed_0_backup", "seed_", "seed_01"):
        write_text(recipes[0].home / name / "results.json", "{}")
    assert [record.seed for record in gather(plan(places, "faces/small"), [])] == [0, 1]


@pytest.mark.parametrize("name", ["metrics.csv", "results.json", "environment.json"])
def test_a_broken_file_is_said_to_be_broken(recipes, name):
    finish(recipes[0])
    write_text(recipes[0].folder / name, "")
    record = look(recipes[0])
    assert record.status == UNFINISHED
    assert "cannot be read" in record.why


def test_a_broken_note_is_said_to_be_broken(recipes):
    write_text(recipes[0].note, "{")
    assert "cannot be read" in look(recipes[0]).why


def test_a_run_that_is_going_on_says_so(recipes):
    write_json(recipes[0].note, {"status": NOT_RUN, "why": "no space"})
    with owned(recipes[0].folder):
        assert (look(recipes[0]).status, look(recipes[0]).why) == (UNFINISHED, "running now; 0 of 2 epochs so far")
    assert (look(recipes[0]).status, look(recipes[0]).why) == (NOT_RUN, "no space")


def test_the_epoch_that_was_tested(recipes):
    finish(recipes[0])
    assert look(recipes[0]).scored == 2  # as its selection says
