"""The ledger: ``sweep.json`` names a sweep's jobs, and ``job.json`` in a run folder says what became of the job.

Every ``job.json`` has one writer at a time, the process that watches the job and holds ``.job.lock``; files are
replaced whole. So a process that is killed at any time leaves a ledger that can be read, and a lock that is free.
"""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from mien.errors import RunFolderError
from mien.files import read_json, write_json
from mien.results import RESULTS_FILE
from mien.runs import CONFIG_FILE, JOB_FILE, JOB_LOCK, SWEEP_FILE, is_busy, owned

QUEUED, RUNNING, FINISHED = "queued", "running", "finished"
FAILED, INTERRUPTED, PRUNED = "failed", "interrupted", "pruned"
SWEEP_LOCK, _LISTS = ".lock", ".sweep.lock"


@dataclass(frozen=True)
class Entry:
    """A job as its sweep knows it.

    Attributes:
        name: The values of the keys that the sweep moves, such as ``backbone=vgg19 seed=1``.
        folder: Its run folder.
        overrides: All its overrides.
    """

    name: str
    folder: Path
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Note:
    """What became of a job; the content of ``job.json``. Times are ISO 8601, UTC.

    Attributes:
        state: running, finished, failed, interrupted or pruned.
        name: As in :class:`Entry`.
        command: The command line that does the job alone.
        overrides: Its overrides.
        host: Where it was started last.
        pid: The process that watched it there.
        started: When.
        ended: When that ended; ``None`` while it runs, and where it was killed.
        attempts: How often it was started.
        value: What its epoch was selected by; ``None`` where nothing was selected, or it is not finished.
        error: The last line of what went wrong, else ``None``.
        exit: How it failed: ``MienError``, ``error``, ``killed``; else ``None``.
    """

    state: str
    name: str
    command: str
    overrides: tuple[str, ...]
    host: str
    pid: int
    started: str
    ended: str | None = None
    attempts: int = 1
    value: float | None = None
    error: str | None = None
    exit: str | None = None

    def end(self, state: str, **facts: Any) -> "Note":
        """The note of a job that has ended."""
        return replace(self, state=state, ended=now(), **facts)


def now() -> str:
    """The time, as notes have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def begun(name: str, command: str, overrides: Sequence[str], before: Note | None) -> Note:
    """The note of a job that starts now, in this process."""
    attempts = 1 if before is None else before.attempts + 1
    return Note(RUNNING, name, command, tuple(overrides), socket.gethostname(), os.getpid(), now(), attempts=attempts)


def read_note(folder: Path) -> Note | None:
    """The note in a run folder; ``None`` where there is none that can be read."""
    values = _read(folder / JOB_FILE)
    try:
        return None if values is None else Note(**values | {"overrides": tuple(values["overrides"])})
    except (TypeError, KeyError):  # of another version
        return None


def write_note(folder: Path, note: Note) -> None:
    """Write ``job.json``.

    Raises:
        RunFolderError: The folder cannot be written to, or the disk is full.
    """
    write_json(folder / JOB_FILE, asdict(note))


def state_of(folder: Path) -> str:
    """What has become of a job: queued, running, finished, failed, interrupted or pruned.

    A job that no process watches any more is not running, whatever its note says; one that was trained before there
    were notes is finished where it has a result.
    """
    note = read_note(folder)
    if note is not None and note.state not in (RUNNING, INTERRUPTED, FINISHED):
        return note.state
    if (note is None or note.state == RUNNING) and (is_busy(folder, JOB_LOCK) or is_busy(folder)):
        return RUNNING
    if (folder / RESULTS_FILE).is_file():
        return FINISHED
    return QUEUED if note is None and not (folder / CONFIG_FILE).is_file() else INTERRUPTED


def entries(sweep: Path) -> list[Entry]:
    """The jobs of a sweep, in their order; none where there is no ledger."""
    return [_entry(sweep, values) for values in (_read(sweep / SWEEP_FILE) or {"jobs": []})["jobs"]]


def begin_sweep(sweep: Path, command: str, fixed: Sequence[str], jobs: Sequence[Entry]) -> None:
    """Note who sweeps here now, and add his jobs to those that are known.

    Args:
        sweep: The sweep's folder.
        command: The command line.
        fixed: The keys that the sweep does not move.
        jobs: What is known to be run; a search adds its jobs one by one.

    Raises:
        RunFolderError: The folder cannot be written to, or the disk is full.
    """
    who = {"command": command, "host": socket.gethostname(), "pid": os.getpid(), "started": now()}
    with _listed(sweep) as content:
        _add(sweep, content, jobs)
        content.update(who, fixed=list(fixed), complete=bool(jobs))


def add_job(sweep: Path, entry: Entry) -> None:
    """Add a job to a sweep that does not know it yet."""
    if entry.folder in {known.folder for known in entries(sweep)}:
        return
    with _listed(sweep) as content:
        _add(sweep, content, [entry])


def place_of(sweep: Path, folder: Path) -> str:
    """Which of a sweep's jobs has a folder: ``[3/20]``; ``[3]`` where there are jobs that it does not know yet."""
    content = _read(sweep / SWEEP_FILE) or {"jobs": []}
    folders = [_entry(sweep, values).folder for values in content["jobs"]]
    of = f"/{len(folders)}" if content.get("complete") else ""
    return f"[{folders.index(folder) + 1}{of}]"


def holder(sweep: Path) -> str:
    """Who sweeps in a folder: ``process 17 on host``."""
    content = _read(sweep / SWEEP_FILE) or {}
    return f"process {content['pid']} on {content['host']}" if "pid" in content else "another process"


def fixed_keys(sweep: Path) -> set[str]:
    """The keys that a sweep does not move."""
    return set((_read(sweep / SWEEP_FILE) or {}).get("fixed", ()))


@contextmanager
def _listed(sweep: Path) -> Iterator[dict[str, Any]]:
    """The content of ``sweep.json``, to be changed by one process at a time."""
    with owned(sweep, _LISTS):
        content = _read(sweep / SWEEP_FILE) or {"jobs": []}
        yield content
        write_json(sweep / SWEEP_FILE, content)


def _add(sweep: Path, content: dict[str, Any], jobs: Sequence[Entry]) -> None:
    known = {_entry(sweep, values).folder for values in content["jobs"]}
    for job in jobs:
        if job.folder not in known:
            known.add(job.folder)
            folder = os.path.relpath(job.folder, sweep)
            content["jobs"].append({"name": job.name, "folder": folder, "overrides": list(job.overrides)})


def _entry(sweep: Path, values: dict[str, Any]) -> Entry:
    return Entry(values["name"], Path(os.path.normpath(sweep / values["folder"])), tuple(values["overrides"]))


def _read(file: Path) -> dict[str, Any] | None:
    """A file of the ledger; ``None`` where there is none.

    Raises:
        RunFolderError: It is damaged, which no process of mien does, or cannot be read.
    """
    try:
        values = read_json(file)
    except FileNotFoundError:
        return None
    except (OSError, JSONDecodeError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{file}: cannot be read ({error}); remove it: the jobs' results stay") from error
    return values if isinstance(values, dict) else None
