"""How a sweep stands, of folders that are made up: every number can be worked out by hand."""

import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
from rich.console import Console

from made_up_runs import make_run
from mien.config.load import to_yaml
from mien.config.schema import TrainerConfig
from mien.errors import RunFolderError
from mien.results import SelectionScore
from mien.runs import JOB_LOCK, owned
from mien.sweep.__main__ import main
from mien.sweep.ledger import Entry, begin_sweep, begun, write_note
from mien.sweep.status import Row, Status, status_of
from mien.sweep.table import _selected_by, picture, show
from tiny import small_config


def begin(folder, state, epochs=0, **facts):
    """A job that did so many of ten epochs, of 2 s each."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(to_yaml(small_config(trainer=TrainerConfig(max_epochs=10))))
    if epochs:
        pd.DataFrame({"epoch": range(1, epochs + 1), "seconds": 2.0}).to_csv(folder / "metrics.csv", index=False)
    write_note(folder, replace(begun(folder.name, "", [], None), state=state, **facts))


@pytest.fixture
def sweep(tmp_path):
    """One job of every state; the running one is watched by this process."""
    names = ("finished", "failed", "running", "interrupted", "pruned", "queued")
    jobs = [Entry(f"model={name}", tmp_path / name, ()) for name in names]
    begin_sweep(tmp_path / "sweeps" / "model", "python train.py -m", [], jobs)
    begin(tmp_path / "failed", "failed", 3, error="RuntimeError: CUDA out of memory")
    begin(tmp_path / "running", "running", 4)
    begin(tmp_path / "interrupted", "running", 7)
    begin(tmp_path / "pruned", "pruned", 2, value=0.25)
    times = {"started": "2030-01-01T00:00:00.000+00:00", "ended": "2030-01-01T00:00:40.000+00:00"}
    begin(tmp_path / "finished", "finished", 10, **times)
    make_run(tmp_path / "finished", selection=SelectionScore("validation", "macro_recall", 0.875, 3))
    with owned(tmp_path / "running", JOB_LOCK):
        yield tmp_path / "sweeps" / "model"


def test_a_row_tells_progress_rate_time_left_and_scores(sweep):
    rows = {row.name.removeprefix("model="): row for row in status_of(sweep).rows}
    running = rows["running"]
    assert (running.state, running.epoch, running.epochs, running.rate, running.left) == ("running", 4, 10, 2.0, 12.0)
    finished = rows["finished"]
    assert (finished.state, finished.monitor, finished.selected) == ("finished", "macro_recall", 0.875)
    assert (finished.took, round(finished.test, 3)) == (40.0, 0.92)
    assert (rows["failed"].state, rows["failed"].error) == ("failed", "RuntimeError: CUDA out of memory")
    interrupted = rows["interrupted"]
    assert (interrupted.state, interrupted.epoch, interrupted.rate) == ("interrupted", 7, None)
    assert (rows["pruned"].state, rows["pruned"].epoch) == ("pruned", 2)
    assert rows["queued"] == Row("model=queued", "queued")


def test_the_whole_is_estimated_from_what_jobs_took(sweep):
    status = status_of(sweep)
    assert status.active
    assert status.left() == 12.0 + 2 * (40.0 + 20.0) / 2  # the running one, and two that take the mean of 40 s and 20 s


def test_nothing_is_estimated_from_nothing(tmp_path):
    assert Status(tmp_path, (Row("a", "queued"), Row("b", "finished", took=3.0)), active=False).left() is None
    assert Status(tmp_path, (Row("a", "running"), Row("b", "queued")), active=True).left() is None
    two = tuple(Row(name, "running", 5, 10, 1.0, left) for name, left in (("a", 2.0), ("b", 9.0)))
    assert Status(tmp_path, two, active=True).left() == 9.0  # the last one decides


def test_the_table_fits_80_columns(sweep, capsys):
    Console(width=80).print(picture(status_of(sweep)))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    header = lines.index("6 jobs: 1 finished, 1 pruned, 1 queued, 1 interrupted, 1 failed, 1 running") + 2
    assert lines[header - 1] == "about 1 min 12 s left"
    assert max(map(len, lines)) <= 80
    table = [line.split() for line in lines[header : header + 8]]
    assert table == [
        ["val"],
        ["job", "state", "epoch", "s/epoch", "left", "macro", "recall", "test"],
        ["model=running", "running", "4/10", "2.0", "12", "s", "-", "-"],
        ["model=failed", "failed", "3/10", "-", "-", "-", "-"],
        ["model=interrupted", "interrupted", "7/10", "-", "-", "-", "-"],
        ["model=queued", "queued", "-", "-", "-", "-", "-"],
        ["model=pruned", "pruned", "2/10", "-", "-", "-", "-"],
        ["model=finished", "finished", "-", "-", "-", "87.5", "%", "92.0", "%"],
    ]
    assert lines[-1] == "model=failed: RuntimeError: CUDA out of memory"


def test_jobs_that_were_selected_differently_share_no_head(tmp_path):
    rows = (Row("a", "finished", split="validation", monitor="loss", selected=0.5), Row("b", "queued"))
    assert _selected_by(rows) == "val\nloss"
    assert _selected_by((*rows, Row("c", "finished", split="validation", monitor="accuracy"))) == "selected"
    assert _selected_by(rows[1:]) == "selected"


def test_a_small_screen_shows_what_runs_and_counts_the_rest(sweep, capsys):
    Console(width=80).print(picture(status_of(sweep), rows=3))
    shown = capsys.readouterr().out
    assert [name for name in ("running", "failed", "interrupted") if f"model={name}  " in shown] == [
        "running",
        "failed",
    ]
    assert "and 4 more" in shown
    assert "CUDA out of memory" in shown


def test_a_run_has_a_status_too(sweep):
    (row,) = status_of(sweep.parents[1] / "running").rows
    assert (row.name, row.state, row.epoch) == ("running", "running", 4)


def test_a_wrong_folder_names_the_sweeps_near_it(sweep, monkeypatch):
    monkeypatch.chdir(sweep.parents[1])
    with pytest.raises(RunFolderError, match=r"(?s)sweeps: neither .* of a sweep nor of a run .*\n  sweeps/model$"):
        status_of(sweep.parent)
    with pytest.raises(RunFolderError, match=r"(?s)sweeps/typo: no such folder .* near it are\n  sweeps/model$"):
        status_of(sweep.parent / "typo")


def test_the_command_prints_it_once_and_without_torch(sweep):
    code = "import sys; from mien.sweep.__main__ import main; main(sys.argv[1:]); print('torch' in sys.modules)"
    call = [sys.executable, "-c", code, "status", str(sweep)]
    done = subprocess.run(call, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "model=running" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"


def test_a_live_table_is_renewed_until_nobody_works(tmp_path, monkeypatch, capsys):
    rows = (Row("a", "running", 1, 2, 1.0, 1.0), Row("a", "running", 2, 2, 1.0, 0.0), Row("a", "finished", test=0.5))
    seen = [Status(tmp_path, (row,), active=row.state == "running") for row in rows]
    monkeypatch.setattr("mien.sweep.table.status_of", lambda folder: seen.pop(0))
    show(tmp_path, live=True, seconds=0.01)
    assert seen == []
    shown = capsys.readouterr().out
    assert shown.count("1 job: ") == 1  # no terminal: the last table alone stays
    assert "50.0 %" in shown


def test_the_command_refuses_a_wrong_folder(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["status", str(tmp_path / "typo")])
    assert ended.value.code == 2
    assert "no such folder" in capsys.readouterr().err
