"""What ``train.py`` and ``evaluate.py`` do with a composed config: a run in this process, or a watched job of a sweep.

In a sweep nothing is raised for a job that fails: Hydra's launchers and sweepers go on, whichever they are. What
became of it stands in the ledger, and the sweep's end tells it.
"""

import logging
import os
import shlex
from collections.abc import Callable
from math import nan
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from mien.config.evaluate import EvaluateConfig
from mien.config.load import typed
from mien.config.schema import Config
from mien.console import command_line, set_up_logging
from mien.errors import ConfigError, FolderBusyError, MienError, Pruned, RunFolderError
from mien.processes import WorkFailed, supervise
from mien.runs import JOB_FILE, JOB_LOCK, owned
from mien.sweep.job import Job
from mien.sweep.ledger import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    PRUNED,
    Entry,
    Note,
    add_job,
    begun,
    fixed_keys,
    place_of,
    read_note,
    write_note,
)
from mien.sweep.names import changes_job, job_name
from mien.sweep.place import follow_sweep, own_gpus
from mien.sweep.settled import last_value, settled, written
from mien.sweep.work import watched_work, work
from mien.world import is_first_process, processes_from_outside, processes_needed

log = logging.getLogger(__name__)
Schema = type[Config] | type[EvaluateConfig]
PRELOAD = ("mien.pipeline", "mien.report.tables")


def perform(composed: DictConfig, schema: Schema, kind: str) -> float | None:
    """Do what a command asks for.

    Args:
        composed: The config.
        schema: Its schema.
        kind: train or evaluate.

    Returns:
        What the epoch was selected by, for a sweeper to optimise: ``None`` where nothing was selected, NaN where the
        job of a sweep has no result.

    Raises:
        MienError: A single run failed by something that a user can put right.
        KeyboardInterrupt: It was interrupted; the same command continues.
    """
    hydra = HydraConfig.get()
    folder, overrides = Path(os.path.relpath(hydra.runtime.output_dir)), tuple(hydra.overrides.task)
    if hydra.mode != RunMode.MULTIRUN:
        job = Job(kind, typed(composed, schema), folder, command_line(), overrides, folder.name)
        return _single(job)
    follow_sweep()
    sweep = Path(os.path.relpath(hydra.sweep.dir))
    own = tuple(text for text in overrides if changes_job(text))
    entry = Entry(job_name(overrides, fixed_keys(sweep)), folder, own)
    set_up_logging(folder / "log.txt")
    return perform_job(lambda: typed(composed, schema), kind, sweep, entry)


def perform_job(config: Callable[[], Config | EvaluateConfig], kind: str, sweep: Path, entry: Entry) -> float | None:
    """Do a job of a sweep, unless it is settled; nothing is raised where it fails.

    Args:
        config: Gives what is to be done, or raises what is wrong with it.
        kind: train or evaluate.
        sweep: The sweep's folder.
        entry: The job.

    Returns:
        As :func:`perform`.
    """
    try:
        add_job(sweep, entry)
        return _in_sweep(config, kind, sweep, entry)
    except FolderBusyError:
        log.warning("%s: another process works on it (%s); it is left to that one", entry.name, entry.folder)
    except MienError as error:
        log.error("%s failed: %s", entry.name, error)
    except Exception:
        log.exception("%s failed", entry.name)
    return nan


def _single(job: Job) -> float | None:
    """A run by itself: in this process, or in several of its own where it trains on several devices."""
    name = job.config.launcher.name
    if name != "local":
        raise ConfigError([f"launcher={name}: it places the jobs of a sweep; pass -m (--multirun) too"])
    if not is_first_process():
        return work(job)
    with owned(job.folder, JOB_LOCK):
        return _noted(job, work if _processes(job) == 1 else _supervised)


