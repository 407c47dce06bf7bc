"""The report of a comparison: what can be concluded first, then everything it rests on."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mien.comparison.cautions import cautions
from mien.comparison.compare import Comparison, Tested
from mien.comparison.conclusion import conclusion
from mien.comparison.jobs import Job
from mien.comparison.parts import (
    calibration_table,
    class_table,
    copy_free_blocks,
    leak_free_blocks,
    missed_blocks,
    pair_table,
    photo_table,
    ranking_table,
    run_table,
)
from mien.comparison.plots import plot_classes, plot_confusion_difference, plot_reliability
from mien.comparison.ranking_plot import lanes, plot_curves, plot_ranking
from mien.report.document import Block, Code, Document, Note, Picture, Section, Text

PICTURES = {"ranking.png", "classes.png", "confusion_difference.png", "reliability.png", "curves.png"}
"""All pictures that a report may have."""


def document(comparison: Comparison, command: str) -> Document:
    """The report.

    Args:
        comparison: What it says.
        command: The command line that made it.
    """
    with TemporaryDirectory() as name:
        blocks = list(_blocks(comparison, command, Path(name)))
    return Document("Comparison", blocks)


def _blocks(comparison: Comparison, command: str, folder: Path) -> Iterator[Block]:
    yield Note(conclusion(comparison), "conclusion")
    yield from (Note(text, "warning") for text in cautions(comparison))
    yield Section("Ranking")
    alt = "One lane a model with its accuracies"
    yield _picture(plot_ranking(lanes(comparison), folder / "ranking.png"), "", alt)
    tested = comparison.tested
    if tested is not None:
        yield ranking_table(tested)
        if len(tested.scores) > 2:
            yield Text(
                "The first of several models is first on this very test set, partly by luck, so its score is a little "
                "too high. To choose a model, compare the values it was selected by on validation (column `selected` "
                "below)."
            )
        yield from _tested(tested, folder)
    yield from _photos(comparison)
    yield from _runs(comparison, folder)
    yield Section("How this was made")
    yield Code(command)
    yield from map(Text, METHODS if tested is not None else ["The numbers are each run's own, from `results.json`."])


METHODS = (
    "Runs that differ in their seed only are trainings of one model, and so are evaluations of such runs.",
    "**Single trainings.** The accuracy has Wilson's interval (Wilson 1927), a difference Newcombe's hybrid score "
    "interval for pairs (Newcombe 1998, method 10), one of macro recall or of a class the percentile interval of a "
    "paired bootstrap over images (Efron and Tibshirani 1993); two models are tested by McNemar's exact test (McNemar "
    "1947). None of this covers how much a model changes when it is trained again (Dietterich 1998).",
    "**Several trainings of both.** The variance over images (bootstrap) and that between trainings (s^2 / n of each "
    "model) are added, with Satterthwaite's degrees of freedom (1946); without the images this is Welch's test (1947).",
    "**One training against several.** The single one is taken to spread as the others do: the variance over images "
    "and s^2 (1 / n + 1) are added, with n - 1 degrees of freedom (Crawford and Howell 1998).",
    "`p_images` in pairs.csv is of the given trainings alone, however many: of the exact paired sign-flip test on the "
    "share of a model's trainings that get each image right (Fisher 1935), which for single ones is McNemar's.",
    "p-values are adjusted for the number of pairs (Holm 1979); intervals are of one model or pair alone.",
)


def _tested(tested: Tested, folder: Path) -> Iterator[Block]:
    """All that rests on the predictions."""
    if tested.pairs:
        yield Section("Pairs")
        yield pair_table(tested)
    yield Section("Classes")
    alt = "Recall of every class, one mark a model"
    yield _picture(plot_classes(tested, folder / "classes.png"), "", alt)
    if tested.pairs:
        yield class_table(tested)
        yield from _confusion(tested, folder)
    yield Section("Calibration")
    yield calibration_table(tested)
    alt = "Share of right predictions against confidence"
    yield _picture(plot_reliability(tested, folder / "reliability.png"), "", alt)
    yield Section("Images that every run misses")
    yield from missed_blocks(tested)
    yield Section("Without leaked images")
    yield from leak_free_blocks(tested)
    yield from copy_free_blocks([score.model for score in tested.scores])


def _confusion(tested: Tested, folder: Path) -> Iterator[Block]:
    """The best model, or the reference, against the best other one."""
    first = tested.scores[tested.base]
    second = tested.scores[0 if tested.base else 1]
    if first.accuracy < second.accuracy:
        first, second = second, first
    yield Section("Confusion", 3)
    path = plot_confusion_difference(first, second, tested, folder / "confusion_difference.png")
    words = f"{first.model.name} minus {second.model.name}"
    yield _picture(path, f"**{words}**, the mean over trainings.", f"Difference of confusion, {words}")


def _photos(comparison: Comparison) -> Iterator[Block]:
    if any(job.result.end_to_end is not None for job in comparison.finished):
        yield Section("Whole photos")
        yield photo_table(comparison)


def _runs(comparison: Comparison, folder: Path) -> Iterator[Block]:
    yield Section("Runs")
    yield run_table(comparison)
    groups: Sequence[Sequence[Job]] = [[job] for job in comparison.finished]
    if comparison.tested is not None:
        groups = [score.model.jobs for score in comparison.tested.scores]
    curves = plot_curves(groups, folder / "curves.png")
    if curves is not None:
        yield _picture(curves, "", "Validation accuracy by epoch")


def _picture(path: Path, caption: str, alt: str) -> Picture:
    return Picture(path.name, path.read_bytes(), caption, alt)
