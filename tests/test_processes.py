"""Processes that are watched: results, failures, and that none outlives its watcher."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import works
from mien.processes import WorkFailed, supervise

HERE = Path(__file__).parent


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def runs(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def pids(folder):
    """The processes that a work has noted."""
    file = folder / "pids"
    until(lambda: file.is_file() and file.read_text())
    return [int(pid) for pid in file.read_text().split()]


def supervisor(work, folder):
    """A process that supervises one."""
    code = f"import works; from mien.processes import supervise; supervise(works.{work}, {str(folder)!r})"
    return subprocess.Popen([sys.executable, "-c", code], cwd=HERE, start_new_session=True, stderr=subprocess.PIPE)


def test_the_result_comes_back():
    assert supervise(works.add, [1, 2, 3]) == 6


def test_of_several_the_first_ones_result_counts(tmp_path):
    assert supervise(works.note_environment, tmp_path, processes=2, environment={"GIVEN": "x"}) == "0"
    first, second = ((tmp_path / rank).read_text().split() for rank in "01")
    assert first[:4] == ["0", "0", "2", "127.0.0.1"]
    assert second[:4] == ["1", "1", "2", "127.0.0.1"]
    assert first[4] == second[4]
    assert first[5] == second[5] == "x"


def test_the_environment_is_that_of_the_moment(monkeypatch, tmp_path):
    monkeypatch.setenv("GIVEN", "now")
    supervise(works.note_environment, tmp_path)
    assert (tmp_path / "0").read_text().split()[5] == "now"


@pytest.mark.parametrize(
    ("work", "argument", "kind", "name", "message"),
    [
        (works.refuse, 0, "MienError", "ConfigError", "seed: expected a whole number"),
        (works.divide, 0, "error", "ZeroDivisionError", "ZeroDivisionError: division by zero"),
        (works.die, 0, "killed", "", r"killed by signal 9 \(SIGKILL\); out of memory is the usual reason"),
        (works.leave, 3, "killed", "", "ended with exit code 3 and without a result"),
    ],
)
def test_a_failure_is_told(work, argument, kind, name, message):
    with pytest.raises(WorkFailed, match=message) as failed:
        supervise(work, argument)
    assert (failed.value.kind, failed.value.name) == (kind, name)
    assert ("Traceback" in failed.value.trace) == (kind != "killed")


def test_a_process_may_leave_with_code_0():
    assert supervise(works.leave, 0) is None


def test_one_that_dies_ends_the_others(tmp_path):
    with pytest.raises(WorkFailed, match="process 1 of 2 was killed by signal 9"):
        supervise(works.one_of_two_dies, tmp_path, processes=2)
    assert not any(runs(int((tmp_path / f"pid-{rank}").read_text())) for rank in (0, 1))


def test_none_outlives_a_watcher_that_is_killed(tmp_path):
    with supervisor("sleep_with_a_child", tmp_path) as watcher:
        both = pids(tmp_path)
        assert [runs(pid) for pid in both] == [True, True]
        watcher.kill()
    until(lambda: not any(runs(pid) for pid in both))


@pytest.mark.parametrize("target", ["the watcher", "its group"])
def test_an_interruption_is_passed_on_once(tmp_path, target):
    with supervisor("note_interruption", tmp_path) as watcher:
        pids(tmp_path)
        (os.kill if target == "the watcher" else os.killpg)(watcher.pid, signal.SIGINT)
        assert watcher.wait(20) == -signal.SIGINT
        assert b"KeyboardInterrupt" in watcher.stderr.read()
    assert (tmp_path / "saved").read_text() == "once"


def test_one_that_alone_is_interrupted_says_so(tmp_path):
    with supervisor("note_interruption", tmp_path) as watcher:
        os.kill(pids(tmp_path)[0], signal.SIGINT)
        assert watcher.wait(20) == 1
        assert b"WorkFailed: interrupted" in watcher.stderr.read()
