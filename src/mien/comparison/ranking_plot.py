"""The picture of a ranking: one lane a model with the accuracy of every training, and the learning curves."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mien.comparison.compare import Comparison
from mien.comparison.jobs import Job
from mien.comparison.trainings import Interval
from mien.report import style
from mien.report.wording import percent

WIDTH = 5.2  # inches: readable on a telephone too
NAME_WIDTH = 58  # characters a line of a name
LINE, LANE = 0.16, 0.34  # inches: a line of a name, and the marks under it
SIDE = 0.055  # inches from the middle of a lane to the marks of crops and of photos, where there are both
TEST, SCENES = 56, 112  # right edges of the number columns, in points from the axes
REST = ("#9AA3AB", "o")


@dataclass(frozen=True)
class Lane:
    """What one lane shows.

    Attributes:
        name: The model, or the run where runs are not compared as models.
        crops: Accuracy on test images, one value a training.
        interval: Of their mean.
        faces: End-to-end accuracy on whole photos, likewise; where known.
        faces_interval: Of one run; ``None`` of several.
        status: In the place of marks, where there are none.
    """

    name: str
    crops: tuple[float, ...] = ()
    interval: Interval | None = None
    faces: tuple[float, ...] = ()
    faces_interval: Interval | None = None
    status: str = ""


def lanes(comparison: Comparison) -> list[Lane]:
    """One lane a model, else one a run; unfinished runs last."""
    unfinished = [Lane(job.name, status=job.status) for job in comparison.jobs if job.run is None]
    if comparison.tested is None:
        return [_run_lane(job) for job in comparison.finished] + unfinished
    models = [
        Lane(score.model.name, score.by_run, score.interval, *_faces(score.model.jobs))
        for score in comparison.tested.scores
    ]
    tested = {job.folder for job in comparison.tested.runs}
    others = [_run_lane(job) for job in comparison.finished if job.folder not in tested]
    return models + others + unfinished


def _run_lane(job: Job) -> Lane:
    test, faces = job.result.test, _faces([job])
    if test is None:
        return Lane(job.name, (), None, *faces)
    return Lane(job.name, (test.accuracy,), test.accuracy_ci95, *faces)


def _faces(jobs: Sequence[Job]) -> tuple[tuple[float, ...], Interval | None]:
    """End-to-end accuracies, and the interval of a single one."""
    found = [job.result.end_to_end for job in jobs]
    scores = [faces for faces in found if faces is not None]
    return tuple(faces.accuracy for faces in scores), scores[0].accuracy_ci95 if len(scores) == 1 else None


@style.styled
def plot_ranking(rows: Sequence[Lane], path: Path) -> Path:
    """Filled marks for test images, hollow ones for whole photos; a name over every lane, the numbers beside it.

    The best models have a colour and a shape each, the same in all pictures; the others are gray.

    Args:
        rows: The best first.
        path: The PNG to write.
    """
    names = [fold(row.name) for row in rows]
    heights = [LINE * len(name) + LANE for name in names]
    figure = style.figure(WIDTH, sum(heights) + 1.25)
    axes = figure.subplots()
    photos = any(row.faces for row in rows)
    y = 0.0
    for rank, (row, name, height) in enumerate(zip(rows, names, heights, strict=True)):
        axes.axhline(y, color=style.FAINT, lw=0.7)
        style.beside(axes, (0, y), (0, -3), "\n".join(name), va="top", linespacing=1.1)
        _marks(axes, y + height - LANE / 2, row, look(rank))
        y += height
    axes.set_ylim(y, 0)
    axes.set_yticks([])
    style.percent_axis(axes.xaxis, steps=5)
    style.rows_only(axes)
    for x, column in ((TEST, "test"), (SCENES, "photos"))[: 1 + photos]:
        style.beside(axes, (1, 0), (x, 4), column, color=style.SOFT, ha="right")
    detail = "big: the mean; small: single trainings; band: 95 % interval"
    if photos:
        detail = "filled: test images; hollow: whole photos, a missed face is wrong\n" + detail
    style.headline(axes, "Accuracy", detail)
    return style.save(figure, path)


def look(rank: int) -> tuple[str, str]:
    """Colour and shape of the model at this place."""
    return (style.RUN_COLOURS[rank], style.RUN_MARKERS[rank]) if rank < len(style.RUN_COLOURS) else REST


def _marks(axes: Axes, y: float, row: Lane, own: tuple[str, str]) -> None:
    """Marks and numbers of one lane, or why it has none."""
    hue, shape = own
    if row.status:
        style.beside(axes, (0.5, y), (0, 0), row.status, color=style.SOFT, ha="center", va="center")
        return
    side = SIDE if row.crops and row.faces else 0.0
    for values, bounds, at, face in (
        (row.crops, row.interval, y - side, hue),
        (row.faces, row.faces_interval, y + side, "white"),
    ):
        if not values:
            continue
        if bounds is not None:
            axes.plot(bounds, (at, at), color=hue, lw=4.5 if face == hue else 1.2, alpha=0.35 if face == hue else 1)
        if len(values) > 1:
            axes.plot(values, [at] * len(values), "|", color=style.INK, ms=6, mew=0.8, zorder=3)
        axes.plot(np.mean(values), at, shape, color=face, mec=hue, mew=1.2, ms=6, zorder=4)
    for x, values in ((TEST, row.crops), (SCENES, row.faces)):
        if values:
            style.beside(axes, (1, y), (x, 0), percent(float(np.mean(values))), ha="right", va="center_baseline")


@style.styled
def plot_curves(groups: Sequence[Sequence[Job]], path: Path) -> Path | None:
    """Validation accuracy by epoch of every training; the best model drawn last, on top.

    Args:
        groups: The trainings of every model, the best first.
        path: The PNG to write.

    Returns:
        The path; ``None`` where no training has two epochs or more.
    """
    read = [[job.validation() for job in jobs] for jobs in groups]
    curves = [[rows for rows in group if rows is not None] for group in read]
    if not any(len(rows) > 1 for group in curves for rows in group):
        return None
    figure = style.figure(WIDTH, 3.2)
    axes = figure.subplots()
    for rank in reversed(range(len(curves))):
        hue, shape = look(rank)
        gray = (hue, shape) == REST
        for rows in curves[rank]:
            ends = [] if gray and len(rows) > 1 else [-1]
            width = 0.8 if gray else 1.5
            axes.plot(rows["epoch"], rows["val_accuracy"], color=hue, lw=width, marker=shape, ms=5, markevery=ends)
    axes.set(title="Validation accuracy by epoch", xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    style.percent_axis(axes.yaxis)
    axes.grid(axis="y")
    return style.save(figure, path)


def fold(name: str, width: int = NAME_WIDTH) -> list[str]:
    """A name in lines of bounded width, cut between overrides where that is possible, nothing left out."""
    pieces = rf"[^/,=]{{0,{width - 1}}}[/,=]|[^/,=]{{1,{width}}}"
    lines: list[str] = []
    for words in wrap(name, width, break_long_words=False, break_on_hyphens=False):
        line = ""
        for piece in re.findall(pieces, words):
            if line and len(line + piece) > width:
                lines.append(line)
                line = ""
            line += piece
        lines.append(line)
    return lines
