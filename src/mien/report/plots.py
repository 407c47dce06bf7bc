"""The pictures of one run: learning curves, confusion matrix, scores per class."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from mien.labels import colour
from mien.metrics.intervals import wilson_interval
from mien.report import style
from mien.report.wording import UNDEFINED, interval, percent
from mien.results import ClassScore, EvalResult

SHADES = LinearSegmentedColormap.from_list("shades", ["#FFFFFF", "#9CC4E0", "#0072B2", "#00344F"])
"""White to dark blue, ever darker: reads in gray and for the colour-blind."""

CELL = 0.82  # inches, of a confusion matrix of five classes or more
LARGEST = 20.0  # inches, of the matrix; the cells of one of more classes are smaller

_LOOKS = {"train": (style.SOFT, "--"), "validation": ("#0072B2", "-"), "reported split": ("#D55E00", "-.")}


@style.styled
def plot_curves(metrics: pd.DataFrame, path: Path, selected: int | None = None) -> Path:
    """Loss and accuracy by epoch, of train and, where they are scored, of validation and the reported split.

    Args:
        metrics: One row an epoch: ``epoch``, ``train_loss``, ``train_accuracy``, and perhaps their twins ``val_*`` and
            ``report_*``.
        path: The PNG to write.
        selected: The epoch whose weights were kept, as numbered in ``metrics``; marked by a line.
    """
    figure = style.figure(9.0, 3.4)
    panels = figure.subplots(1, 2)
    for axes, quantity in zip(panels, ("loss", "accuracy"), strict=True):
        _curve(axes, metrics, f"train_{quantity}", "train")
        _curve(axes, metrics, f"val_{quantity}", "validation")
        _curve(axes, metrics, f"report_{quantity}", "reported split")
        if selected is not None:
            axes.axvline(selected, color=style.INK, lw=1.0, ls=":", zorder=1, label=f"kept: epoch {selected}")
        axes.set(title=quantity.capitalize(), xlabel="epoch")
        axes.set_xlim(metrics["epoch"].min() - 0.5, metrics["epoch"].max() + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
        axes.grid(axis="y")
    panels[0].legend()
    style.percent_axis(panels[1].yaxis)
    return style.save(figure, path)


def _curve(axes: Axes, metrics: pd.DataFrame, column: str, name: str) -> None:
    """One line with a dot at each end of it; nothing where the column is missing or empty."""
    rows = metrics.dropna(subset=[column]) if column in metrics else metrics[:0]
    if len(rows):
        look = _LOOKS[name]
        ends = sorted({0, len(rows) - 1})
        axes.plot(rows["epoch"], rows[column], color=look[0], ls=look[1], marker="o", ms=4, markevery=ends, label=name)


@style.styled
def plot_confusion(result: EvalResult, path: Path) -> Path:
    """The confusion matrix: each row's percentages, with counts beneath; a class without a sample is hatched.

    Args:
        result: The scores.
        path: The PNG to write.
    """
    counts = np.array(result.confusion)
    support = counts.sum(axis=1)
    shares = counts / np.maximum(support, 1)[:, None]
    names = style.class_names(score.label for score in result.per_class)
    cell = min(CELL, LARGEST / len(names))
    side, more = cell * max(len(names), 5), style.room_for(names)
    figure = style.figure(side + 1.3 + more, side + 1.0 + more)
    axes = figure.subplots()
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        if support[row]:
            _cell(axes, (row, column), float(shares[row, column]), int(counts[row, column]), cell / CELL)
    for row in np.flatnonzero(support == 0):
        _absent_row(axes, int(row), len(names))
    _class_ticks(axes, names, support)
    style.headline(
        axes,
        "Confusion",
        "row: true class and its samples; column: predicted class\n"
        f"n = {result.n:,}, accuracy {percent(result.accuracy)} (95 % interval {interval(result.accuracy_ci95)})",
    )
    return style.save(figure, path)


def _cell(axes: Axes, place: tuple[int, int], share: float, count: int, scale: float) -> None:
    """The two numbers of one cell, smaller by ``scale`` where cells are; an empty cell stays quiet."""
    row, column = place
    ink = "white" if share > 0.45 else style.INK
    if count == 0:
        axes.text(column, row, "0", ha="center", va="center", color="#9AA3AB", fontsize=8 * scale)
        return
    bold = "bold" if row == column else "normal"
    look: dict[str, Any] = {"ha": "center", "va": "center", "color": ink}
    axes.text(column, row - 0.1, percent(share, 0), fontsize=10 * scale, weight=bold, **look)
    axes.text(column, row + 0.22, f"{count:,}", fontsize=7 * scale, **look)


def _absent_row(axes: Axes, row: int, classes: int) -> None:
    """A row that has nothing to show, and says so."""
    axes.add_patch(
        Rectangle((-0.5, row - 0.5), classes, 1, facecolor="#F4F5F6", edgecolor=style.FAINT, hatch="////", lw=0)
    )
    box = {"facecolor": "#F4F5F6", "edgecolor": "none", "pad": 3}
    axes.text((classes - 1) / 2, row, "no sample", ha="center", va="center", color=style.SOFT, fontsize=8.5, bbox=box)


def _class_ticks(axes: Axes, names: list[str], support: np.ndarray) -> None:
    """Class names along both sides, support at the rows, white lines between the cells."""
    ticks = range(len(names))
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, [f"{name}  {count:,}" for name, count in zip(names, support, strict=True)])
    if max(map(len, names)) > 10 * max(1, 5 / len(names)):  # ten letters fit a cell
        axes.tick_params(axis="x", rotation=40)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    axes.set_xticks(np.arange(1, len(names)) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, len(names)) - 0.5, minor=True)
    axes.grid(which="minor", color="white", lw=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


@style.styled
def plot_per_class(result: EvalResult, path: Path) -> Path:
    """Recall with its Wilson 95 % interval, precision and F1 of every class, with the numbers beside.

    Args:
        result: The scores.
        path: The PNG to write.
    """
    names = style.class_names(score.label for score in result.per_class)
    figure = style.figure(9.0 + style.room_for(names), 1.5 + 0.38 * len(names))
    axes = figure.subplots()
    for row, score in enumerate(result.per_class):
        _class_row(axes, row, score, result.confusion[row][row])
    supports = [score.support for score in result.per_class]
    axes.set_yticks(range(len(names)), [f"{name}  {count:,}" for name, count in zip(names, supports, strict=True)])
    axes.set_ylim(len(result.per_class) - 0.4, -0.6)
    axes.set_xlim(np.floor(max(0.0, axes.dataLim.x0 - 0.02) * 10) / 10, 1.005)
    style.percent_axis(axes.xaxis)
    style.rows_only(axes)
    for x, name in zip(COLUMNS, ("recall", "95 % interval", "precision", "F1"), strict=True):
        style.beside(axes, (1, -0.6), (x, 9), name, color=style.SOFT, ha="right")
    _marker_key(axes)
    style.headline(
        axes,
        "Scores per class",
        f"samples beside the name; macro recall {percent(result.macro_recall)}, macro F1 {percent(result.macro_f1)}",
    )
    return style.save(figure, path)


COLUMNS = (52, 124, 176, 218)
"""Right edges of the number columns of :func:`plot_per_class`, in points from the axes."""


def _class_row(axes: Axes, row: int, score: ClassScore, hits: int) -> None:
    """The three marks of one class, and its numbers; a class without a sample has no marks."""
    hue = colour(score.label)
    bounds = wilson_interval(hits, score.support) if score.support else None
    if bounds is None:
        style.beside(axes, (0.5, row), (0, 0), "no sample", color=style.SOFT, ha="center", va="center")
    else:
        axes.plot(bounds, (row, row), color=hue, lw=5, alpha=0.3, solid_capstyle="butt")
        marks = (score.recall, "recall"), (score.precision, "precision"), (score.f1, "F1")
        for value, name in marks:
            if value is not None:
                axes.plot(value, row, **_mark(name, hue))
    shown = UNDEFINED if bounds is None else interval(bounds)
    texts = percent(score.recall), shown, percent(score.precision), percent(score.f1)
    for x, text in zip(COLUMNS, texts, strict=True):
        style.beside(axes, (1, row), (x, 0), text, ha="right", va="center_baseline")


def _mark(name: str, hue: str) -> dict[str, Any]:
    """The look of a score's mark."""
    return {
        "recall": {"marker": "o", "color": hue, "ms": 7, "zorder": 3},
        "precision": {"marker": "D", "color": "white", "mec": hue, "mew": 1.3, "ms": 5.5, "zorder": 4},
        "F1": {"marker": "|", "color": style.INK, "ms": 12, "mew": 1.4, "zorder": 5},
    }[name]


def _marker_key(axes: Axes) -> None:
    """What the three marks stand for."""
    for name, label in (("recall", "recall with 95 % interval"), ("precision", "precision"), ("F1", "F1")):
        axes.plot([], [], label=label, ls="", **_mark(name, style.SOFT))
    axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
