"""Pictures of tested models: recall by class, differences of confusion, and reliability."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from mien.comparison.calibration import BINS, reliability
from mien.comparison.compare import Tested
from mien.comparison.ranking_plot import LINE, WIDTH, fold, look
from mien.comparison.scores import Score
from mien.report import style

SHOWN = 5
"""Models in a picture: the best ones, and the one all are held against."""
FEW = 10
"""Predictions below which a bin says little of reliability."""
_SIGNED = LinearSegmentedColormap.from_list("signed", ["#A04700", "#E8B48A", "#FFFFFF", "#8FC0DF", "#00558A"])


def shown(tested: Tested) -> list[int]:
    """The places of the models that are in the pictures."""
    best = list(range(min(SHOWN, len(tested.scores))))
    return best if tested.base in best else [*best[:-1], tested.base]


@style.styled
def plot_classes(tested: Tested, path: Path) -> Path:
    """Recall of every class, one mark a model.

    Args:
        tested: The models.
        path: The PNG to write.
    """
    classes, places = tested.images.classes, shown(tested)
    figure = style.figure(WIDTH, 1.3 + 0.42 * len(classes) + _key_height(tested))
    axes = figure.subplots()
    for n, place in enumerate(places):
        hue, shape = look(place)
        lane = (n - (len(places) - 1) / 2) * 0.13
        values = [np.nan if share is None else share for share in tested.scores[place].recall]
        rows = np.arange(len(classes)) + lane
        axes.plot(values, rows, shape, color=hue, ms=5.5, mec="white", mew=0.5, label=_name(tested.scores[place]))
    for row, support in enumerate(tested.support):
        if not support:
            style.beside(axes, (0.5, row), (0, 0), "no sample", color=style.SOFT, ha="center", va="center")
    axes.set_yticks(
        range(len(classes)), [f"{name}  {count:,}" for name, count in zip(classes, tested.support, strict=True)]
    )
    axes.set_ylim(len(classes) - 0.5, -0.5)
    style.percent_axis(axes.xaxis, steps=5)
    style.rows_only(axes)
    style.headline(axes, "Recall by class", "images beside the class; the mean over a model's trainings")
    return _with_key(figure, axes, path)


@style.styled
def plot_confusion_difference(first: Score, second: Score, tested: Tested, path: Path) -> Path:
    """The first model's confusion minus the second's, each row in percentage points of the true class.

    Args:
        first: A model.
        second: Another.
        tested: Where they are from.
        path: The PNG to write.
    """
    classes = tested.images.classes
    points = 100 * (first.confusion - second.confusion)
    top = max(10.0, float(np.nanmax(np.abs(points))))
    side = max(3.0, 0.56 * len(classes))
    names = fold(f"{_name(first)} minus {_name(second)}")
    figure = style.figure(max(WIDTH, side + 1.6), side + 1.6 + 0.175 * len(names))
    axes = figure.subplots()
    axes.imshow(points, cmap=_SIGNED, vmin=-top, vmax=top)
    for row, column in np.ndindex(*points.shape):
        value = points[row, column]
        words = "-" if np.isnan(value) else f"{value:+.0f}".replace("-0", "0").replace("+0", "0")
        ink = "white" if abs(value) > 0.7 * top else style.INK
        weight = "bold" if row == column else "normal"
        axes.text(column, row, words, ha="center", va="center", color=ink, fontsize=8.5, weight=weight)
    ticks = range(len(classes))
    axes.set_xticks(ticks, classes, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, classes)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    detail = "points of the true class (row); blue on the diagonal: more right"
    style.headline(axes, "Difference of confusion", "\n".join([*names, detail]))
    return style.save(figure, path)


@style.styled
def plot_reliability(tested: Tested, path: Path) -> Path:
    """Share of right predictions against their confidence, in 15 bins, and how many there are in each.

    Args:
        tested: The models; all trainings of one are taken together.
        path: The PNG to write.
    """
    places = shown(tested)
    figure = style.figure(WIDTH, 5.6 + _key_height(tested))
    upper, lower = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    upper.plot([0, 1], [0, 1], color=style.SOFT, lw=1, ls=":")
    for place in reversed(places):
        score, (hue, shape) = tested.scores[place], look(place)
        p = np.concatenate(tested.predictions(score.model))
        bins = reliability(p, np.tile(tested.images.labels, len(score.by_run)))
        look_of = {"color": hue, "marker": shape, "ms": 4.5, "lw": 1.4}
        many = bins.count >= FEW
        upper.plot(bins.confidence[many], bins.accuracy[many], label=_name(score), **look_of)
        upper.plot(bins.confidence[~many], bins.accuracy[~many], **look_of | {"ls": "", "alpha": 0.3})
        centres = (np.arange(BINS) + 0.5) / BINS
        lower.plot(centres, bins.count / bins.count.sum(), **look_of)
    for axis in (upper.xaxis, upper.yaxis, lower.yaxis):
        style.percent_axis(axis)
    upper.set(ylabel="right")
    lower.set(xlabel="confidence", ylabel="predictions", ylim=(0, None))
    for axes in (upper, lower):
        axes.grid()
    detail = f"below the dotted line: too sure; above it: not sure enough\nfaint: fewer than {FEW} predictions"
    style.headline(upper, "Reliability", detail)
    return _with_key(figure, upper, path, reverse=True)


def _name(score: Score) -> str:
    return score.model.name


def _key_height(tested: Tested) -> float:
    """Inches under a picture for the names of its models."""
    lines = [fold(_name(tested.scores[place])) for place in shown(tested)]
    return sum(0.08 + LINE * len(name) for name in lines)


def _with_key(figure: Figure, axes: Axes, path: Path, reverse: bool = False) -> Path:
    """Save with a line for every model under the picture."""
    handles, names = axes.get_legend_handles_labels()
    step = -1 if reverse else 1
    texts = ["\n".join(fold(name)) for name in names]
    figure.legend(handles[::step], texts[::step], loc="outside lower left", ncols=1)
    return style.save(figure, path)
