"""reproduce.py as a user types it, on a study of seconds."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from made_up_study import ROOT, STUDY, finish, make_places

import mien.pipeline
from mien.errors import ConfigError, RunFolderError
from mien.files import read_json
from mien.reproduction.command import NOTHING_RAN, PROBLEMS, WRONG, main
from mien.reproduction.recipes import plan
from mien.reproduction.records import RunRecord, save_record
from mien.results import RunResult
from mien.runs import owned
from mien.training.history import History


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


def reproduce(places, *arguments):
    """Call the command in this process; returns its exit code."""
    return main([*arguments, "--data", places.data], places.experiments, places.conf, lambda path: None)


QUIET = ("logger=none",)


def test_a_study_runs_reports_and_is_skipped_when_done(tmp_path, capsys, monkeypatch):
    places = make_places(tmp_path)
    assert reproduce(places, "faces", "--seeds", "0", "--record") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "faces: Of 3 published numbers that can be measured" in shown
    assert "given: not run: data set micro_expressions: dataset.root=" in shown
    folder = Path("outputs/reproduce/faces")
    result = RunResult.load(folder / "small" / "seed_0")
    assert (result.test.n, result.epochs, result.seed) == (21, 2, 0)
    assert result.command.startswith("python train.py dataset=drawn_faces ")
    assert result.command.endswith(" seed=0 hydra.run.dir=outputs/reproduce/faces/small/seed_0")
    assert f"{100 * result.test.accuracy:.1f} %" in (folder / "report.md").read_text()
    assert (folder / "report.html").stat().st_size > 10_000
    assert len(list(folder.glob("small/seed_0/wandb/offline-run-*/*.wandb"))) == 1
    assert len(list(folder.glob("wandb/offline-run-*/*.wandb"))) == 1
    (table,) = folder.glob("wandb/offline-run-*/files/media/table/verdicts_*.json")
    assert read_json(table)["columns"][:4] == ["part", "quantity", "published", "measured"]
    assert len(read_json(table)["data"]) == 4
    note = read_json(folder / "given" / "seed_0.json")
    assert note["status"] == "not run"
    assert "nowhere" in note["why"]

    record = read_json(places.experiments / "faces" / "record.json")
    assert [run["status"] for run in record["runs"]] == ["finished", "not run", "not run"]
    assert str(tmp_path) not in (places.experiments / "faces" / "record.json").read_text()

    monkeypatch.setattr(mien.pipeline, "_run", None)  # training anew would fail
    assert reproduce(places, "faces/small", "--seeds", "0") == 0
    assert len(list(folder.glob("wandb/offline-run-*"))) == 1  # nothing new, no table


def test_a_finished_run_needs_no_data(tmp_path, capsys):
    places = make_places(tmp_path)
    (recipe,) = plan(places, "faces/given", extra=[*QUIET]).recipes
    finish(recipe)
    assert reproduce(places, "faces/given", *QUIET) == 0
    assert "given: not run" not in " ".join(capsys.readouterr().out.split())
    assert not recipe.note.exists()


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    places = make_places(tmp_path)
    append = History.append

    def stop(self, row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt
        append(self, row)

    monkeypatch.setattr(History, "append", stop)
    with pytest.raises(KeyboardInterrupt):
        reproduce(places, "faces/small", "--seeds", "0", *QUIET)
    monkeypatch.setattr(History, "append", append)
    folder = Path("outputs/reproduce/faces/small/seed_0")
    first = pd.read_csv(folder / "metrics.csv")
    assert reproduce(places, "faces/small", "--seeds", "0", *QUIET) == 0
    both = pd.read_csv(folder / "metrics.csv")
    assert list(both["epoch"]) == [1, 2]
    pd.testing.assert_frame_equal(both[:1], first)
    assert RunResult.load(folder).epochs == 2


def test_nothing_that_could_run_ends_with_a_code_of_its_own(tmp_path, capsys):
    places = make_places(tmp_path)
    assert reproduce(places, "faces/given", *QUIET) == NOTHING_RAN == 3
    assert "not run: data set micro_expressions" in capsys.readouterr().out


def test_an_unforeseen_error_does_not_stop_the_others(tmp_path, monkeypatch, capsys, caplog):
    small = STUDY[STUDY.index("  small:") : STUDY.index("  given:")]
    places = replace(make_places(tmp_path, STUDY + small.replace("small:", "other:")), output=Path("outputs"))

    def made_up_run(config, folder, call):
        if "small" in str(folder):
            raise RuntimeError("first line\nout of paper")
        finish(next(recipe for recipe in plan(places, "faces").recipes if recipe.folder == folder))

    monkeypatch.setattr(mien.pipeline, "run", made_up_run)
    assert reproduce(places, "faces", "--seeds", "0", *QUIET) == PROBLEMS == 1
    folder = Path("outputs/reproduce/faces")
    assert read_json(folder / "small" / "seed_0.json") == {"status": "failed", "why": "RuntimeError: out of paper"}
    assert RunResult.load(folder / "other" / "seed_0").epochs == 2
    assert "Traceback" in caplog.text
    assert "small: failed: RuntimeError: out of paper" in capsys.readouterr().out


def test_what_stops_one_seed_stops_the_others_of_the_part(tmp_path, monkeypatch):
    places = make_places(tmp_path)
    tried = []

    def refuse(config, folder, call):
        tried.append(folder.name)
        raise ConfigError(["the weights are on the moon", "and more"])

    monkeypatch.setattr(mien.pipeline, "run", refuse)
    assert reproduce(places, "faces/small", *QUIET) == NOTHING_RAN
    assert tried == ["seed_0"]
    for seed in (0, 1):
        note = read_json(Path(f"outputs/reproduce/faces/small/seed_{seed}.json"))
        assert note == {"status": "not run", "why": "the weights are on the moon"}


def test_a_folder_in_use_is_left_alone_and_other_seeds_run(tmp_path, monkeypatch):
    places = replace(make_places(tmp_path), output=Path("outputs"))
    first, second = plan(places, "faces/small").recipes
    run = mien.pipeline.run
    monkeypatch.setattr(mien.pipeline, "run", lambda *call: finish(second) if call[1] == second.folder else run(*call))
    with owned(first.folder):
        assert reproduce(places, "faces/small", *QUIET) == 0
    assert [path.name for path in first.folder.iterdir()] == [".lock"]
    assert not first.note.exists()
    assert RunResult.load(second.folder).seed == 1


def test_a_changed_recipe_goes_elsewhere_and_is_not_recorded(tmp_path, monkeypatch, capsys):
    places = replace(make_places(tmp_path), output=Path("outputs"))
    change = "trainer.max_epochs=1"
    (recipe, *_) = plan(places, "faces/small", extra=[change, *QUIET]).recipes
    monkeypatch.setattr(mien.pipeline, "run", lambda config, folder, call: finish(recipe))
    assert reproduce(places, "faces/small", "--seeds", "0", change, *QUIET) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "small: not judged: changed by trainer.max_epochs=1" in shown
    assert "no published number is judged" in shown
    assert [path.name for path in Path("outputs/reproduce").iterdir()] == ["faces__trainer.max_epochs-1"]
    with pytest.raises(ConfigError, match="only the study's own recipe is recorded"):
        reproduce(places, "faces/small", change, "--record")


def test_list_and_status_of_a_fresh_folder(tmp_path, capsys):
    places = make_places(tmp_path)
    assert reproduce(places) == 0
    listed = capsys.readouterr().out
    assert "Faces of 2020" in listed
    assert "small" in listed
    assert "seconds" in listed
    assert reproduce(places, "--status") == 0
    assert capsys.readouterr().out.count("not run: not started yet") == 3
    assert not Path("outputs").exists()


def test_a_broken_study_does_not_hide_the_others(tmp_path, capsys):
    make_places(tmp_path, "title: [", "broken")
    places = make_places(tmp_path)
    assert reproduce(places, "--list") == WRONG == 2
    shown = capsys.readouterr().out
    assert "broken  broken" in shown
    assert "not valid YAML" in " ".join(shown.split())
    assert "  faces/given\n" in shown


def test_status_tells_of_a_preset_that_is_not_there(tmp_path):
    places = make_places(tmp_path, STUDY.replace("title: A small network", "title: A\n    preset: fecnn/resnet81"))
    with pytest.raises(ConfigError, match="did you mean 'fecnn/resnet18'"):
        reproduce(places, "faces", "--status")


def test_a_record_is_refused_before_anything_runs(tmp_path):
    places = make_places(tmp_path)
    save_record(places.experiments, "faces", [RunRecord("tiny", 0, "finished")])
    with pytest.raises(RunFolderError, match="no longer has: tiny"):
        reproduce(places, "faces", "--record", *QUIET)
    assert not Path("outputs").exists()


@pytest.mark.parametrize("seeds", ["0,a", "1,1", "1,01", "-1", ""])
def test_seeds_that_are_none(tmp_path, seeds, capsys):
    with pytest.raises(SystemExit):
        reproduce(make_places(tmp_path), "faces", f"--seeds={seeds}")
    assert "expected whole numbers >= 0, each once" in capsys.readouterr().err


def command(*arguments, code=""):
    env = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    start = [sys.executable, "-c", code] if code else [sys.executable, str(ROOT / "reproduce.py")]
    return subprocess.run([*start, *arguments], capture_output=True, text=True, timeout=300, env=env, check=False)


def test_errors_are_messages(tmp_path):
    done = command("fecn")
    assert done.returncode == 2
    assert "there is no study 'fecn'; did you mean 'fecnn'" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_list_and_status_do_without_torch():
    code = (
        "import sys; from pathlib import Path; from mien.reproduction.command import main; "
        f"root = Path({str(ROOT)!r}); main(sys.argv[1:], root / 'experiments', root / 'conf', print); "
        "sys.exit('torch' in sys.modules)"
    )
    for flag in ("--list", "--status"):
        done = command("fecnn", flag, code=code)
        assert done.returncode == 0, done.stderr
        assert "custom_cnn" in done.stdout
