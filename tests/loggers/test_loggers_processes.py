"""W&B in the processes in which jobs run: no process of W&B is left behind, and siblings share nothing."""

import os
import time

import pandas as pd
import psutil
import pytest

from logger_works import EPOCHS, log_some, log_some_and_die
from mien.files import read_json
from mien.processes import WorkFailed, supervise
from wandb_files import Sent, row_of


def gone(pids, seconds=20):
    until = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.1)
    return not any(psutil.pid_exists(pid) for pid in pids)


def test_siblings_have_runs_and_processes_of_their_own(tmp_path):
    told = [supervise(log_some, tmp_path / name, preload=["mien.loggers", "wandb"]) for name in ("a", "b")]
    assert [Sent(tmp_path / name).epochs for name in ("a", "b")] == [EPOCHS, EPOCHS]
    assert Sent(tmp_path / "a").run["run_id"] != Sent(tmp_path / "b").run["run_id"]
    assert "WANDB_SERVICE" not in os.environ
    first, second = told
    assert len(first) == len(second) == 1
    assert first != second
    assert gone([*first, *second])


def test_a_job_that_is_killed_leaves_no_process_and_can_be_continued(tmp_path):
    with pytest.raises(WorkFailed, match="SIGKILL"):
        supervise(log_some_and_die, tmp_path, preload=["mien.loggers", "wandb"])
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 1
    assert gone(pids)
    run_id = read_json(tmp_path / "wandb.json")["id"]
    pd.DataFrame(map(row_of, EPOCHS[:2])).to_csv(tmp_path / "metrics.csv", index=False)
    supervise(log_some, tmp_path, preload=["mien.loggers", "wandb"])
    whole = Sent(tmp_path)  # W&B had written nothing yet: what it had got comes from metrics.csv
    assert (whole.epochs, whole.code) == (EPOCHS, 0)
    assert whole.run["run_id"] == run_id