def _in_sweep(config: Callable[[], Config | EvaluateConfig], kind: str, sweep: Path, entry: Entry) -> float | None:
    """A job of a sweep: told where it is settled, else done."""
    command = shlex.join(["python", f"{kind}.py", *entry.overrides])
    if not is_first_process():  # srun or torchrun started several: the first keeps the ledger
        job = Job(kind, config(), entry.folder, command, entry.overrides, entry.name, sweep)
        done = settled(job, job.config.sweep.retry)
        return work(job) if done is None else done.value
    with owned(entry.folder, JOB_LOCK):
        try:
            given = config()
            job = Job(kind, given, entry.folder, command, entry.overrides, entry.name, sweep, given.sweep.trial)
            done = settled(job, given.sweep.retry)
        except MienError as error:
            begin = begun(entry.name, command, entry.overrides, read_note(entry.folder))
            _write(entry.folder, begin.end(FAILED, **_failure(error)))
            raise
        if done is not None:
            log.info("%s %s", place_of(sweep, entry.folder), done.told)
            if done.note is not None:
                _write(entry.folder, done.note)
            return done.value
        if given.sweep.trial is None:  # a search has told what it tries
            log.info("%s %s", place_of(sweep, entry.folder), entry.name)
        return _noted(job, work if processes_from_outside() else _supervised)


def _noted(job: Job, do: Callable[[Job], float | None]) -> float | None:
    """Do a job, and note that it is done and what becomes of it; one that was finished before keeps its note."""
    before, result = read_note(job.folder), written(job)
    begin = begun(job.name, job.command, job.overrides, before)
    write_note(job.folder, begin)
    try:
        value = do(job)
    except KeyboardInterrupt:
        _write(job.folder, begin.end(INTERRUPTED))
        raise
    except Exception as error:
        if isinstance(error, WorkFailed) and error.name == FolderBusyError.__name__:
            _restore(job.folder, before)
            raise FolderBusyError(str(error)) from error
        ended = _ended(job, begin, error)
        _write(job.folder, ended)
        if ended.state != PRUNED:
            raise
        log.info("%s: %s", job.name, error)
        return ended.value
    untouched = result is not None and result == written(job)
    kept = before is not None and before.state == FINISHED and untouched
    _write(job.folder, before if before is not None and kept else begin.end(FINISHED, value=value))
    return value


def _ended(job: Job, begin: Note, error: Exception) -> Note:
    """The note of a job that raised."""
    if isinstance(error, Pruned) or (isinstance(error, WorkFailed) and error.name == Pruned.__name__):
        return begin.end(PRUNED, value=last_value(job), error=str(error))
    if isinstance(error, WorkFailed) and error.kind == "interrupted":
        return begin.end(INTERRUPTED)
    return begin.end(FAILED, **_failure(error))


def _failure(error: Exception) -> dict[str, str]:
    """How and why a job failed, in a line: of our own messages the first, of others the last."""
    lines = [line.strip().removeprefix("- ") for line in str(error).strip().splitlines()] or [""]
    kind = error.kind if isinstance(error, WorkFailed) else "MienError" if isinstance(error, MienError) else "error"
    if kind == "MienError":
        return {"exit": kind, "error": " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]}
    return {
        "exit": kind,
        "error": lines[-1] if isinstance(error, WorkFailed) else f"{type(error).__name__}: {lines[-1]}",
    }


def _write(folder: Path, note: Note) -> None:
    """Write how a job ended; where that cannot be, the next start finds it interrupted, or its result."""
    try:
        write_note(folder, note)
    except RunFolderError as error:
        log.error("%s is %s, but %s", note.name, note.state, error)


def _restore(folder: Path, before: Note | None) -> None:
    """Take a note back: the folder is somebody's who keeps none."""
    if before is None:
        (folder / JOB_FILE).unlink(missing_ok=True)
    else:
        _write(folder, before)


def _supervised(job: Job) -> float | None:
    """Do a job in processes of its own: what ends them ends nobody else."""
    with own_gpus(job.config.launcher) as environment:
        count = _processes(job)
        return supervise(watched_work, job, processes=count, environment=environment, preload=PRELOAD)


def _processes(job: Job) -> int:
    """How many processes a job needs; the usual one is known without counting devices, for which torch is loaded."""
    if isinstance(job.config, EvaluateConfig):
        return 1
    trainer = job.config.trainer
    alone = trainer.devices == "1" and not processes_from_outside()
    return 1 if alone and trainer.num_nodes == 1 else processes_needed(trainer)
