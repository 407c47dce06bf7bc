"""The runs of a comparison: named by what sets them apart, the best first."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from mien.errors import ComparisonError, RunFolderError
from mien.files import read_json
from mien.results import RESULTS_FILE, RunResult
from mien.runs import CONFIG_FILE, JOB_FILE, METRICS_FILE, STUDY_FILE, SWEEP_FILE, changes_result

FINISHED = "finished"
_SHOWN = 4


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        name: The overrides that set it apart, or its backbone; the folder's name where there is no result.
        folder: Its run folder.
        status: ``finished``, ``not finished`` (no result) or ``unreadable`` (a damaged result, or one of
            another schema).
        run: Its result, ``None`` where not finished.
        given: The name that was asked for, ``""`` where none was.
    """

    name: str
    folder: Path
    status: str
    run: RunResult | None
    given: str = ""

    @property
    def result(self) -> RunResult:
        """The result of a finished run.

        Raises:
            ValueError: It is not finished.
        """
        if self.run is None:
            raise ValueError(f"{self.folder}: expected a finished run")
        return self.run

    @property
    def evaluation(self) -> bool:
        """Whether a finished model was scored here, and not trained."""
        return self.result.seconds["fit"] == 0

    def validation(self) -> pd.DataFrame | None:
        """Columns ``epoch`` and ``val_accuracy``; empty where it was not validated, ``None`` where they are damaged."""
        path, columns = self.folder / METRICS_FILE, ["epoch", "val_accuracy"]
        if not path.is_file():
            return pd.DataFrame(columns=columns)
        try:
            metrics = pd.read_csv(path)
            return metrics[columns].astype(float).dropna() if "val_accuracy" in metrics else metrics[:0]
        except (OSError, ValueError, KeyError):  # ValueError: no table, or no numbers
            return None


def sweep_folders(sweep: Path) -> list[Path]:
    """The run folders of a sweep's jobs that were started, unfinished ones too; by the ledger, where there is one.

    Raises:
        ComparisonError: There are none, or they are the trials of a search.
    """
    if (sweep / STUDY_FILE).is_file():
        raise ComparisonError(
            f"sweep={sweep}: expected a sweep, got a search, whose trials are compared on validation alone: see "
            "trials.csv there; after a comparison on test, the best of them would be chosen by it"
        )
    folders = sorted(path.parent for path in sweep.glob(f"*/{CONFIG_FILE}"))
    if (sweep / SWEEP_FILE).is_file():
        jobs = (Path(os.path.normpath(sweep / job["folder"])) for job in read_json(sweep / SWEEP_FILE)["jobs"])
        folders = [job for job in jobs if (job / JOB_FILE).is_file() or (job / CONFIG_FILE).is_file()]
    if folders:
        return folders
    found = "a run itself: pass runs=[<run>,...]" if (sweep / CONFIG_FILE).is_file() else "no such folder"
    if sweep.is_dir() and not (sweep / CONFIG_FILE).is_file():
        found = "none in it: is it the folder of one sweep, such as outputs/sweeps/<name>?"
    raise ComparisonError(f"sweep={sweep}: expected a folder of runs (<job>/{CONFIG_FILE}), got {found}")


def named_folders(runs: Sequence[Path]) -> list[Path]:
    """Check that these are finished runs, each named once.

    Raises:
        ComparisonError: Some are not; all are named, with what they lack.
    """
    problems = [problem for folder in runs if (problem := _lack(folder))]
    twice = [str(folder) for folder, count in Counter(folder.resolve() for folder in runs).items() if count > 1]
    problems += [f"{folder}: stands twice in runs" for folder in twice]
    if problems:
        raise ComparisonError("\n".join(["runs: expected finished runs, each once, got", *problems]))
    return list(runs)


def _lack(folder: Path) -> str:
    """What keeps a folder from being a finished run, ``""`` where nothing does."""
    if not folder.is_dir():
        return f"  - {folder}: no such folder"
    if (folder / RESULTS_FILE).is_file():
        return _damage(folder)
    if (folder / CONFIG_FILE).is_file():
        return f"  - {folder}: no {RESULTS_FILE}: the run is not finished; its own command continues it"
    kind = " (a sweep? pass sweep=<folder>)" if list(folder.glob(f"*/{CONFIG_FILE}")) else ""
    return f"  - {folder}: neither {CONFIG_FILE} nor {RESULTS_FILE}, so it is no run{kind}"


