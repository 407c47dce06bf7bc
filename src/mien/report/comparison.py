"""The comparison of a sweep's jobs: a table for programs, a table for readers, and a picture."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from mien.files import atomic_path, write_text
from mien.report.comparison_plot import plot_comparison
from mien.report.jobs import Job, by_photos, caution, load_jobs, results
from mien.report.wording import UNDEFINED, duration, interval, percent, points
from mien.results import EndToEndResult, RunResult


def compare_runs(folders: Sequence[Path]) -> pd.DataFrame:
    """One row a job, the most accurate first, unfinished ones last with empty cells.

    Columns: job, folder, status, protocol, data, fingerprint, backbone, seed, n, accuracy, accuracy_low,
    accuracy_high, macro_recall, macro_f1, ece, scenes, detector, end_to_end_accuracy, end_to_end_low, end_to_end_high,
    detection_recall, accuracy_given_detection, detection_precision, average_precision, false_faces, gap, parameters,
    epochs, fit_seconds. Accuracies are fractions; what a job was not scored on is empty.

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
    whole = ["seed", "n", "false_faces", "parameters", "epochs"]
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
    "scenes", "detector", "end_to_end_accuracy", "end_to_end_low", "end_to_end_high",
    "detection_recall", "accuracy_given_detection", "detection_precision", "average_precision", "false_faces", "gap",
    "parameters", "epochs", "fit_seconds",
)  # fmt: skip


def _values(run: RunResult) -> tuple[str | float | None, ...]:
    """What stands under :data:`VALUES` for a finished run."""
    test = run.test
    crops: tuple[float | None, ...] = (None,) * 7
    if test is not None:
        crops = (test.n, test.accuracy, *test.accuracy_ci95, test.macro_recall, test.macro_f1, test.ece)
    return (
        *(run.protocol["name"], _data(run), run.dataset["fingerprint"], run.backbone, run.seed),
        *crops,
        *_photo_values(run.end_to_end),
        *(run.parameters, run.epochs, run.seconds["fit"]),
    )


def _photo_values(faces: EndToEndResult | None) -> tuple[str | float | None, ...]:
    """From ``scenes`` to ``gap`` of :data:`VALUES`."""
    if faces is None:
        return (None,) * 11
    alone = faces.detection
    return (
        *(faces.scenes, faces.detector, faces.accuracy, *faces.accuracy_ci95),
        *(faces.detection_recall, faces.accuracy_given_detection),
        *((None,) * 3 if alone is None else (alone.precision, alone.average_precision, alone.false_faces)),
        None if faces.gap is None else faces.gap.gap,
    )


def _data(run: RunResult) -> str:
    """Name and version of the data."""
    return f"{run.dataset['name']} {run.dataset['version']}".strip()


Column = tuple[str, Callable[[RunResult], str]]

ON_CROPS: tuple[Column, ...] = (
    ("accuracy", lambda run: percent(run.test.accuracy if run.test else None)),
    ("95 % interval", lambda run: interval(run.test.accuracy_ci95) if run.test else UNDEFINED),
    ("macro recall", lambda run: percent(run.test.macro_recall if run.test else None)),
    ("macro F1", lambda run: percent(run.test.macro_f1 if run.test else None)),
    ("ECE", lambda run: percent(run.test.ece if run.test else None)),
    ("end to end", lambda run: percent(run.end_to_end.accuracy if run.end_to_end else None)),
    ("n", lambda run: f"{run.test.n:,}" if run.test else UNDEFINED),
    ("parameters", lambda run: f"{run.parameters:,}"),
    ("epochs", lambda run: str(run.epochs)),
    ("fit", lambda run: duration(run.seconds["fit"])),
    ("protocol", lambda run: str(run.protocol["name"])),
    ("data", _data),
)
"""The columns of the page, between the job's name and its folder."""

ON_PHOTOS: tuple[tuple[str, Callable[[EndToEndResult], str]], ...] = (
    ("end to end", lambda faces: percent(faces.accuracy)),
    ("95 % interval", lambda faces: interval(faces.accuracy_ci95)),
    ("found", lambda faces: percent(faces.detection_recall)),
    ("right of found", lambda faces: percent(faces.accuracy_given_detection)),
    ("precision", lambda faces: percent(faces.detection.precision if faces.detection else None)),
    ("average precision", lambda faces: percent(faces.detection.average_precision if faces.detection else None)),
    ("false faces", lambda faces: f"{faces.detection.false_faces:,}" if faces.detection else UNDEFINED),
    ("gap to crops", lambda faces: points(faces.gap.gap) if faces.gap else UNDEFINED),
    ("faces", lambda faces: f"{faces.n_faces:,}"),
    ("scenes", lambda faces: faces.scenes),
    ("detector", lambda faces: faces.detector),
)
"""The same for evaluations that only whole photos tell apart."""


def _columns(jobs: Sequence[Job]) -> tuple[Column, ...]:
    if not by_photos(results(jobs)):
        return ON_CROPS
    return tuple((name, _of_faces(words)) for name, words in ON_PHOTOS)


def _of_faces(words: Callable[[EndToEndResult], str]) -> Callable[[RunResult], str]:
    return lambda run: UNDEFINED if run.end_to_end is None else words(run.end_to_end)


def _markdown(jobs: Sequence[Job], picture: str) -> str:
    """The page for readers."""
    columns = _columns(jobs)
    lines = ["# Comparison", "", f"![Accuracy of the jobs]({picture})", ""]
    if caution(jobs):
        lines += [f"**{caution(jobs)}**", ""]
    lines.append(_line(["job", *(name for name, _ in columns), "folder"]))
    lines.append("| --- |" + " ---: |" * (len(columns) - 2) + " --- | --- | --- |")
    lines += [_line(_cells(job, columns)) for job in jobs]
    return "\n".join([*lines, "", NOTE, ""])


NOTE = (
    "Accuracy is on test crops, with Wilson's interval; end to end is on whole photos, where a missed face counts as "
    "wrong. Macro values are means over the classes present; ECE is the expected calibration error; fit is the wall "
    "time of training. The gap is the accuracy on crops minus that on whole photos; precision and false faces are the "
    "detector's, where all faces of the photos are known."
)


def _cells(job: Job, columns: Sequence[Column]) -> list[str]:
    """One job's words; an unfinished one has its status in the place of the accuracy."""
    name = f"`{job.name}`".replace("|", "\\|")
    if job.run is None:
        return [name, job.status, *[UNDEFINED] * (len(columns) - 1), job.folder.name]
    run = job.run
    return [name, *(words(run) for _, words in columns), job.folder.name]


def _line(cells: Sequence[str]) -> str:
    """A table row in Markdown."""
    return "| " + " | ".join(cells) + " |"
