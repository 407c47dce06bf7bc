"""What need not be done again: jobs that are finished, and those that failed as they would again."""

import csv
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path

from mien.config.evaluate import EvaluateConfig
from mien.results import RESULTS_FILE, RunResult
from mien.runs import METRICS_FILE, check_same_config, has_work, same_places
from mien.sweep.job import Job
from mien.sweep.ledger import FAILED, FINISHED, Note, begun, read_note


@dataclass(frozen=True)
class Settled:
    """A job that is not done now.

    Attributes:
        told: Why, in a line.
        value: What it gives to a sweeper.
        note: What the ledger should say, where it does not yet.
    """

    told: str
    value: float | None
    note: Note | None = None


def settled(job: Job, retry: bool) -> Settled | None:
    """Whether a job of a sweep is settled by what is in its folder; ``None``: it has to be done.

    Args:
        job: The job.
        retry: Do again what failed.

    Raises:
        RunFolderError: The folder holds the work of another config.
    """
    note, anew = read_note(job.folder), job.config.resume == "never"
    if has_work(job.folder):
        check_same_config(job.folder, job.config)
    if not anew and _has_result(job):
        told = f"{job.name} is finished already; resume=never does it anew"
        if note is not None and note.state == FINISHED:
            return Settled(told, note.value)
        chosen = RunResult.load(job.folder).selection
        value = None if chosen is None or job.kind == "evaluate" else chosen.value
        first = begun(job.name, job.command, job.overrides, None) if note is None else note
        return Settled(told, value, first.end(FINISHED, value=value, error=None, exit=None))
    if note is None or note.state != FAILED or retry or anew or set(note.overrides) != set(job.overrides):
        return None
    return Settled(f"{job.name} failed before: {note.error}; sweep.retry=true runs it again", nan)


def last_value(job: Job) -> float | None:
    """What a job that ended early would be selected by, as of its last epoch."""
    if isinstance(job.config, EvaluateConfig) or not (job.folder / METRICS_FILE).is_file():
        return None
    with (job.folder / METRICS_FILE).open(encoding="utf-8", newline="") as file:
        value = list(csv.DictReader(file))[-1].get(f"val_{job.config.protocol.monitor}")
    return float(value) if value and isfinite(float(value)) else None


def written(job: Job) -> int | None:
    """When a job's result was written, in ns; ``None`` where there is none."""
    result = job.folder / RESULTS_FILE
    return result.stat().st_mtime_ns if result.is_file() else None


def _has_result(job: Job) -> bool:
    """Whether a job is done, on data of the same place: the work itself looks at others; its model may not be newer."""
    done = written(job)
    if done is None or not same_places(job.folder, job.config):
        return False
    if not isinstance(job.config, EvaluateConfig):
        return True
    model = Path(job.config.run)  # a bundle, or the run folder around it
    weights = [*model.glob("*.safetensors"), *model.glob("*/*.safetensors")]
    return bool(weights) and all(file.stat().st_mtime_ns <= done for file in weights)
