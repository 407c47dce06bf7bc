"""How a sweep stands, read from its files: states, progress, time left, scores. Nothing is loaded that takes time."""

import csv
import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from mien.errors import RunFolderError
from mien.files import read_json, read_yaml
from mien.results import RESULTS_FILE
from mien.runs import CONFIG_FILE, JOB_FILE, METRICS_FILE, STUDY_FILE, SWEEP_FILE, is_busy
from mien.sweep.ledger import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    QUEUED,
    RUNNING,
    SWEEP_LOCK,
    Entry,
    Note,
    entries,
    read_note,
    state_of,
)

_RECENT = 5
"""Epochs that tell how fast a job runs now."""


@dataclass(frozen=True)
class Row:
    """How a job stands.

    Attributes:
        name: What tells it from the others.
        state: One of those of :mod:`mien.sweep.ledger`.
        epoch: Epochs that are done; ``None`` for an evaluation.
        epochs: Those of the whole training; ``None`` where that is not known yet.
        rate: Seconds an epoch, the mean of the last few; ``None`` where none is done.
        left: Seconds of training that are left; ``None`` where that cannot be told.
        took: Seconds from start to end of a finished job that was started once; else ``None``.
        split: The split that its epoch was selected on.
        monitor: What it was selected by: accuracy, macro_recall or loss.
        selected: The value of that.
        test: Accuracy on the reported split, or on whole photos where there is no other.
        error: The last line of what went wrong.
    """

    name: str
    state: str
    epoch: int | None = None
    epochs: int | None = None
    rate: float | None = None
    left: float | None = None
    took: float | None = None
    split: str | None = None
    monitor: str | None = None
    selected: float | None = None
    test: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Status:
    """How a sweep stands.

    Attributes:
        folder: Its folder.
        rows: Its jobs, in their order.
        active: Whether a process works on it.
    """

    folder: Path
    rows: tuple[Row, ...]
    active: bool

    def left(self) -> float | None:
        """Seconds until all is done, if as many jobs run at a time as now; ``None`` where that cannot be told.

        A job that has not begun takes as long as the others did, in the mean.
        """
        running = [row for row in self.rows if row.state == RUNNING]
        waiting = sum(row.state in (QUEUED, INTERRUPTED) for row in self.rows)
        known = [row.took for row in self.rows if row.took is not None]
        known += [row.rate * row.epochs for row in running if row.rate is not None and row.epochs is not None]
        if not running or not known:
            return None
        whole = sum(known) / len(known)
        rest = [whole if row.left is None else row.left for row in running]
        return max(*rest, (sum(rest) + waiting * whole) / len(running))


def status_of(folder: Path) -> Status:
    """How a sweep, or a single run, stands.

    Raises:
        RunFolderError: The folder is neither; the sweeps beside it are named.
    """
    if (folder / SWEEP_FILE).is_file():
        rows = tuple(_row(entry) for entry in entries(folder))
        if (folder / STUDY_FILE).is_file():  # who sees the test scores of all trials chooses by them
            rows = tuple(replace(row, test=None) for row in rows)
    elif (folder / JOB_FILE).is_file() or (folder / CONFIG_FILE).is_file():
        note = read_note(folder)
        rows = (_row(Entry(folder.resolve().name if note is None else note.name, folder, ())),)
    else:
        raise RunFolderError(_no_sweep(folder))
    active = any(row.state == RUNNING for row in rows) or is_busy(folder, SWEEP_LOCK)
    return Status(folder, rows, active)


def _row(entry: Entry) -> Row:
    state, note, folder = state_of(entry.folder), read_note(entry.folder), entry.folder
    if state == QUEUED:
        return Row(entry.name, state)
    if state == FINISHED:
        return Row(entry.name, state, took=_took(note), **_scores(folder))
    epoch, rate = _progress(folder)
    epochs = _epochs(folder)
    left = None if rate is None or epochs is None else rate * max(epochs - epoch, 0)
    return Row(
        entry.name,
        state,
        epoch=None if epochs is None else epoch,
        epochs=epochs,
        rate=rate if state == RUNNING else None,
        left=left if state == RUNNING else None,
        error=note.error if note is not None and state == FAILED else None,
    )


def _took(note: Note | None) -> float | None:
    if note is None or note.ended is None or note.attempts > 1:
        return None
    return (datetime.fromisoformat(note.ended) - datetime.fromisoformat(note.started)).total_seconds()


def _progress(folder: Path) -> tuple[int, float | None]:
    """Epochs that are done, and seconds an epoch."""
    try:
        with (folder / METRICS_FILE).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        recent = [float(row["seconds"]) for row in rows[-_RECENT:]]
    except (OSError, ValueError, KeyError):
        return 0, None
    return len(rows), sum(recent) / len(recent) if recent else None


def _epochs(folder: Path) -> int | None:
    """Epochs of the whole training; ``None`` for an evaluation, and before its config is written."""
    try:
        return int(read_yaml(folder / CONFIG_FILE)["trainer"]["max_epochs"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError):
        return None


def _scores(folder: Path) -> dict[str, Any]:
    """What the epoch was selected by, and the test accuracy; the fields of a :class:`Row`."""
    try:
        result = read_json(folder / RESULTS_FILE)
        tested, chosen = result["test"] or result["end_to_end"], result["selection"]
        scores: dict[str, Any] = {"test": tested["accuracy"]} if tested else {}
        if chosen and result["seconds"]["fit"] > 0:
            scores |= {"split": chosen["split"], "monitor": chosen["monitor"], "selected": chosen["value"]}
        return scores
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _no_sweep(folder: Path) -> str:
    """What is wrong with a folder, and the sweeps that may have been meant."""
    found = "neither the folder of a sweep nor of a run" if folder.is_dir() else "no such folder"
    near = sorted(
        {path.parent for place in (folder, folder.parent, folder / "sweeps") for path in place.glob(f"*/{SWEEP_FILE}")}
    )
    shown = "".join(f"\n  {os.path.relpath(path)}" for path in near[:10])
    hint = f"; the sweeps near it are{shown}" if near else "; a sweep's folder is outputs/sweeps/<name>"
    return f"{folder}: {found} (expected {SWEEP_FILE} in it){hint}"
