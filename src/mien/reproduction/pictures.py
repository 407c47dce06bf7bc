"""The pictures of a reproduction: published beside measured values, and learning curves over the published ones.

Both are narrow, so that they can be read on a phone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mien.report import style
from mien.report.wording import percent
from mien.reproduction.records import RunRecord, shown
from mien.reproduction.rows import Row, factor
from mien.reproduction.schema import Part

WIDTH = 4.6  # inches
SHORT = 0.65  # of the axis: a shorter bar has its value beside it
MEASURED = "#0072B2"
LOOKS = {
    "train_accuracy": ("#0072B2", "train"),
    "val_accuracy": ("#E69F00", "selection split"),
    "report_accuracy": ("#009E73", "reported split"),
}
TEST = "#D55E00"


@style.styled
def plot_headlines(rows: Mapping[str, Row], references: Sequence[str], path: Path) -> Path:
    """Two bars a part: its first quantity as published (or its goal), and as measured with its 95 % interval.

    Args:
        rows: The first quantity of every part, by the name to be shown; shares only.
        references: Parts whose published value is of another recipe, and not judged.
        path: The PNG to write.
    """
    figure = style.figure(WIDTH, 1.1 + 0.66 * len(rows))
    axes = figure.subplots()
    for place, (name, row) in enumerate(rows.items()):
        _headline(axes, place, row, "published, for reference" if name in references else "published")
        _label(axes, 0, place - 0.36, name, weight="bold", x=0)
    axes.set_yticks([])
    axes.set_ylim(len(rows) - 0.45, -0.6)
    axes.set_xlim(0, 1)
    style.percent_axis(axes.xaxis)
    style.rows_only(axes)
    quantities = {row.quantity.name for row in rows.values()}
    title = quantities.pop().capitalize() if len(quantities) == 1 else "Headline of every part"
    hollow = "published" if any(row.quantity.printed is not None for row in rows.values()) else "goal"
    style.headline(axes, title, f"hollow: {hollow}; filled: measured, with 95 % interval")
    return style.save(figure, path)


def _headline(axes: Axes, place: int, row: Row, kind: str) -> None:
    """The bars of one part, their values inside them, or beside them where they are short."""
    unit, above, below = factor(row.quantity), place - 0.07, place + 0.23
    printed = row.quantity.printed
    known = row.quantity.goal if printed is None else printed
    if known is not None:
        value = float(known) / unit
        axes.barh(above, value, 0.26, color="white", edgecolor=style.SOFT)
        words = row.published if printed is None else f"{row.published} {kind}"
        _label(axes, 0 if value > SHORT else value, above, words, color=style.SOFT)
    if row.summary is None:
        _label(axes, 0, below, row.verdict.word, color=style.SOFT)
        return
    value, end = row.summary.mean / unit, row.summary.mean / unit
    axes.barh(below, value, 0.26, color=MEASURED)
    if row.summary.interval is not None:
        bounds = row.summary.interval.low / unit, row.summary.interval.high / unit
        axes.plot(bounds, (below, below), color=style.INK, lw=1.6, marker="|", ms=7)
        end = max(end, bounds[1])
    inside = value > SHORT
    text = f"{row.measured} measured"
    _label(axes, 0 if inside else end, below, text, weight="bold", color="white" if inside else style.INK)


def _label(axes: Axes, place: float, y: float, text: str, x: float = 5, **look: Any) -> None:
    """Text some points to the right of a place on the axis."""
    style.beside(axes, (place, y), (x, 0), text, va="center", transform=axes.transData, **look)


def has_curves(records: Sequence[RunRecord]) -> bool:
    """Whether there is a run with an epoch to draw."""
    return any(record.curve(column) for record in shown(records) for column in LOOKS)


@style.styled
def plot_part(title: str, part: Part, records: Sequence[RunRecord], path: Path) -> Path:
    """Accuracy by epoch of the runs of a part whose values are shown, over what was published.

    Lines are runs, hollow marks the published first epochs, dashed lines published final values; the measured test
    accuracy is a diamond at the epoch whose weights were tested.

    Args:
        title: The part, for the title.
        part: What was published.
        records: Its runs, with at least one curve.
        path: The PNG to write.
    """
    figure = style.figure(WIDTH, 3.3)
    axes = figure.subplots()
    runs = shown(records)
    for column, (hue, name) in LOOKS.items():
        _curves(axes, column, runs, hue, name)
        _published(axes, part, column, hue, name)
    _test(axes, part, runs)
    last = max(len(run.curve(column)) for run in runs for column in LOOKS)
    first = max((len(values) for values in part.curves.values()), default=1)
    axes.set_xlim(0, max(last, first) * 1.03 + 0.5)
    axes.set(xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    style.percent_axis(axes.yaxis)
    axes.grid(axis="y")
    seeds = ", ".join(str(run.seed) for run in runs)
    style.headline(axes, title, f"accuracy by epoch, seed{'s' if len(runs) > 1 else ''} {seeds}")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return style.save(figure, path)


def _curves(axes: Axes, column: str, runs: Sequence[RunRecord], hue: str, name: str) -> None:
    """One line a run; one epoch is a dot."""
    label: str | None = name
    for run in runs:
        values = run.curve(column)
        if values:
            look: dict[str, Any] = {"marker": "o", "ms": 4.0} if len(values) == 1 else {}
            axes.plot(range(1, len(values) + 1), values, color=hue, lw=1.3, label=label, **look)
            label = None


def _published(axes: Axes, part: Part, column: str, hue: str, name: str) -> None:
    """Hollow marks for the first epochs, dashed lines for final values; of accuracies in per cent."""
    values = [float(value) / 100 for value in part.curves.get(column, ())]
    if values:
        look: dict[str, Any] = {"ls": "", "marker": "o", "mfc": "white", "mec": hue, "mew": 1.3, "ms": 5.5}
        axes.plot(range(1, len(values) + 1), values, **look, label=f"{name}, published", zorder=4)
    for quantity in part.quantities:
        if quantity.printed is not None and (quantity.measure or "").startswith(f"history.{column}."):
            value = float(quantity.printed) / factor(quantity)
            axes.axhline(value, color=hue, ls="--", lw=1.0, label=f"{name}, published: {percent(value)}", zorder=1)


def _test(axes: Axes, part: Part, runs: Sequence[RunRecord]) -> None:
    """Test accuracy: published as a dashed line, measured at the epoch whose weights were tested."""
    for quantity in part.quantities:
        if quantity.measure == "test.accuracy" and quantity.printed is not None:
            value = float(quantity.printed) / factor(quantity)
            axes.axhline(value, color=TEST, ls="--", lw=1.0, label=f"test, published: {percent(value)}", zorder=1)
    places = [
        (run.scored or run.epochs, found.value) for run in runs if (found := run.measured("test.accuracy")) is not None
    ]
    if places:
        label = f"test: {percent(sum(value for _, value in places) / len(places))}"
        axes.plot(*zip(*places, strict=True), color=TEST, ls="", marker="D", ms=5.5, label=label, zorder=5)