def _damage(folder: Path) -> str:
    """Why a result cannot be read, ``""`` where it can."""
    try:
        RunResult.load(folder)
    except RunFolderError as error:
        return f"  - {error}"
    return ""


def load_jobs(folders: Sequence[Path], given: Sequence[str] = ()) -> list[Job]:
    """Read the runs; finished ones by falling accuracy (on photos where only that differs), then others by name.

    Args:
        folders: Their folders.
        given: A name for each, or none: what sets them apart.
    """
    loaded = [(folder, *_load(folder)) for folder in folders]
    names = override_names([run for _, _, run in loaded if run is not None])
    jobs = [
        Job(_folder_name(folder) if run is None else names.pop(0), folder, status, run)
        for folder, status, run in loaded
    ]
    if given:
        jobs = [replace(job, name=name, given=name) for job, name in zip(jobs, given, strict=True)]
    own = distinct([job.name for job in jobs], folders)
    jobs = [replace(job, name=name) for job, name in zip(jobs, own, strict=True)]
    photos = by_photos(results(jobs))
    return sorted(jobs, key=lambda job: (job.run is None, -_accuracy(job.run, photos), job.name))


def by_photos(runs: Sequence[RunResult]) -> bool:
    """Whether these are evaluations that only their scores on whole photos tell apart, as of several detectors.

    So it is where nothing else was scored, or all are of one model, and of one score on one set of test images.
    """
    if not all(run.end_to_end is not None and run.seconds["fit"] == 0 for run in runs):
        return False
    tests = {
        (run.model, run.backbone, run.seed, run.dataset["fingerprint"], run.test.accuracy)
        for run in runs
        if run.test is not None
    }
    if not tests:
        return bool(runs)
    return len(runs) > 1 and len(tests) == 1 and all(run.test is not None for run in runs)


def _accuracy(run: RunResult | None, photos: bool) -> float:
    """What a run is ranked by; 0 where it has no such score."""
    scores = None if run is None else run.end_to_end if photos else run.test
    return 0.0 if scores is None else scores.accuracy


def code(name: str) -> str:
    """A name as code in a document; a backtick in it, which would end the code, becomes an apostrophe."""
    return "`" + name.replace("`", "'") + "`"


def names(jobs: Sequence[Job]) -> str:
    """The names of some runs, the first few of many."""
    shown = ", ".join(code(job.name) for job in jobs[:_SHOWN])
    return shown + (f" and {len(jobs) - _SHOWN} more" if len(jobs) > _SHOWN else "")


def results(jobs: Sequence[Job]) -> list[RunResult]:
    """The results of the finished runs."""
    return [job.run for job in jobs if job.run is not None]


def _load(folder: Path) -> tuple[str, RunResult | None]:
    """Status and result of one folder; a sweep with a bad job still gets its table."""
    if not (folder / RESULTS_FILE).is_file():
        return "not finished", None
    try:
        return FINISHED, RunResult.load(folder)
    except RunFolderError:
        return "unreadable", None


def override_names(runs: Sequence[RunResult], leave_out: str = "") -> list[str]:
    """For each run the overrides that not all share and that change its result; its backbone where none is left.

    Args:
        runs: The runs.
        leave_out: A key that does not count either.
    """
    own = [[text for text in run.overrides if _tells(text, leave_out)] for run in runs]
    shared = Counter(text for texts in own for text in set(texts))
    return [
        " ".join(text for text in texts if shared[text] < len(runs)) or run.backbone
        for texts, run in zip(own, runs, strict=True)
    ]


def _tells(override: str, leave_out: str) -> bool:
    key = override.split("=", 1)[0].lstrip("+~")
    return key != leave_out and changes_result(key)


def _folder_name(folder: Path) -> str:
    """A job's name in its ledger, else its folder's, in words where that is a bare number."""
    if (folder / JOB_FILE).is_file():
        return str(read_json(folder / JOB_FILE).get("name", folder.name))
    return f"job {folder.name}" if folder.name.isdigit() else folder.name


def distinct(names: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """Names of which several are equal get their folder's name too, or its path where that is equal as well."""
    counts = Counter(names)
    tried = list(names)
    for places in ([folder.name for folder in folders], list(map(str, folders))):
        if len(set(tried)) == len(tried):
            break
        tried = [f"{name} ({place})" if counts[name] > 1 else name for name, place in zip(names, places, strict=True)]
    return tried
