import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from compared_runs import Files, write_run
from mien.comparison.jobs import named_folders, sweep_folders
from mien.config.compare import CompareConfig
from mien.config.schema import LoggerConfig
from mien.errors import ComparisonError, ConfigError
from mien.sweep import comparison_name
from mien.sweep.ending import compare as compare_sweep
from tiny import composed

ROOT = Path(__file__).resolve().parents[2]


def compare(*arguments, folder, code=None):
    """The command as a user types it."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    call = [sys.executable, *([str(ROOT / "compare.py")] if code is None else ["-c", code]), *arguments]
    return subprocess.run(call, cwd=folder, capture_output=True, text=True, timeout=120, env=env, check=False)


@pytest.fixture
def runs(tmp_path):
    """Two runs and one of another test set."""
    write_run(tmp_path / "outputs" / "a", range(5))
    write_run(tmp_path / "outputs" / "b", range(15), files=Files(lr=0.2))
    write_run(tmp_path / "outputs" / "c", range(15), files=Files(lr=0.3), keep=range(60))
    return tmp_path


def test_runs_are_compared_without_torch(runs):
    code = (
        "import atexit, runpy, sys; sys.argv[0] = 'compare.py'; "
        "atexit.register(lambda: print('torch' in sys.modules)); "
        f"runpy.run_path({str(ROOT / 'compare.py')!r}, run_name='__main__')"
    )
    done = compare("runs=[outputs/a,outputs/b]", folder=runs, code=code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "False"
    name = comparison_name(["runs=['outputs/a','outputs/b']"])
    folder = runs / "outputs" / "comparisons" / name
    assert pd.read_csv(folder / "comparison.csv")["folder"].tolist() == ["a", "b"]
    text = " ".join(done.stdout.split())
    found = "of these trainings, optimizer.lr=0.1 is more accurate than optimizer.lr=0.2 by 14.3 points"
    assert f"On these 70 test images, {found}" in text
    assert f"outputs/comparisons/{name}/report.html" in text
    assert "python compare.py " in (folder / "report.md").read_text()


def test_a_sweep_is_compared_with_a_reference(runs):
    (runs / "outputs" / "d").mkdir()
    (runs / "outputs" / "d" / "config.yaml").write_text("seed: 0\n")
    (runs / "outputs" / "c" / "config.yaml").unlink()
    options = "sweep=outputs", "reference=outputs/b", "output=my report (1)", "bootstrap=200", "seed=3"
    done = compare(*options, folder=runs)
    assert (done.returncode, done.stderr) == (0, "")
    assert "optimizer.lr=0.2 is less accurate than optimizer.lr=0.1" in " ".join(done.stdout.split())
    assert "not finished: d." in done.stdout
    assert (runs / "my report (1)" / "report.html").is_file()


def test_other_images_are_refused_and_their_intersection_is_said(runs):
    done = compare("runs=[outputs/a,outputs/c]", folder=runs)
    assert done.returncode == 2
    assert "outputs/a: 70; outputs/c: 60; 60 are common to all; pass intersection=true" in done.stderr
    assert "Error executing job" not in done.stderr
    assert not (runs / "outputs" / "comparisons").exists()
    done = compare("runs=[outputs/a,outputs/c]", "intersection=true", folder=runs)
    assert done.returncode == 0
    assert "On the 60 test images that all runs share" in " ".join(done.stdout.split())


def test_a_typo_is_named(runs):
    done = compare("run=[outputs/a]", "bootstrap=many", folder=runs)
    assert done.returncode == 2
    assert "did you mean 'runs'?" in done.stderr
    assert "2 problems in the configuration" in done.stderr


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ((), "runs: it needs a value; expected run folders"),
        (("runs=[a,b]", "sweep=c"), "runs and sweep: expected one of them, got both"),
        (("runs=[a]", "bootstrap=10"), "bootstrap: expected 100 to 1e\\+06, got 10"),
        (("runs=[a]", "seed=-1"), "seed: expected 0 to"),
        (("runs=[a,b]", "names=[A]"), "names: expected one for each of the 2 runs, got 1"),
        (("runs=[a]", "names=[' ']"), "names: one of them is empty"),
        (("sweep=a", "names=[A]"), "names: expected one for each of the 0 runs, got 1"),
    ],
)
def test_settings_that_do_not_go_together(overrides, words):
    with pytest.raises(ConfigError, match=words):
        composed(*overrides, name="compare", schema=CompareConfig)


def test_all_paths_that_are_no_runs_are_named_with_what_they_lack(runs):
    outputs = runs / "outputs"
    (outputs / "half").mkdir()
    (outputs / "half" / "config.yaml").write_text("seed: 0\n")
    (outputs / "old").mkdir()
    (outputs / "old" / "results.json").write_text('{"schema": 0}')
    (outputs / "torn").mkdir()
    (outputs / "torn" / "results.json").write_text('{"sch')
    (outputs / "empty").mkdir()
    names = ("a", "a", "nowhere", "half", "old", "torn", "empty", "")
    with pytest.raises(ComparisonError) as caught:
        named_folders([outputs / name for name in names])
    lines = str(caught.value).splitlines()
    expected = (
        "runs: expected finished runs, each once, got",
        "nowhere: no such folder",
        "half: no results.json: the run is not finished",
        "expected schema 1",
        "torn/results.json: expected JSON",
        "empty: neither config.yaml nor results.json, so it is no run",
        "outputs: neither config.yaml nor results.json, so it is no run (a sweep? pass sweep=<folder>)",
        "a: stands twice in runs",
    )
    assert len(lines) == len(expected)
    assert all(words in line for words, line in zip(expected, lines, strict=True))


@pytest.mark.parametrize(
    ("folder", "words"),
    [("nowhere", "no such folder"), ("outputs/a", r"a run itself: pass runs=\[<run>"), ("outputs/empty", "none in it")],
)
def test_what_is_no_sweep_is_named(runs, folder, words):
    (runs / "outputs" / "empty").mkdir()
    with pytest.raises(ComparisonError, match=words):
        sweep_folders(runs / folder)


def test_the_trials_of_a_search_are_not_compared(runs):
    (runs / "outputs" / "search").mkdir()
    (runs / "outputs" / "search" / "study.json").write_text("{}")
    with pytest.raises(ComparisonError, match="expected a sweep, got a search"):
        sweep_folders(runs / "outputs" / "search")


def test_a_comparison_is_named_by_what_it_compares():
    name = comparison_name(["sweep='outputs/my sweep'", "output=x", "hydra.verbose=true"])
    assert name[:-8] == "sweep-outputs_my_sweep-"
    assert comparison_name(["sweep='my_sweep'"]) == "sweep-my_sweep"
    assert comparison_name(["runs=['a_b']"]) != comparison_name(["runs=['a','b']"])


@pytest.mark.parametrize("name", ["br[1]", "odd, name", "back`tick", "ünï (1)", "a=b", "it's"])
def test_odd_names_need_no_quotes_but_for_a_comma(tmp_path, name):
    for folder, files in ((name, None), ("b", Files(lr=0.2))):
        write_run(tmp_path / folder, range(3), files=files)
    typed = f"'{name}'" if "," in name else name
    done = compare(f"runs=[{typed}, b]", "bootstrap=100", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_single_run_needs_no_brackets(runs):
    done = compare("runs=outputs/a", folder=runs)
    assert done.returncode == 0
    assert "the only model, is right on 92.9 %" in " ".join(done.stdout.split())


def test_a_comparison_that_fails_does_not_end_a_sweep(runs, monkeypatch, caplog):
    """Whatever it is: here the folder cannot be written to, and a fault in the code."""
    (runs / "outputs" / "comparison.csv").mkdir()
    compare_sweep(runs / "outputs", LoggerConfig())
    assert "the sweep could not be compared; try python compare.py sweep=" in caplog.text
    caplog.clear()
    monkeypatch.setattr("mien.comparison.write.load_jobs", lambda folders: 1 / 0)
    compare_sweep(runs / "outputs", LoggerConfig())
    assert "ZeroDivisionError" in caplog.text
