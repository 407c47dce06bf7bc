"""A job of a sweep: done, skipped, told again, continued; whatever happens to it is noted, and nothing is raised."""

import errno
import math
import os

import job_works
import pytest

from made_up_runs import make_run
from mien.config.load import to_yaml
from mien.config.schema import DatasetConfig, OptimizerConfig, SweepConfig
from mien.errors import ConfigError
from mien.results import RunResult
from mien.runs import JOB_LOCK, owned
from mien.sweep import perform
from mien.sweep.ledger import Entry, entries, read_note, state_of
from tiny import small_config


class Sweep:
    """Jobs that differ by seed, of a sweep in a folder."""

    def __init__(self, place, monkeypatch):
        self.place, self.monkeypatch = place, monkeypatch
        monkeypatch.setattr(perform, "PRELOAD", ("mien.sweep.perform",))

    def folder(self, seed):
        return self.place / f"seed-{seed}"

    def do(self, work, seed=0, overrides=(), config=None, **changes):
        """Perform a job; what it gives to a sweeper."""
        self.monkeypatch.setattr(perform, "watched_work", work)
        entry = Entry(f"seed={seed}", self.folder(seed), (f"seed={seed}", *overrides))
        given = config or (lambda: small_config(seed=seed, **changes))
        return perform.perform_job(given, "train", self.place / "sweeps" / "seed", entry)

    def calls(self, seed=0):
        file = self.folder(seed) / "calls.txt"
        return len(file.read_text().splitlines()) if file.is_file() else 0


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    return Sweep(tmp_path, monkeypatch)


def test_a_job_is_done_in_a_process_of_its_own_and_noted(sweep):
    assert sweep.do(job_works.finish) == 0.75
    note = read_note(sweep.folder(0))
    assert (note.state, note.value, note.attempts, note.error) == ("finished", 0.75, 1, None)
    assert (note.name, note.command) == ("seed=0", "python train.py seed=0")
    assert note.pid == os.getpid() != int((sweep.folder(0) / "calls.txt").read_text())
    assert note.started <= note.ended
    assert [entry.name for entry in entries(sweep.place / "sweeps" / "seed")] == ["seed=0"]


def test_a_finished_job_is_skipped_without_a_process(sweep, caplog):
    caplog.set_level("INFO")
    sweep.do(job_works.finish)
    note = read_note(sweep.folder(0))
    assert sweep.do(job_works.crash) == 0.75
    assert (sweep.calls(), read_note(sweep.folder(0))) == (1, note)
    assert "seed=0 is finished already" in caplog.text


def test_a_run_from_before_there_were_notes_is_skipped_and_noted(sweep):
    make_run(sweep.folder(0), selection=None)
    (sweep.folder(0) / "config.yaml").write_text(to_yaml(small_config()))
    assert state_of(sweep.folder(0)) == "finished"
    assert sweep.do(job_works.crash) is None  # its protocol has no selection split
    assert (sweep.calls(), read_note(sweep.folder(0)).state) == (0, "finished")


def test_a_finished_job_on_data_of_another_place_is_looked_at_anew(sweep):
    data = {place: DatasetConfig(name="image_folder", root=place) for place in ("a", "b")}
    sweep.do(job_works.finish, dataset=data["a"])
    assert sweep.do(job_works.crash, dataset=data["a"]) == 0.75
    sweep.do(job_works.finish, dataset=data["b"])
    assert sweep.calls() == 2


def test_never_does_it_anew(sweep):
    sweep.do(job_works.finish)
    assert sweep.do(job_works.finish, resume="never") == 0.75
    assert (sweep.calls(), read_note(sweep.folder(0)).attempts) == (2, 2)


@pytest.mark.parametrize(
    ("work", "how", "error"),
    [
        (job_works.crash, "error", "on this device"),
        (job_works.die, "killed", "the process was killed by signal 9 (SIGKILL); out of memory is the usual reason"),
        (job_works.refuse, "MienError", "optimizer.name: unknown optimizer 'adamww'"),
        (job_works.refuse_data, "MienError", "2 of 9 images of the data set are damaged: a.png: no image file"),
        (job_works.fill_the_disk, "MienError", "big.bin: No space left on device; check space and write right there"),
    ],
)
def test_a_job_that_fails_is_noted_told_again_and_retried(sweep, caplog, work, how, error):
    assert math.isnan(sweep.do(work))
    note = read_note(sweep.folder(0))
    assert (note.state, note.exit, note.value) == ("failed", how, None)
    assert note.error.endswith(error)
    assert "seed=0 failed: " in caplog.text
    caplog.set_level("INFO")
    assert math.isnan(sweep.do(job_works.finish))
    assert (read_note(sweep.folder(0)), state_of(sweep.folder(0))) == (note, "failed")
    assert f"seed=0 failed before: {note.error}; sweep.retry=true runs it again" in caplog.text
    assert sweep.do(job_works.finish, sweep=SweepConfig(retry=True)) == 0.75
    again = read_note(sweep.folder(0))
    assert (again.state, again.attempts, again.error) == ("finished", 2, None)


