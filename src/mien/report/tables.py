"""The tables that end a run, for a terminal of 80 columns."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from mien.report.jobs import caution, load_jobs
from mien.report.wording import UNDEFINED, duration, interval, percent
from mien.results import RESULTS_FILE, EndToEndResult, EvalResult, RunResult


def per_class_table(result: EvalResult) -> Table:
    """Recall, precision, F1 and support of every class; below them the means over the classes present."""
    table = _table(f"Test, {result.n:,} samples", ("class", "recall", "precision", "F1", "support"))
    for score in result.per_class:
        table.add_row(
            Text(score.label), percent(score.recall), percent(score.precision), percent(score.f1), f"{score.support:,}"
        )
    table.add_section()
    table.add_row("mean of classes", percent(result.macro_recall), "", percent(result.macro_f1), f"{result.n:,}")
    table.caption = Text.assemble(
        (f"accuracy {percent(result.accuracy)}", "bold"),
        f", 95 % interval {interval(result.accuracy_ci95)}\nexpected calibration error {percent(result.ece)}",
    )
    return table


def end_to_end_table(result: EndToEndResult) -> Table:
    """Of every class: the faces in the photos, those found, and those rightly labelled, of the found and of all."""
    table = _table(
        f"End to end, {result.n_faces:,} faces in whole photos ({result.scenes}, {result.detector})",
        ("class", "faces", "found", "right of found", "right of all"),
    )
    for score in result.per_class:
        table.add_row(
            Text(score.label),
            f"{score.support:,}",
            percent(score.detection_recall),
            percent(score.accuracy_given_detection),
            percent(score.accuracy),
        )
    table.add_section()
    table.add_row(
        "all faces",
        f"{result.n_faces:,}",
        percent(result.detection_recall),
        percent(result.accuracy_given_detection),
        percent(result.accuracy),
    )
    table.caption = Text.assemble(
        (f"end-to-end accuracy {percent(result.accuracy)}", "bold"),
        f", 95 % interval {interval(result.accuracy_ci95)}\na missed face counts as wrong",
    )
    return table


def summary(run: RunResult, folder: Path, plots: list[Path]) -> RenderableType:
    """What a user sees when a run ends: what was trained, its scores, and where everything lies.

    Args:
        run: The run's result.
        folder: The run folder.
        plots: The pictures that were made.
    """
    parts: list[RenderableType] = ["", _lines(_heading(run)), "", per_class_table(run.test)]
    if run.end_to_end is not None:
        parts += ["", end_to_end_table(run.end_to_end)]
    names = [RESULTS_FILE, *(str(plot.relative_to(folder)) for plot in plots)]
    heading = Text(f"Files in {folder}", style="bold", no_wrap=True, overflow="ignore")
    return Group(*parts, "", heading, _lines([f"  {name}" for name in names]), "")


def print_summary(run: RunResult, folder: Path, plots: list[Path], console: Console | None = None) -> None:
    """Print :func:`summary`; paths wider than the terminal stay whole."""
    (console or Console()).print(summary(run, folder, plots), crop=False)


def comparison_table(folders: Sequence[Path]) -> Table:
    """The jobs of a sweep, the most accurate first; the few columns that fit a terminal, all are in comparison.csv."""
    jobs = load_jobs(folders)
    table = _table("Comparison", ("job", "accuracy", "95 % interval", "end to end", "fit"))
    table.columns[0].overflow = "fold"
    for job in jobs:
        if job.run is None:
            table.add_row(Text(job.name), UNDEFINED, job.status, UNDEFINED, UNDEFINED)
            continue
        test, faces = job.run.test, job.run.end_to_end
        scores = percent(test.accuracy), interval(test.accuracy_ci95), percent(faces.accuracy if faces else None)
        table.add_row(Text(job.name), *scores, duration(job.run.seconds["fit"]))
    table.caption = Text(caution(jobs), style="bold")
    return table


def _heading(run: RunResult) -> list[str]:
    """Model, data, effort and protocol, in two lines."""
    data = " ".join(part for part in (run.dataset["name"], run.dataset["version"]) if part)
    epochs = "1 epoch" if run.epochs == 1 else f"{run.epochs} epochs"
    if run.seconds["fit"]:  # 0 where a finished model was only scored
        epochs += f" in {duration(run.seconds['fit'])}"
    return [
        f"{run.backbone} ({run.parameters:,} parameters) on {data}",
        f"protocol {run.protocol['name']}, {epochs}, seed {run.seed}",
    ]


def _lines(lines: list[str]) -> Text:
    """Lines that are never broken nor cut, so that a path can be copied whole."""
    return Text("\n".join(lines), no_wrap=True, overflow="ignore")


def _table(title: str, columns: tuple[str, ...]) -> Table:
    """An empty table of the house's form: names left, numbers right."""
    table = Table(
        title=title,
        box=box.SIMPLE_HEAD,
        min_width=64,
        title_style="bold",
        title_justify="left",
        caption_style="",
        caption_justify="left",
        header_style="",
    )
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=number > 0)
    return table
