"""The look of every picture, in one place: fonts, colours, sizes, and how a figure is saved.

Figures are built on :class:`matplotlib.figure.Figure` alone: no pyplot, no window, nothing left open.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from mien.files import atomic_path
from mien.labels import shortened

DPI = 160
INK = "#222222"
SOFT = "#5F6B76"
FAINT = "#D5DADF"
RIGHT = "#009E73"
WRONG = "#D55E00"
SMALL = 8.5  # points, of the second-rank text
LETTERS = 24  # of a class's name on an axis

RUN_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours for runs, without the yellow that is lost on white."""

RUN_MARKERS = ("o", "s", "^", "D", "v", "<", ">")
"""One shape a run colour, so that no run is told by its colour alone."""

styled = rc_context(
    {
        "font.family": "DejaVu Sans",  # ships with matplotlib: the same picture on every machine
        "font.size": 9.0,
        "text.color": INK,
        "text.parse_math": False,  # a dollar sign in a name is a dollar sign
        "axes.titlesize": 10.0,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 8.0,
        "axes.labelcolor": INK,
        "axes.edgecolor": SOFT,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": FAINT,
        "grid.linewidth": 0.7,
        "xtick.color": SOFT,
        "ytick.color": SOFT,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "lines.linewidth": 1.8,
        "figure.constrained_layout.w_pad": 0.08,
        "figure.constrained_layout.h_pad": 0.08,
        "savefig.facecolor": "white",
    }
)
"""Decorator of every plotting function: draws and saves under this look, and leaves matplotlib's settings as found."""


def figure(width: float, height: float) -> Figure:
    """An empty figure; sizes in inches."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def class_names(names: Iterable[str]) -> list[str]:
    """Names of classes for an axis, long ones cut short."""
    return [shortened(name, LETTERS) for name in names]


def room_for(names: Iterable[str]) -> float:
    """Inches that these names take on an axis beyond those of the seven expressions."""
    return 0.075 * max(0, max(map(len, class_names(names))) - 10)


def headline(axes: Axes, title: str, detail: str, warning: str = "") -> None:
    """A bold title over the axes, under it quiet lines that say what is shown, and a warning where one is due."""
    lines = [(line, SOFT, "normal") for line in detail.split("\n")] + [(warning, WRONG, "bold")] * bool(warning)
    axes.set_title(title + "\n" * len(lines))
    for above, (line, color, weight) in enumerate(reversed(lines)):
        beside(axes, (0, 1), (0, 9 + 12.5 * above), line, color=color, weight=weight, transform=axes.transAxes)


def beside(axes: Axes, place: tuple[float, float], offset: tuple[float, float], text: str, **look: Any) -> None:
    """Text at some points from a place that is given in widths of the axes and, if not said otherwise, data rows."""
    transform = look.pop("transform", axes.get_yaxis_transform())
    axes.annotate(
        text,
        place,
        offset,
        xycoords=transform,
        textcoords="offset points",
        annotation_clip=False,
        **{"fontsize": SMALL} | look,
    )


def percent_axis(axis: Axis, steps: int = 8) -> None:
    """Tick labels of fractions as percentages, at most so many round steps, with no more digits than they need."""
    axis.set_major_locator(MaxNLocator(nbins=steps, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))


def rows_only(axes: Axes) -> None:
    """Axes whose rows are named things: no frame at the left, no tick marks, vertical grid lines."""
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, atomically.

    Raises:
        RunFolderError: The folder cannot be written to, or the disk is full.
    """
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=DPI)
    return path
