"""The picture of a sweep: accuracy of every job with its interval, end to end beside it, and the learning curves."""

import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mien.report import style
from mien.report.jobs import Job, caution, results
from mien.report.wording import percent

NAME_WIDTH = 44  # characters a line of a job's name
LINE, GAP, LANE = 0.15, 0.18, 0.06  # inches: a line, between rows, of each mark from the middle of its row
TEST, SCENES = 62, 124  # right edges of the number columns, in points from the axes
REST = ("#9AA3AB", "o")


@style.styled
def plot_comparison(jobs: Sequence[Job], path: Path) -> Path:
    """Filled marks for test crops, hollow ones for whole photos, and under them the validation accuracy by epoch.

    The best jobs have a colour and a shape each, the same in both panels; the others are gray. Without a job of
    two epochs or more there are no curves to show.

    Args:
        jobs: Sorted, the best first.
        path: The PNG to write.
    """
    names = [fold(job.name) for job in jobs]
    heights = [LINE * len(name) + GAP for name in names]
    has_curves = any(len(job.validation()) > 1 for job in jobs)
    top, bottom = sum(heights) + 1.2, 2.7 if has_curves else 0.0
    figure = style.figure(10.0, top + bottom)
    if has_curves:
        upper, lower = figure.subplots(2, 1, height_ratios=[top, bottom])
        _curves(lower, jobs)
    else:
        upper = figure.subplots()
    _dots(upper, jobs, names, heights)
    return style.save(figure, path)


def fold(name: str) -> list[str]:
    """A job's name in lines of bounded width, cut between overrides where that is possible, nothing left out."""
    pieces = rf"[^/,=]{{0,{NAME_WIDTH - 1}}}[/,=]|[^/,=]{{1,{NAME_WIDTH}}}"
    lines: list[str] = []
    for words in wrap(name, NAME_WIDTH, break_long_words=False, break_on_hyphens=False):
        line = ""
        for piece in re.findall(pieces, words):
            if line and len(line + piece) > NAME_WIDTH:
                lines.append(line)
                line = ""
            line += piece
        lines.append(line)
    return lines


def _look(rank: int) -> tuple[str, str]:
    """Colour and shape of the job at this place."""
    return (style.RUN_COLOURS[rank], style.RUN_MARKERS[rank]) if rank < len(style.RUN_COLOURS) else REST


def _dots(axes: Axes, jobs: Sequence[Job], names: list[list[str]], heights: list[float]) -> None:
    """One row a job, as high as its name; the numbers stand at the right."""
    places, y = [], 0.0
    for rank, (job, height) in enumerate(zip(jobs, heights, strict=True)):
        places.append(y + height / 2)
        y += height
        _row(axes, places[-1], job, _look(rank))
    axes.set_yticks(places, ["\n".join(name) for name in names], fontsize=style.SMALL)
    axes.set_ylim(y, 0)
    style.percent_axis(axes.xaxis)
    style.rows_only(axes)
    for x, name in ((TEST, "test crops"), (SCENES, "end to end")):
        style.beside(axes, (1, 0), (x, 9), name, color=style.SOFT, ha="right")
    count = len(results(jobs))
    style.headline(
        axes,
        f"Accuracy of {count if count == len(jobs) else f'{count} of {len(jobs)}'} job{'' if len(jobs) == 1 else 's'}",
        "filled: test crops; hollow: whole photos, a missed face is wrong; lines: 95 % intervals",
        caution(jobs),
    )


def _row(axes: Axes, y: float, job: Job, look: tuple[str, str]) -> None:
    """Marks and numbers of one job, or why it has none."""
    hue, shape = look
    if job.run is None:
        style.beside(axes, (0.5, y), (0, 0), job.status, color=style.SOFT, ha="center", va="center")
        return
    test, faces = job.run.test, job.run.end_to_end
    lane = 0.0 if faces is None or test is None else LANE
    if test is not None:
        axes.plot(test.accuracy_ci95, (y - lane, y - lane), color=hue, lw=4, alpha=0.35, solid_capstyle="butt")
        axes.plot(test.accuracy, y - lane, shape, color=hue, ms=6.5, zorder=3)
    if faces is not None:
        axes.plot(faces.accuracy_ci95, (y + lane, y + lane), color=hue, lw=1)
        axes.plot(faces.accuracy, y + lane, shape, color="white", mec=hue, mew=1.2, ms=5.5, zorder=4)
    for x, scores in ((TEST, test), (SCENES, faces)):
        value = None if scores is None else scores.accuracy
        style.beside(axes, (1, y), (x, 0), percent(value), ha="right", va="center_baseline")


def _curves(axes: Axes, jobs: Sequence[Job]) -> None:
    """Validation accuracy of the finished jobs; the best drawn last, on top."""
    for rank in reversed(range(len(results(jobs)))):
        rows = jobs[rank].validation()
        hue, shape = _look(rank)
        gray = (hue, shape) == REST
        ends = [] if gray and len(rows) > 1 else [-1]
        axes.plot(
            rows["epoch"], rows["val_accuracy"], color=hue, lw=0.8 if gray else 1.7, marker=shape, ms=6, markevery=ends
        )
    axes.set(title="Validation accuracy by epoch", xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
    style.percent_axis(axes.yaxis)
    axes.grid(axis="y")
