"""A sweep as a user types it: killed, interrupted, repeated, refused."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from mien.files import read_json
from mien.results import RunResult
from mien.sweep.ledger import entries, read_note, state_of
from tiny import TINY

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = 60
SWEEP = ("-m", *TINY, f"trainer.max_epochs={EPOCHS}", "scenes=none", "logger=none", "seed=0,1")


def start(folder, *arguments):
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "COLUMNS": "80"}
    call = [sys.executable, str(ROOT / "train.py"), *arguments]
    return subprocess.Popen(
        call, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def command(folder, *arguments):
    """Exit code, stdout, and the lines of stderr."""
    with start(folder, *arguments) as process:
        out, err = process.communicate(timeout=240)
    return process.returncode, out, err.splitlines()


def jobs(folder):
    (sweep,) = (folder / "outputs" / "sweeps").iterdir()
    return {entry.name: entry.folder for entry in entries(sweep)}


def epochs(job):
    return len(pd.read_csv(job / "metrics.csv")) if (job / "metrics.csv").is_file() else 0


def wait_for(condition, process, seconds=200):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def trains(folder, name, process, least=3):
    """Wait until a job has done some epochs, and more are to come."""
    wait_for(lambda: list(folder.glob("outputs/sweeps/*/sweep.json")) and epochs(jobs(folder)[name]) >= least, process)


def orphans(children, seconds=20):
    """Those of the processes that still live after a while."""
    end = time.monotonic() + seconds
    while left := [child.pid for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]:
        if time.monotonic() > end:
            break
        time.sleep(0.05)
    return left


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """A sweep of two jobs: killed in the first, interrupted in the second, finished by the third call."""
    folder = tmp_path_factory.mktemp("story")
    seen = {}
    with start(folder, *SWEEP) as first:
        trains(folder, "seed=0", first)
        seen["pid"] = first.pid
        seen["second"] = command(folder, *SWEEP)
        seen["children"] = psutil.Process(first.pid).children(recursive=True)
        seen["running"] = {name: state_of(job) for name, job in jobs(folder).items()}
        first.kill()
        first.communicate()
    seen["orphans"] = orphans(seen["children"])
    seen["killed"] = {name: state_of(job) for name, job in jobs(folder).items()}
    seen["epochs"] = epochs(jobs(folder)["seed=0"])
    with start(folder, *SWEEP) as second:
        trains(folder, "seed=1", second)
        second.send_signal(signal.SIGINT)
        out, err = second.communicate(timeout=60)
    seen["interrupted"] = second.returncode, out, err.splitlines()
    seen["states"] = {name: state_of(job) for name, job in jobs(folder).items()}
    seen["third"] = command(folder, *SWEEP)
    return folder, seen


def test_a_second_sweep_in_the_folder_is_refused(story):
    code, out, err = story[1]["second"]
    assert code == 2
    assert re.search(rf"error: outputs/sweeps/\S+: process {story[1]['pid']} on \S+ sweeps here already", err[-1])
    assert out == ""


def test_a_kill_leaves_no_orphan_and_an_interrupted_job(story):
    _, seen = story
    assert seen["children"]
    assert seen["orphans"] == []
    assert seen["running"] == {"seed=0": "running", "seed=1": "queued"}
    assert seen["killed"] == {"seed=0": "interrupted", "seed=1": "queued"}
    assert 3 <= seen["epochs"] < EPOCHS


def test_an_interruption_ends_with_130_and_the_comparison_so_far(story):
    code, out, err = story[1]["interrupted"]
    assert code == 130
    assert story[1]["states"] == {"seed=0": "finished", "seed=1": "interrupted"}
    assert "error: interrupted; the same command continues" in err
    assert err[-1] == "1 of 2 jobs not finished (1 interrupted); the same command continues"
    assert "seed=1" in out.split("Comparison")[1]


def test_the_same_command_finishes_what_was_begun(story):
    folder, seen = story
    code, out, err = seen["third"]
    assert code == 0, err
    assert sum("seed=0 is finished already" in line for line in err) == 1
    assert out.count("Comparison  ") == 1
    for name, job in jobs(folder).items():
        assert (name, state_of(job)) == (name, "finished")
        assert pd.read_csv(job / "metrics.csv")["epoch"].tolist() == list(range(1, EPOCHS + 1))
        assert len(read_json(job / "environment.json")["pieces"]) == 2  # it went on, once
        assert read_note(job).attempts == 2
        assert read_note(job).value == RunResult.load(job).selection.value


def test_jobs_lie_where_single_runs_do(story):
    folder, _ = story
    runs = {path.name for path in (folder / "outputs").iterdir()}
    assert {job.name for job in jobs(folder).values()} | {"sweeps"} == runs


def test_a_folder_of_ones_own_still_works(story):
    folder, _ = story
    code, _, err = command(folder, *SWEEP[:-1], "seed=0", "optimizer.name=adamww", "hydra.sweep.dir=mine")
    assert code == 1
    (job,) = entries(folder / "mine")
    assert job.folder.parent == folder / "mine"
    assert err[-1].startswith("error: 1 of 1 job failed: ")
    assert err[-1].endswith("did you mean 'adamw' or 'radamw'?; sweep.retry=true runs it again")


def test_a_sweep_of_no_jobs_is_refused(tmp_path):
    code, _, err = command(tmp_path, "-m", *TINY, "seed=range(0,0)", "backbone=small_cnn")
    assert code == 2
    assert err[-1] == "  - a sweep of 0 jobs: there is no value in seed=range(0,0)"
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_over_an_interval_is_refused(tmp_path):
    code, _, err = command(tmp_path, "-m", *TINY, "optimizer.lr=interval(0,1)")
    assert code == 2
    assert err[-1] == "  - optimizer.lr=interval(0,1): an interval has no end of values; pass sweeper=optuna too"
    assert list(tmp_path.iterdir()) == []


def test_a_rule_of_ones_own_for_folders_works(story):
    """Its folders are known only as the jobs start."""
    folder, _ = story
    rule = ("hydra.sweep.dir=ruled", "hydra.sweep.subdir=n${hydra.job.num}")
    code, _, err = command(folder, *SWEEP[:-1], "seed=0,1", "optimizer.name=adamww", *rule)
    assert code == 1
    assert [entry.folder for entry in entries(folder / "ruled")] == [folder / "ruled" / "n0", folder / "ruled" / "n1"]
    assert err[-3] == "error: 2 of 2 jobs failed; sweep.retry=true runs them again:"
    assert not any("UserWarning" in line for line in err)
    assert any(re.match(r"\d\d:\d\d:\d\d \[2\] seed=1$", line) for line in err), err


def test_jobs_that_would_share_a_folder_are_refused(tmp_path):
    code, _, err = command(tmp_path, "-m", *TINY, "loss.name=a b,a_b")
    assert code == 2
    assert "loss.name=a\\ b and loss.name=a_b would be in one folder, outputs/backbone." in err[-1]
    assert list(tmp_path.iterdir()) == []
