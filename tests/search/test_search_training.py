"""Searches as a user types them, with real trainings: killed and continued, by several processes, and with pruning."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

from mien.sweep.ledger import entries, read_note
from mien.sweep.status import status_of
from tiny import TINY

ROOT = Path(__file__).resolve().parents[2]
QUICK = (*TINY, "scenes=none", "logger=none", "hydra.sweep.dir=sweep", "protocol.monitor=loss", "sweeper=optuna")
SEARCH = (*QUICK, "trainer.max_epochs=2", "optimizer.lr=tag(log,interval(1e-3,1e-2))", "search.trials=4")


def begin(*overrides, folder):
    env = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    call = [sys.executable, str(ROOT / "train.py"), "-m", *overrides]
    return subprocess.Popen(
        call, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True
    )


def end(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def trials(folder):
    with (folder / "sweep/trials.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def runs(folder):
    return {entry.overrides: entry.folder for entry in entries(folder / "sweep")}


def wait_for(condition, seconds=60):
    until = monotonic() + seconds
    while not condition():
        assert monotonic() < until
        sleep(0.02)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A search that is killed in its second trial, and continued by two processes at the same time."""
    folder = tmp_path_factory.mktemp("search")
    first = begin(*SEARCH, folder=folder)
    wait_for(lambda: len(list(folder.glob("sweep/*/metrics.csv"))) == 2)
    os.kill(first.pid, signal.SIGKILL)
    end(first)
    states = sorted(read_note(path.parent).state for path in folder.glob("sweep/*/job.json"))
    workers = [begin(*SEARCH, folder=folder) for _ in range(2)]
    return folder, states, [end(worker) for worker in workers]


def test_a_killed_search_goes_on_and_every_trial_is_there_once(killed):
    folder, states, _ = killed
    assert states == ["finished", "running"]  # as the kill left them
    rows = trials(folder)
    assert [(row["trial"], row["state"]) for row in rows] == [(str(n), "finished") for n in range(4)]
    assert len({row["optimizer.lr"] for row in rows}) == 4
    assert len(list(folder.glob("sweep/*/results.json"))) == 4
    assert sorted(read_note(run).attempts for run in runs(folder).values()) == [1, 1, 1, 2]


def test_two_processes_share_a_study(killed):
    _, _, ends = killed
    assert [code for code, _, _ in ends] == [0, 0], ends
    told = [line for _, _, err in ends for line in err.splitlines() if "; best so far" in line]
    assert sorted(line.split()[1] for line in told) == ["1:", "2:", "3:"]  # each is one process's


def test_a_value_is_the_selection_value_of_its_run(killed):
    folder, _, _ = killed
    for row in trials(folder):
        (run,) = (run for overrides, run in runs(folder).items() if f"optimizer.lr={row['optimizer.lr']}" in overrides)
        chosen = json.loads((run / "results.json").read_text())["selection"]
        assert (chosen["split"], chosen["monitor"]) == ("validation", "loss")
        assert float(row["value"]) == chosen["value"]
    best = json.loads((folder / "sweep/best.json").read_text())
    assert best["value"] == min(float(row["value"]) for row in trials(folder))


def test_the_test_score_is_told_of_the_best_trial_alone_once_the_search_has_ended(killed):
    folder, _, ends = killed
    best = json.loads((folder / "sweep/best.json").read_text())
    test = json.loads((folder / best["folder"] / "results.json").read_text())["test"]
    assert best["test"] == {"split": "test", **{key: test[key] for key in ("n", "accuracy", "accuracy_ci95")}}
    outs = [out for _, out, _ in ends]
    assert max(out.count("reported once") for out in outs) == 1
    assert not any(word in out for out in outs for word in ("expected calibration error", "Comparison"))
    assert not list(folder.glob("sweep/comparison.*"))
    assert {row.test for row in status_of(folder / "sweep").rows} == {None}


def test_the_same_command_finds_a_finished_search(killed):
    folder, _, _ = killed
    before = (folder / "sweep/trials.csv").read_text()
    code, out, err = end(begin(*SEARCH, folder=folder))
    assert code == 0, err
    assert "4 of 4 trials: 4 finished" in out
    assert (folder / "sweep/trials.csv").read_text() == before


def test_another_space_in_the_folder_is_refused(killed):
    folder, _, _ = killed
    other = [text.replace("1e-2", "1e-1") for text in SEARCH]
    code, _, err = end(begin(*other, folder=folder))
    assert code == 2
    assert "optimizer.lr: there 0.001 to 0.01, log, now 0.001 to 0.1, log" in " ".join(err.split())


def test_a_trial_worse_than_the_median_is_pruned_and_the_search_goes_on(tmp_path):
    overrides = (*QUICK, "trainer.max_epochs=3", "optimizer.lr=0.002,1.0", "search.sampler=grid", "search.startup=1")
    code, out, err = end(begin(*overrides, folder=tmp_path))
    assert code == 0, err
    rows = trials(tmp_path)
    assert [(row["state"], row["epochs"]) for row in rows] == [("finished", "3"), ("pruned", "1")]
    assert "2 of 20 trials: 1 finished, 1 pruned" in out
    assert "all 2 combinations of the space have been tried" in err
    (note,) = (note for path in tmp_path.glob("sweep/*/job.json") if (note := read_note(path.parent)).state == "pruned")
    assert note.error.startswith("pruned after epoch 1 of 3: validation loss ")
