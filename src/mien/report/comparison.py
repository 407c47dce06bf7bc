"""The comparison of a sweep's jobs: a table for programs, a table for readers, and a picture."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mien.files import atomic_path, write_text
from mien.report.comparison_plot import plot_comparison
from mien.report.jobs import Job, caution, load_jobs
from mien.report.wording import UNDEFINED, duration, interval, percent
from mien.results import RunResult


def compare_runs(folders: Sequence[Path]) -> pd.DataFrame:
    """One row a job, the most accurate first, unfinished ones last with empty cells.

    Columns: job, folder, status, protocol, data, fingerprint, backbone, seed, n, accuracy, accuracy_low,
    accuracy_high, macro_recall, macro_f1, ece, end_to_end_accuracy, end_to_end_low, end_to_end_high, parameters,
    epochs, fit_seconds. Accuracies are fractions.

    Args:
        folders: The jobs' run folders.
    """
    return _frame(load_jobs(folders))


def write_comparison(sweep_folder: Path, folders: Sequence[Path]) -> list[Path]:
    """Write comparison.csv, comparison.md and comparison.png into the sweep's folder.

    Args:
        sweep_folder: Where to write.
        folders: The jobs' run folders.

    Returns:
        The three files.

    Raises:
        RunFolderError: The folder cannot be written to, or the disk is full.
    """
    jobs = load_jobs(folders)
    table, page, picture = (sweep_folder / f"comparison.{suffix}" for suffix in ("csv", "md", "png"))
    with atomic_path(table) as temporary:
        _frame(jobs).to_csv(temporary, index=False)
    plot_comparison(jobs, picture)
    write_text(page, _markdown(jobs, picture.name))
    return [table, page, picture]


def _frame(jobs: Sequence[Job]) -> pd.DataFrame:
    """The jobs as a table; whole numbers stay whole beside empty cells."""
    frame = pd.DataFrame([_row(job) for job in jobs])
    whole = ["seed", "n", "parameters", "epochs"]
    return frame.astype(dict.fromkeys(whole, "Int64"))


def _row(job: Job) -> dict[str, str | float | None]:
    """One job's values."""
    start: dict[str, str | float | None] = {"job": job.name, "folder": job.folder.name, "status": job.status}
    if job.run is None:
        return start | dict.fromkeys(VALUES)
    return start | dict(zip(VALUES, _values(job.run), strict=True))


VALUES = (
    "protocol", "data", "fingerprint", "backbone", "seed",
    "n", "accuracy", "accuracy_low", "accuracy_high", "macro_recall", "macro_f1", "ece",
    "end_to_end_accuracy", "end_to_end_low", "end_to_end_high",
    "parameters", "epochs", "fit_seconds",
)  # fmt: skip


def _values(run: RunResult) -> tuple[str | float | None, ...]:
    """What stands under :data:`VALUES` for a finished run."""
    test, faces = run.test, run.end_to_end
    return (
        run.protocol["name"], _data(run), run.dataset["fingerprint"], run.backbone, run.seed,
        test.n, test.accuracy, *test.accuracy_ci95, test.macro_recall, test.macro_f1, test.ece,
        *((None, None, None) if faces is None else (faces.accuracy, *faces.accuracy_ci95)),
        run.parameters, run.epochs, run.seconds["fit"],
    )  # fmt: skip


def _data(run: RunResult) -> str:
    """Name and version of the data."""
    return f"{run.dataset['name']} {run.dataset['version']}".strip()


COLUMNS = (
    "job", "accuracy", "95 % interval", "macro recall", "macro F1", "ECE", "end to end",
    "n", "parameters", "epochs", "fit", "protocol", "data", "folder",
)  # fmt: skip


def _markdown(jobs: Sequence[Job], picture: str) -> str:
    """The page for readers."""
    lines = ["# Comparison", "", f"![Accuracy of the jobs]({picture})", ""]
    if caution(jobs):
        lines += [f"**{caution(jobs)}**", ""]
    lines += [_line(COLUMNS), "| --- |" + " ---: |" * (len(COLUMNS) - 4) + " --- | --- | --- |"]
    lines += [_line(_cells(job)) for job in jobs]
    return "\n".join([*lines, "", NOTE, ""])


NOTE = (
    "Accuracy is on test crops, with Wilson's interval; end to end is on whole photos, where a missed face counts as "
    "wrong. Macro values are means over the classes present; ECE is the expected calibration error; fit is the wall "
    "time of training."
)


def _cells(job: Job) -> tuple[str, ...]:
    """One job's words; an unfinished one has its status in the place of the accuracy."""
    name = f"`{job.name}`".replace("|", "\\|")
    if job.run is None:
        return (name, job.status, *[UNDEFINED] * (len(COLUMNS) - 3), job.folder.name)
    run, test = job.run, job.run.test
    end_to_end = None if run.end_to_end is None else run.end_to_end.accuracy
    others = [percent(value) for value in (test.macro_recall, test.macro_f1, test.ece, end_to_end)]
    numbers = f"{test.n:,}", f"{run.parameters:,}", str(run.epochs), duration(run.seconds["fit"])
    words = run.protocol["name"], _data(run), job.folder.name
    return name, percent(test.accuracy), interval(test.accuracy_ci95), *others, *numbers, *words


def _line(cells: Sequence[str]) -> str:
    """A table row in Markdown."""
    return "| " + " | ".join(cells) + " |"
