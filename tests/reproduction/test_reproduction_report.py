"""What a study's report says, on made-up runs."""

import re
from dataclasses import replace

import pytest
from made_up_study import STUDY, finish, make_places
from rich.console import Console

from mien.files import write_json
from mien.reproduction.gathering import gather
from mien.reproduction.recipes import plan
from mien.reproduction.recording import record_study
from mien.reproduction.records import NOT_RUN
from mien.reproduction.report import Findings, conclusion, document
from mien.reproduction.tables import list_lines, status_table, verdict_table


def findings(places, *extra):
    asked = plan(places, "faces", extra=extra)
    return Findings("faces", asked.study, asked.parts, gather(asked, []), asked.changes)


@pytest.fixture
def places(tmp_path):
    places = make_places(tmp_path)
    asked = plan(places, "faces")
    finish(asked.recipes[0], 0.60)
    finish(asked.recipes[1], 0.64, losses=(2.0, 1.58))
    write_json(asked.recipes[2].note, {"status": NOT_RUN, "why": "dataset.root=/my/data/nowhere does not exist"})
    return places


def test_every_quantity_with_its_verdict(places):
    page = document(findings(places)).markdown()
    accuracy = (
        "| test accuracy | undecided; goal not reached | 62 % | 62.0 ± 2.8 % (2 seeds) | 52.2-70.9 % | +0.0 points |"
    )
    assert accuracy in page
    assert "| train loss | - | 3.20 | 3.180 ± 0.028 (2 seeds) | - | -0.020 |" in page
    assert "Intervals: Wilson, 100 images, 2 seeds only (test accuracy); none (train loss)." in page
    assert "| training time | not run: another machine | 12 | - | - | - |" in page
    assert "| test accuracy | not run | 82 % | - | - | - |" in page
    assert "> Not run: dataset.root=<nowhere> does not exist" in page
    assert "**0 reproduced, 0 exceeded, 0 not reproduced, 1 without a verdict, 1 undecided, 1 not run**" in page


def test_first_epochs_stand_beside_the_published_ones(places):
    page = document(findings(places)).markdown()
    assert "| 1 | 24.23 | 25.00 | +0.77 |" in page
    assert "| 3 | 40.00 | - | - |" in page


def test_runs_with_their_facts_and_commands(places):
    page = document(findings(places)).markdown()
    assert (
        "| small | 0 | finished | 2 | 1 min 32 s | 32-true | a processor, 2 cores, no GPU | 0123456789ab | ab12 |"
        in page
    )
    assert "| given | 0 | not run: dataset.root=<nowhere> does not exist | - | - | - | - | - | - |" in page
    assert page.count("python train.py dataset=drawn_faces") == 2
    assert "`python reproduce.py faces`" in page


def test_the_page_needs_no_other_file(places):
    page = document(findings(places)).html()
    assert page.count('src="data:image/png;base64,') == 2
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_a_changed_recipe_is_shown_and_not_judged(places):
    (first, *_) = plan(places, "faces/small", extra=["trainer.max_epochs=1"]).recipes
    finish(first, 0.62)
    found = findings(places, "trainer.max_epochs=1")
    assert "no published number is judged" in conclusion(found)
    page = document(found).markdown()
    assert "> Not judged: changed by trainer.max_epochs=1" in page
    assert "| test accuracy | not judged | 62 % | 62.0 % | 52.2-70.9 % | +0.0 points |" in page
    assert "reproduced**" not in page.split("## How verdicts")[0]


def test_one_seed_is_named_as_such(tmp_path):
    places = make_places(tmp_path)
    finish(plan(places, "faces").recipes[0], 0.60, losses=(2.0, 1.601))
    found = findings(places)
    assert "one or two seeds" in conclusion(found)
    page = document(found).markdown()
    assert "| train loss | - | 3.20 | 3.202 | - | +0.002 |" in page


def test_seeds_of_different_data_are_not_judged(places):
    found = findings(places)
    first, *others = found.records
    other = replace(first, data=first.data | {"fingerprint": "cd34"})
    page = document(replace(found, records=[other, *others])).markdown()
    assert "> Not judged: the seeds were run on different data" in page


def test_a_reference_is_not_judged(tmp_path):
    text = STUDY.replace("cost: seconds", "reference: an ablation\n    cost: seconds")
    places = make_places(tmp_path, text)
    finish(plan(places, "faces").recipes[0], 0.10)
    found = findings(places)
    assert "Of 1 published numbers" in conclusion(found)
    page = document(found).markdown()
    assert "| test accuracy | goal not reached | 62 % | 10.0 % | 5.5-17.4 % | -52.0 points |" in page
    assert "| train loss | - | 3.20 | 3.200 | - | +0.000 |" in page
    assert "> No published value is judged here: an ablation." in page


def test_the_record_holds_no_path_of_this_machine(places):
    found = findings(replace(places, data="/my/data"))
    paths = record_study(places.experiments, found)
    assert [path.name for path in paths] == ["record.json", "RECORD.md"]
    assert {path.name for path in (places.experiments / "faces" / "plots").iterdir()} == {
        "headlines.png",
        "curves_small.png",
    }
    for path in paths:
        text = path.read_text()
        assert "<nowhere> does not exist" in text
        assert "/my/data" not in text
        assert str(places.output) not in text


def test_a_quantity_for_reference_is_shown_and_not_judged(tmp_path):
    places = make_places(tmp_path, STUDY.replace('unit: "%", goal: "90"', 'unit: "%", reference: another cut'))
    finish(plan(places, "faces").recipes[0], 0.10)
    found = findings(places)
    assert "Of 2 published numbers" in conclusion(found)
    page = document(found).markdown()
    assert "| test accuracy | - | 62 % | 10.0 % | 5.5-17.4 % | -52.0 points |" in page
    assert "Test accuracy: shown for reference, not judged: another cut." in page


def test_the_table_of_runs_says_why_one_does_not_count(places):
    found = findings(places)
    first, *others = found.records
    page = document(replace(found, records=[replace(first, why="trained in bf16"), *others])).markdown()
    assert "| small | 0 | finished, not judged: trained in bf16 |" in page


def test_first_epochs_and_pictures_are_of_the_runs_that_count(places):
    found = findings(places)
    first, second, *others = found.records
    odd = replace(second, why="trained in bf16", curves={"train_accuracy": "0.9 0.9"})
    page = document(replace(found, records=[first, odd, *others])).markdown()
    alone = document(replace(found, records=[first, *others])).markdown()
    table = page[page.index("| epoch | published |") :].split("\n\n")[0]
    assert table in alone


@pytest.mark.parametrize("table", ["verdict", "status", "list"])
def test_terminal_tables_fit_80_columns_and_keep_names(places, table):
    found = findings(places)
    content = {
        "verdict": verdict_table("Faces", found.rows),
        "status": status_table("faces", found.parts, found.records),
        "list": list_lines({"faces": found.study}),
    }[table]
    with (console := Console(width=80)).capture() as capture:
        console.print(content, crop=False, highlight=False)
    lines = capture.get().splitlines()
    assert max(map(len, lines)) <= 80
    wanted = {"verdict": ["small (2 seeds)", "test accuracy"], "status": ["small", "given"], "list": ["  faces/given"]}
    for name in wanted[table]:
        assert any(line.lstrip().startswith(name.lstrip()) for line in lines)
    assert "…" not in capture.get()
