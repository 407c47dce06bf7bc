"""The tables that end a run, for a terminal of 80 columns."""

from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from mien.face_results import EndToEndResult, Outcomes, SizeScore
from mien.report.notes import chosen_on_reported, looked_at, without_copied, without_leaked
from mien.report.wording import UNDEFINED, duration, interval, percent, pixels, points, points_interval
from mien.results import RESULTS_FILE, EvalResult, RunResult


def per_class_table(result: EvalResult, split: str = "test") -> Table:
    """Recall, precision, F1 and support of every class; below them the means over the classes present."""
    columns = ("class", "recall", "precision", "F1", "support")
    table = empty_table(f"{split.capitalize()}, {result.n:,} samples", columns)
    for score in result.per_class:
        table.add_row(
            Text(score.label), percent(score.recall), percent(score.precision), percent(score.f1), f"{score.support:,}"
        )
    table.add_section()
    table.add_row("mean of classes", percent(result.macro_recall), "", percent(result.macro_f1), f"{result.n:,}")
    notes = [f", 95 % interval {interval(result.accuracy_ci95)}", f"expected calibration error {percent(result.ece)}"]
    if result.leak_free is not None and result.leak_free.leaked:
        notes.append(without_leaked(result.leak_free))
    if result.copy_free is not None:
        notes.append(without_copied(result.copy_free))
    table.caption = Text.assemble((f"accuracy {percent(result.accuracy)}", "bold"), "\n".join(notes))
    return table


def per_set_table(result: EvalResult) -> Table:
    """Accuracy and mean recall on every set of a mix."""
    table = empty_table("The sets of the mix", ("set", "samples", "accuracy", "95 % interval", "mean recall"))
    for score in result.per_set:
        shares = percent(score.accuracy), interval(score.accuracy_ci95), percent(score.macro_recall)
        table.add_row(Text(score.name), f"{score.n:,}", *shares)
    return table


def end_to_end_table(result: EndToEndResult) -> Table:
    """Of every class: the faces in the photos, those found, and those rightly labelled, of the found and of all."""
    table = empty_table(
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
    notes = [f", 95 % interval {interval(result.accuracy_ci95)}", "a missed face counts as wrong", *notes_on(result)]
    table.caption = Text.assemble((f"end-to-end accuracy {percent(result.accuracy)}", "bold"), "\n".join(notes))
    return table


def notes_on(result: EndToEndResult) -> list[str]:
    """Lines on the distance to the accuracy on crops, and on the detector alone, where these are known."""
    notes = []
    if result.gap is not None:
        gap = result.gap
        notes.append(
            f"on crops ({gap.crops}) {percent(gap.crop_accuracy)}: a gap of {points(gap.gap)},\n"
            f"  95 % interval {points_interval(gap.gap_ci95)}"
        )
    if result.detection is not None:
        alone = result.detection
        notes.append(
            f"detector alone, at IoU {alone.min_iou:g}: precision {percent(alone.precision)}, recall "
            f"{percent(result.detection_recall)},\n  average precision {percent(alone.average_precision)}, "
            f"false faces {alone.false_faces:,} of {alone.n_detections:,}"
        )
        if result.scenes == "table":
            notes.append("faces without a line in the table count as false: precision is a lower bound")
    else:
        notes.append("without true boxes any detection counts as found")
    return notes


def error_table(result: EndToEndResult) -> Table | None:
    """Of every class the shares missed, and wrong in good and in poor boxes; ``None`` without true face boxes."""
    outcomes = result.outcomes
    if outcomes is None or outcomes.wrong_poor_box is None:
        return None
    table = empty_table("Where errors come from", ("class", "missed", "wrong, good box", "wrong, poor box"))
    for score in result.per_class:
        table.add_row(Text(score.label), *error_shares(score.outcomes))
    table.add_section()
    table.add_row("all faces", *error_shares(outcomes))
    table.caption = "shares of the faces; a good box overlaps the true one by IoU 0.7"
    return table


def error_shares(outcomes: Outcomes | None) -> list[str]:
    """Missed, wrong in a good box and wrong in a poor one, as words."""
    if outcomes is None or not outcomes.total:
        return [UNDEFINED] * 3
    counts = outcomes.missed, outcomes.wrong_good_box, outcomes.wrong_poor_box
    return [percent(None if count is None else count / outcomes.total) for count in counts]


def size_table(result: EndToEndResult) -> Table | None:
    """Found and rightly labelled faces of every size; ``None`` where the truth has no boxes."""
    if not result.by_size:
        return None
    columns = "true box's shorter side", "faces", "found", "right of all", "95 % interval"
    table = empty_table("Against face size", columns)
    for row in result.by_size:
        table.add_row(pixels(row.low, row.high), f"{row.support:,}", *size_words(row))
    return table


def size_words(row: SizeScore) -> tuple[str, str, str]:
    """Found, right and the latter's interval, as words."""
    bounds = interval(row.accuracy_ci95) if row.support else UNDEFINED
    return percent(row.detection_recall), percent(row.accuracy), bounds


def summary(run: RunResult, folder: Path, plots: list[Path]) -> RenderableType:
    """What a user sees when a run ends: what was trained, its scores, and where everything lies.

    Args:
        run: The run's result.
        folder: The run folder.
        plots: The pictures that were made.
    """
    parts: list[RenderableType] = ["", whole_lines(_heading(run))]
    tables: list[Table | None] = []
    if run.test is not None:
        tables += [per_class_table(run.test, run.protocol["report"])]
        tables += [per_set_table(run.test) if run.test.per_set else None]
    if run.end_to_end is not None:
        tables += [table(run.end_to_end) for table in (end_to_end_table, error_table, size_table)]
    for table in tables:
        parts += [] if table is None else ["", table]
    names = [RESULTS_FILE, *(str(plot.relative_to(folder)) for plot in plots)]
    heading = Text(f"Files in {folder}", style="bold", no_wrap=True, overflow="ignore")
    return Group(*parts, "", heading, whole_lines([f"  {name}" for name in names]), "")


def print_summary(run: RunResult, folder: Path, plots: list[Path], console: Console | None = None) -> None:
    """Print :func:`summary`; paths wider than the terminal stay whole."""
    (console or Console()).print(summary(run, folder, plots), crop=False)


def _heading(run: RunResult) -> list[str]:
    """Model, data, effort and protocol, in two lines; a third where the model was chosen on what is reported."""
    data = " ".join(part for part in (run.dataset["name"], run.dataset["version"]) if part)
    data = "whole photos only" if run.test is None else data
    effort = "1 epoch" if run.epochs == 1 else f"{run.epochs} epochs"
    if run.members:
        effort = f"{len(run.members)} trainings"
    if run.seconds["fit"]:  # 0 where a finished model was only scored
        effort += f" in {duration(run.seconds['fit'])}"
    seed = "" if run.members else f", seed {run.seed}"
    return [
        f"{run.backbone} ({run.parameters:,} parameters) on {data}",
        f"protocol {run.protocol['name']}, {effort}{seed}",
        *filter(None, [chosen_on_reported(run), looked_at(run)]),
    ]


def whole_lines(lines: list[str]) -> Text:
    """Lines that are never broken nor cut, so that a path can be copied whole."""
    return Text("\n".join(lines), no_wrap=True, overflow="ignore")


def empty_table(title: str, columns: tuple[str, ...]) -> Table:
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
