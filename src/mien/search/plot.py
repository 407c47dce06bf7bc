"""The picture of a search: how the best value rose, and the values along every key."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from mien.report import style
from mien.search.record import Record
from mien.search.space import Dimension, Space

if TYPE_CHECKING:
    from mien.search.report import Row

_BLUE, _BEST = style.RUN_COLOURS[0], style.RUN_COLOURS[1]
_COLUMNS = 3


@style.styled
def plot_search(rows: "Sequence[Row]", space: Space, record: Record, path: Path) -> Path:
    """Above, all trials in their order with the best so far; below, a small picture a key.

    Args:
        rows: The trials, at least one of them finished.
        space: What was searched.
        record: The search.
        path: The PNG to write.
    """
    columns = min(_COLUMNS, len(space.dimensions))
    lines = ceil(len(space.dimensions) / columns)
    figure = style.figure(7.6, 2.9 + 2.1 * lines)
    above, below = np.ravel(figure.subfigures(2, 1, squeeze=False, height_ratios=[2.9, 2.1 * lines]))
    history = above.subplots()
    _history(history, rows, record)
    grid = np.atleast_1d(below.subplots(lines, columns, sharey=True, squeeze=False)).ravel()
    for axes, dimension in zip(grid, space.dimensions, strict=False):
        _slice(axes, rows, dimension, record)
    for axes in grid[len(space.dimensions) :]:
        axes.set_visible(False)
    return style.save(figure, path)


def _history(axes: Axes, rows: "Sequence[Row]", record: Record) -> None:
    finished = [(row.number, row.value) for row in rows if row.state == "finished" and row.value is not None]
    best = np.maximum if record.maximise else np.minimum
    numbers, values = np.array(finished).T
    so_far = best.accumulate(values)
    ends = np.append(numbers, max(row.number for row in rows))
    axes.step(ends, np.append(so_far, so_far[-1]), where="post", color=_BEST, lw=1.4, label="best so far", zorder=1)
    _points(axes, [(row.number, row) for row in rows], record)
    failed = [row.number for row in rows if row.state == "failed"]
    if failed:
        bottom = axes.get_xaxis_transform()
        axes.plot(failed, [0] * len(failed), "x", color=style.WRONG, mew=1.6, transform=bottom, clip_on=False, zorder=5)
        axes.lines[-1].set_label("failed")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
    axes.set_xlim(-0.6, max(row.number for row in rows) + 0.6)
    axes.set_xlabel("trial")
    axes.grid(axis="y")
    _value_axis(axes, record)
    style.headline(axes, "Search", f"{record.objective}, {'more' if record.maximise else 'less'} is better")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _slice(axes: Axes, rows: "Sequence[Row]", dimension: Dimension, record: Record) -> None:
    """Values along one key: of numbers at their place, of categories side by side."""
    tried = [row for row in rows if dimension.name in row.settings]
    if dimension.choices:
        place = {choice: n for n, choice in enumerate(dimension.choices)}
        _points(axes, [(place[row.settings[dimension.name]], row) for row in tried], record)
        axes.set_xticks(range(len(place)), [_short(choice) for choice in place], rotation=30 if len(place) > 3 else 0)
        axes.set_xlim(-0.5, len(place) - 0.5)
    else:
        if dimension.log:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        _points(axes, [(float(row.settings[dimension.name]), row) for row in tried], record)
    axes.set_xlabel(dimension.name)
    axes.grid(axis="y")
    _value_axis(axes, record)


def _points(axes: Axes, places: "Sequence[tuple[float, Row]]", record: Record) -> None:
    """Filled marks for finished trials, hollow ones for pruned, and a ring around the best."""
    sign = 1 if record.maximise else -1
    shown = [(x, row.value, row.state) for x, row in places if row.value is not None]
    for state, inside, edge in (("pruned", "white", style.SOFT), ("finished", _BLUE, _BLUE)):
        some = [(x, value) for x, value, of in shown if of == state]
        if some:
            axes.plot(*np.array(some).T, "o", ms=4.5, ls="none", mfc=inside, mec=edge, label=state, zorder=3)
    finished = [(x, value) for x, value, state in shown if state == "finished"]
    if finished:
        x, value = max(finished, key=lambda point: sign * point[1])
        axes.plot([x], [value], "o", ms=10, mfc="none", mec=_BEST, mew=1.6, ls="none", zorder=4, label="best")


def _value_axis(axes: Axes, record: Record) -> None:
    axes.margins(y=0.1)  # room for the ring
    if record.maximise:
        style.percent_axis(axes.yaxis, 5)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5))


def _short(choice: str) -> str:
    return choice if len(choice) <= 16 else f"{choice[:15]}…"
