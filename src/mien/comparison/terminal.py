"""What a comparison says in a terminal of 80 columns."""

import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mien.comparison.cautions import cautions
from mien.comparison.compare import Comparison, Tested
from mien.comparison.conclusion import conclusion
from mien.face_results import EndToEndResult
from mien.report.tables import empty_table
from mien.report.wording import UNDEFINED, duration, interval, percent, points
from mien.results import RunResult


def print_comparison(comparison: Comparison, paths: Sequence[Path], console: Console | None = None) -> None:
    """Print the table, what can be concluded, what to beware of, and where the report is; its path stays whole."""
    console = console or Console()
    console.print(comparison_table(comparison))
    tested = comparison.tested
    if tested is not None and any(len(score.by_run) > 1 for score in tested.scores):
        console.print(model_table(tested))
    for sentence in (conclusion(comparison), *cautions(comparison)):
        console.print(Text(sentence.replace("**", "").replace("`", "")), "")
    page, *others = paths
    console.print(os.path.relpath(page), highlight=False, soft_wrap=True)
    console.print(f"beside it: {', '.join(path.name for path in others)}", highlight=False)


def comparison_table(comparison: Comparison) -> Table:
    """The runs, the most accurate first; the few columns that fit a terminal, all are in comparison.csv."""
    photos = comparison.photos
    columns = ("end to end", "95 % interval", "found", "of found", "false") if photos else CROP_COLUMNS
    table = empty_table("Comparison on whole photos" if photos else "Comparison", ("job", *columns))
    table.columns[0].overflow = "fold"
    for job in comparison.jobs:
        if job.run is None:
            cells = [UNDEFINED, job.status, *[UNDEFINED] * (len(columns) - 2)]
        elif photos and job.run.end_to_end is not None:
            cells = _photo_cells(job.run.end_to_end)
        else:
            cells = _crop_cells(job.run)
        table.add_row(Text(job.name), *cells)
    return table


def model_table(tested: Tested) -> Table:
    """Mean and spread over the trainings of every model, the most accurate first."""
    columns = ("model", "seeds", "accuracy", "sd", "95 % interval")
    table = empty_table("Mean over seeds", columns)
    table.columns[0].overflow = "fold"
    for score in tested.scores:
        sd = UNDEFINED if score.sd is None else points(score.sd)
        cells = str(len(score.by_run)), percent(score.accuracy), sd, interval(score.interval)
        table.add_row(Text(score.model.name), *cells)
    return table


CROP_COLUMNS = ("accuracy", "95 % interval", "end to end", "fit")


def _crop_cells(run: RunResult) -> list[str]:
    """What stands under :data:`CROP_COLUMNS`."""
    test, faces = run.test, run.end_to_end
    scores = [UNDEFINED, UNDEFINED] if test is None else [percent(test.accuracy), interval(test.accuracy_ci95)]
    return [*scores, percent(faces.accuracy if faces else None), duration(run.seconds["fit"])]


def _photo_cells(faces: EndToEndResult) -> list[str]:
    """Accuracy on whole photos, found faces, the right ones of these, and false faces."""
    false = UNDEFINED if faces.detection is None else f"{faces.detection.false_faces:,}"
    shares = percent(faces.detection_recall), percent(faces.accuracy_given_detection)
    return [percent(faces.accuracy), interval(faces.accuracy_ci95), *shares, false]
