"""What a sweep says at its end, and the exit code that it says it with."""

from contextlib import ExitStack

import pytest

from mien.runs import JOB_LOCK, owned
from mien.sweep import ending
from mien.sweep.callback import Begun, Sweep
from mien.sweep.ledger import Entry, begin_sweep, begun, write_note


@pytest.fixture
def end(tmp_path, monkeypatch, capsys):
    """Ends a sweep whose jobs are in these states: exit code, and the lines on stderr."""
    compared = []
    monkeypatch.setattr(ending, "compare", lambda folder, logger: compared.append(folder))

    def end(*states, search=False):
        jobs = [Entry(f"seed={n}", tmp_path / f"seed-{n}", (f"seed={n}",)) for n in range(len(states))]
        sweep = tmp_path / "sweeps" / "seed"
        begin_sweep(sweep, "python train.py -m seed=0,1", [], jobs)
        with ExitStack() as held:
            for job, state in zip(jobs, states, strict=True):
                job.folder.mkdir(exist_ok=True)
                note = begun(job.name, "", job.overrides, None)
                if state == "failed":
                    note = note.end("failed", error=f"RuntimeError: {job.name} is bad")
                elif state == "running":
                    held.enter_context(owned(job.folder, JOB_LOCK))
                elif state != "queued":
                    note = note.end(state)
                if state == "finished":
                    (job.folder / "results.json").write_text("{}")
                if state != "queued":
                    write_note(job.folder, note)
            started = "2020-01-01T00:00:00.000+00:00"
            monkeypatch.setattr(
                Sweep, "begun", Begun(sweep, started, None if search else tuple(jobs), None, search=search)
            )
            code = ending.end_sweep()
        assert Sweep.begun is None
        assert len(compared) == ("finished" in states and not search)
        return code, capsys.readouterr().err.splitlines()

    return end


def test_a_sweep_that_went_well_says_nothing(end):
    assert end("finished", "finished", "pruned") == (0, [])


def test_one_failure_takes_one_line(end):
    line = "error: 1 of 2 jobs failed: seed=1: RuntimeError: seed=1 is bad; sweep.retry=true runs it again"
    assert end("finished", "failed") == (1, [line])


def test_several_failures_are_listed_last(end):
    code, lines = end("failed", "interrupted", "queued", "failed", "queued")
    assert code == 1
    assert lines == [
        "3 of 5 jobs not finished (1 interrupted, 2 queued); the same command continues",
        "error: 2 of 5 jobs failed; sweep.retry=true runs them again:",
        "  seed=0: RuntimeError: seed=0 is bad",
        "  seed=3: RuntimeError: seed=3 is bad",
    ]


def test_a_flood_of_failures_is_cut(end):
    _, lines = end(*["failed"] * 25)
    assert len(lines) == 22
    assert lines[-1] == "  and 5 more"


def test_where_no_job_was_started_nothing_is_promised(end):
    assert end("queued", "queued") == (1, [])


def test_a_job_that_another_sweep_does_is_neither_finished_nor_failed(end):
    assert end("finished", "running") == (0, ["1 of 2 jobs busy elsewhere: another process works there"])


def test_a_search_sums_up_the_jobs_that_it_started_and_compares_none(end):
    assert end("finished", "queued", "pruned", search=True) == (0, [])


def test_without_a_sweep_nothing_is_said(capsys):
    assert ending.end_sweep() == 0
    assert capsys.readouterr().err == ""
