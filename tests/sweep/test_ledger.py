"""The ledger: what a job's state is after anything that may have happened to it."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from mien.errors import FolderBusyError, RunFolderError
from mien.runs import JOB_LOCK, owned
from mien.sweep.ledger import Entry, add_job, begin_sweep, begun, entries, holder, read_note, state_of, write_note

HOLD = """
import sys, time
from pathlib import Path
from mien.runs import JOB_LOCK, owned
from mien.sweep.ledger import begun, write_note
folder = Path(sys.argv[1])
with owned(folder, JOB_LOCK):
    write_note(folder, begun("seed=1", "python train.py seed=1", ["seed=1"], None))
    print("held", flush=True)
    time.sleep(60)
"""
NOTE = begun("seed=1", "python train.py seed=1", ["seed=1"], None)


@pytest.fixture
def holding(tmp_path):
    """A process that watches the job in tmp_path."""
    call = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_job_whose_watcher_is_killed_is_interrupted(holding, tmp_path):
    assert state_of(tmp_path) == "running"
    assert read_note(tmp_path).pid == holding.pid
    os.kill(holding.pid, signal.SIGKILL)
    holding.wait()
    assert read_note(tmp_path).state == "running"  # nobody could write that it ended
    assert state_of(tmp_path) == "interrupted"
    again = begun("seed=1", "", ["seed=1"], read_note(tmp_path))
    assert again.attempts == 2


def test_a_job_whose_watcher_is_killed_after_its_result_is_finished(holding, tmp_path):
    (tmp_path / "results.json").write_text("{}")
    assert state_of(tmp_path) == "running"
    holding.kill()
    holding.wait()
    assert state_of(tmp_path) == "finished"


def test_a_second_watcher_is_refused(holding, tmp_path):
    with pytest.raises(FolderBusyError, match="another process works here"), owned(tmp_path, JOB_LOCK, patience=0.1):
        pass


def test_a_lock_is_waited_for(holding, tmp_path):
    holding.send_signal(signal.SIGKILL)  # not waited for: it may live for some milliseconds
    with owned(tmp_path, JOB_LOCK):
        assert state_of(tmp_path) == "running"


@pytest.mark.parametrize(
    ("files", "state", "expected"),
    [
        ([], None, "queued"),
        (["config.yaml"], None, "interrupted"),
        (["config.yaml", "results.json"], None, "finished"),
        (["config.yaml"], "failed", "failed"),
        (["config.yaml"], "pruned", "pruned"),
        (["config.yaml"], "interrupted", "interrupted"),
        (["config.yaml", "results.json"], "interrupted", "finished"),
        (["config.yaml", "results.json"], "finished", "finished"),
        (["config.yaml"], "finished", "interrupted"),
    ],
)
def test_states_follow_from_files(tmp_path, files, state, expected):
    for name in files:
        (tmp_path / name).write_text("{}")
    if state is not None:
        write_note(tmp_path, replace(NOTE, state=state))
    assert state_of(tmp_path) == expected


def test_a_note_is_read_as_it_was_written(tmp_path):
    note = NOTE.end("finished", value=0.5)
    write_note(tmp_path, note)
    assert read_note(tmp_path) == note
    assert json.loads((tmp_path / "job.json").read_text())["overrides"] == ["seed=1"]


def test_a_sweep_is_the_union_of_its_calls(tmp_path):
    sweep = tmp_path / "sweeps" / "seed"
    jobs = [Entry(f"seed={n}", tmp_path / f"seed-{n}", (f"seed={n}",)) for n in range(4)]
    begin_sweep(sweep, "first", ["backbone"], jobs[:2])
    begin_sweep(sweep, "second", [], jobs[1:3])
    add_job(sweep, jobs[3])
    add_job(sweep, jobs[0])
    assert entries(sweep) == jobs
    content = json.loads((sweep / "sweep.json").read_text())
    assert [job["folder"] for job in content["jobs"]] == [f"../../seed-{n}" for n in range(4)]
    assert content["command"] == "second"
    assert holder(sweep).startswith(f"process {os.getpid()} on ")


ADD = """
import sys
from pathlib import Path
from mien.sweep.ledger import Entry, add_job
sweep, first = Path(sys.argv[1]), int(sys.argv[2])
for n in range(first, first + 10):
    add_job(sweep, Entry(f"seed={n}", sweep.parent / f"seed-{n}", ()))
"""


def test_concurrent_writers_lose_no_job(tmp_path):
    calls = [[sys.executable, "-c", ADD, str(tmp_path / "sweep"), str(first)] for first in (0, 10, 20)]
    writers = [subprocess.Popen(call) for call in calls]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert sorted(entry.name for entry in entries(tmp_path / "sweep")) == sorted(f"seed={n}" for n in range(30))


def test_a_damaged_ledger_says_so(tmp_path):
    (tmp_path / "sweep.json").write_text('{"jobs": [')
    with pytest.raises(RunFolderError, match=r"sweep.json: cannot be read .* remove it: the jobs' results stay"):
        entries(tmp_path)
