"""The jobs of a sweep as a comparison sees them: named by what sets them apart, the best first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mien.errors import RunFolderError
from mien.results import RESULTS_FILE, RunResult

FINISHED = "finished"


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        name: The overrides that set it apart, or its backbone; the folder's name where there is no result.
        folder: Its run folder.
        status: ``finished``, ``not finished`` (no result) or ``unreadable`` (a result of another schema).
        run: Its result, ``None`` where not finished.
    """

    name: str
    folder: Path
    status: str
    run: RunResult | None

    def validation(self) -> pd.DataFrame:
        """Columns ``epoch`` and ``val_accuracy`` of the job; empty where it was not validated."""
        path = self.folder / "metrics.csv"
        columns = ["epoch", "val_accuracy"]
        metrics = pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=columns)
        return metrics[columns].dropna() if "val_accuracy" in metrics else metrics[:0]


def load_jobs(folders: Sequence[Path]) -> list[Job]:
    """Read the jobs; finished ones by falling accuracy (on photos where only that differs), then others by name."""
    loaded = [(folder, *_load(folder)) for folder in folders]
    names = _names([run for _, _, run in loaded if run is not None])
    jobs = [
        Job(_folder_name(folder) if run is None else names.pop(0), folder, status, run)
        for folder, status, run in loaded
    ]
    jobs = _distinct(jobs)
    photos = by_photos(results(jobs))
    return sorted(jobs, key=lambda job: (job.run is None, -_accuracy(job.run, photos), job.name))


def by_photos(runs: Sequence[RunResult]) -> bool:
    """Whether these are evaluations that only their scores on whole photos tell apart, as of several detectors."""
    tests = {None if run.test is None else run.test.accuracy for run in runs}
    return len(tests) == 1 and all(run.end_to_end is not None and run.seconds["fit"] == 0 for run in runs)


def _accuracy(run: RunResult | None, photos: bool) -> float:
    """What a job is ranked by; 0 where it has no such score."""
    scores = None if run is None else run.end_to_end if photos else run.test
    return 0.0 if scores is None else scores.accuracy


def results(jobs: Sequence[Job]) -> list[RunResult]:
    """The results of the finished jobs."""
    return [job.run for job in jobs if job.run is not None]


def caution(jobs: Sequence[Job]) -> str:
    """One line on what keeps these jobs from being compared, ``""`` where nothing does."""
    runs = results(jobs)
    scenes = [run.end_to_end for run in runs if run.end_to_end is not None]
    seen: dict[str, set[Any]] = {
        "data": {run.dataset["fingerprint"] for run in runs},
        "protocol": {tuple(sorted(run.protocol.items())) for run in runs},
        "scenes": {(scene.scenes, scene.n_faces, scene.fingerprint) for scene in scenes},
    }
    several = [name for name, kinds in seen.items() if len(kinds) > 1]
    return f"Not comparable: the jobs differ in {' and '.join(several)}." if several else ""


def _load(folder: Path) -> tuple[str, RunResult | None]:
    """Status and result of one folder; a sweep with a bad job still gets its table."""
    if not (folder / RESULTS_FILE).is_file():
        return "not finished", None
    try:
        return FINISHED, RunResult.load(folder)
    except RunFolderError:
        return "unreadable", None


def _names(runs: list[RunResult]) -> list[str]:
    """For each run the overrides that not all share; its backbone where none is left."""
    counts = Counter(override for run in runs for override in set(run.overrides))
    return [" ".join(o for o in run.overrides if counts[o] < len(runs)) or run.backbone for run in runs]


def _folder_name(folder: Path) -> str:
    """The folder's name, in words where it is a bare number."""
    return f"job {folder.name}" if folder.name.isdigit() else folder.name


def _distinct(jobs: list[Job]) -> list[Job]:
    """Jobs of one name get their folder's name too."""
    counts = Counter(job.name for job in jobs)
    return [
        Job(f"{job.name} ({job.folder.name})", job.folder, job.status, job.run) if counts[job.name] > 1 else job
        for job in jobs
    ]