def test_another_command_runs_a_failed_job_again(sweep):
    """Here with the right place of the data, which does not change the folder."""
    sweep.do(job_works.refuse, overrides=["dataset.root=/wrong"])
    assert sweep.do(job_works.finish, overrides=["dataset.root=/right"]) == 0.75


def test_a_wrong_config_is_its_jobs_failure(sweep):
    def wrong():
        raise ConfigError(["seed: expected a whole number"])

    assert math.isnan(sweep.do(job_works.finish, config=wrong))
    assert read_note(sweep.folder(0)).error == "1 problem in the configuration: seed: expected a whole number"
    assert sweep.calls() == 0


@pytest.mark.parametrize("before", [job_works.finish, job_works.crash])
def test_a_changed_config_under_an_old_folder_is_refused_with_the_difference(sweep, caplog, before):
    sweep.do(before)
    caplog.clear()
    assert math.isnan(sweep.do(job_works.finish, optimizer=OptimizerConfig("adamw", lr=0.5)))
    assert sweep.calls() == 1
    assert "seed-0 holds another experiment; choose another place with output=<folder>" in caplog.text
    assert "optimizer.lr: there 0.001, now 0.5" in caplog.text
    assert read_note(sweep.folder(0)).error.endswith("remove that one: optimizer.lr: there 0.001, now 0.5")
    if before is job_works.finish:  # nothing is lost: its own config finds it finished
        assert RunResult.load(sweep.folder(0)).selection.value == 0.75
        assert sweep.do(job_works.crash) == 0.75
        assert read_note(sweep.folder(0)).state == "finished"


def test_a_pruned_job_gives_the_value_of_its_last_epoch(sweep):
    assert sweep.do(job_works.prune) == 0.625
    note = read_note(sweep.folder(0))
    assert (note.state, note.value, note.exit) == ("pruned", 0.625, None)


def test_a_pruned_job_whose_loss_is_no_number_has_no_value(sweep):
    assert sweep.do(job_works.diverge) is None
    assert (read_note(sweep.folder(0)).state, read_note(sweep.folder(0)).value) == ("pruned", None)


def test_an_interrupted_job_goes_on(sweep):
    assert math.isnan(sweep.do(job_works.interrupt))
    assert (read_note(sweep.folder(0)).state, state_of(sweep.folder(0))) == ("interrupted", "interrupted")
    assert sweep.do(job_works.finish) == 0.75


def test_an_interruption_of_the_sweep_is_noted_and_passed_on(sweep, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(perform, "supervise", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep.do(job_works.finish)
    assert read_note(sweep.folder(0)).state == "interrupted"


def test_a_job_that_another_process_watches_is_left_to_it(sweep, caplog, monkeypatch):
    sweep.do(job_works.crash)
    note = read_note(sweep.folder(0))
    monkeypatch.setattr(perform, "owned", lambda folder, lock: owned(folder, lock, patience=0.1))
    with owned(sweep.folder(0), JOB_LOCK):
        assert math.isnan(sweep.do(job_works.finish, sweep=SweepConfig(retry=True)))
    assert (sweep.calls(), read_note(sweep.folder(0))) == (1, note)
    assert "seed=0: another process works on it" in caplog.text


def test_a_run_without_a_watcher_is_left_alone_too(sweep, caplog):
    """As those of ``reproduce.py``, which hold the lock of the work alone."""
    assert math.isnan(sweep.do(job_works.busy))
    assert read_note(sweep.folder(0)) is None
    assert "seed=0: another process works on it" in caplog.text


def test_a_full_disk_leaves_the_ledger_of_the_others_alone(sweep, caplog, monkeypatch):
    sweep.do(job_works.finish)
    note = read_note(sweep.folder(0))
    with monkeypatch.context() as patch:
        patch.setattr("mien.files.tempfile.mkstemp", full_disk)
        assert math.isnan(sweep.do(job_works.finish, seed=1))
    assert "No space left on device; check space and write right there" in caplog.text
    assert sweep.calls(1) == 0
    assert read_note(sweep.folder(0)) == note
    assert [entry.name for entry in entries(sweep.place / "sweeps" / "seed")] == ["seed=0"]
    assert sweep.do(job_works.finish, seed=1) == 0.75


def full_disk(**options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
