"""The picture of a result on whole photos: where errors come from, and accuracy against face size."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from mien.face_results import EndToEndResult, Outcomes, SizeScore
from mien.report import style
from mien.report.wording import interval, percent, pixels

KINDS = {
    "right": ("right", style.RIGHT, "white", ""),
    "wrong_good_box": ("wrong in a good box", style.WRONG, "white", ""),
    "wrong_poor_box": ("wrong in a poor box", "#E69F00", style.INK, ""),
    "missed": ("missed", "#D5DADF", style.INK, "////"),
}
"""Each outcome's words, colour, ink and hatch, in the order of the bars."""
LEAST = 0.06  # share of a bar that has room for its number
BAR = 0.34  # inches a row


@style.styled
def plot_errors(result: EndToEndResult, path: Path) -> Path:
    """Of every class the shares right, wrong and missed; beside it, where the truth has boxes, accuracy against size.

    Args:
        result: The scores, with their outcomes.
        path: The PNG to write.
    """
    height = 1.7 + BAR * (len(result.per_class) + 1.5)
    more = style.room_for(score.label for score in result.per_class)
    if result.by_size:
        figure = style.figure(11.0 + more, height)
        bars, sizes = figure.subplots(1, 2, width_ratios=[1.7, 1])
        _sizes(sizes, result.by_size)
    else:
        figure = style.figure(7.5 + more, height)
        bars = figure.subplots()
    _bars(bars, result)
    return style.save(figure, path)


def _bars(axes: Axes, result: EndToEndResult) -> None:
    """One bar a class, and one for all faces below them."""
    names = [*style.class_names(score.label for score in result.per_class), "all faces"]
    rows = list(zip(names, [*(score.outcomes for score in result.per_class), result.outcomes], strict=True))
    places = [*range(len(result.per_class)), len(result.per_class) + 0.5]
    tight = result.outcomes is not None and result.outcomes.wrong_poor_box is not None
    for place, (_, outcomes) in zip(places, rows, strict=True):
        if outcomes is None or not outcomes.total:
            style.beside(axes, (0.5, place), (0, 0), "no face", color=style.SOFT, ha="center", va="center")
        else:
            _bar(axes, place, outcomes)
    axes.set_yticks(places, [f"{name}  {outcomes.total if outcomes else 0:,}" for name, outcomes in rows])
    axes.set_ylim(places[-1] + 0.6, -0.6)
    axes.set_xlim(0, 1)
    style.percent_axis(axes.xaxis)
    style.rows_only(axes)
    _key(axes, tight)
    good = "; a good box overlaps the true one by IoU 0.7" if tight else ""
    score = f"end to end {percent(result.accuracy)} (95 % interval {interval(result.accuracy_ci95)})"
    title = f"Whole photos ({result.scenes}, {result.detector})"
    style.headline(axes, title, f"faces beside the name{good}\n{score}")


def _key(axes: Axes, tight: bool) -> None:
    """What the colours stand for; without true face boxes wrong is wrong."""
    shown = {kind: look for kind, look in KINDS.items() if tight or kind != "wrong_poor_box"}
    handles = [Patch(facecolor=hue, hatch=hatch, edgecolor="white", lw=0) for _, hue, _, hatch in shown.values()]
    words = [words if tight else words.removesuffix(" in a good box") for words, *_ in shown.values()]
    axes.figure.legend(handles, words, loc="outside lower left", ncols=len(words))


def _bar(axes: Axes, place: float, outcomes: Outcomes) -> None:
    """The shares of one row, with their numbers where there is room."""
    left = 0.0
    for kind, (_, hue, ink, hatch) in KINDS.items():
        share = (getattr(outcomes, kind) or 0) / outcomes.total
        axes.barh(place, share, 0.76, left, color=hue, hatch=hatch, ec="white", lw=0.8)
        if share >= LEAST:
            box = {"facecolor": hue, "edgecolor": "none", "pad": 1.2} if hatch else None
            text = percent(share, 0)
            axes.text(left + share / 2, place, text, color=ink, ha="center", va="center", fontsize=8, bbox=box)
        left += share


def _sizes(axes: Axes, rows: tuple[SizeScore, ...]) -> None:
    """Rightly labelled and found faces of every size, with the interval of the former."""
    for x, row in enumerate(rows):
        if row.accuracy is None or row.detection_recall is None:
            axes.annotate("no face", (x, 0.5), xycoords=("data", "axes fraction"), color=style.SOFT, ha="center")
            continue
        axes.plot((x, x), row.accuracy_ci95, color=style.RIGHT, lw=5, alpha=0.3, solid_capstyle="butt")
        axes.plot(x, row.accuracy, "o", color=style.RIGHT, ms=7, zorder=3)
        axes.plot(x, row.detection_recall, "_", color=style.INK, ms=16, mew=1.6, zorder=4)
        axes.annotate(
            percent(row.accuracy, 0), (x, row.accuracy), (9, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.set_xticks(range(len(rows)), [f"{pixels(row.low, row.high)}\n{row.support:,} faces" for row in rows])
    axes.set_xlim(-0.5, len(rows) - 0.4)
    axes.set_ylim(-0.02, 1.04)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y")
    style.percent_axis(axes.yaxis)
    detail = "shorter side of the true box\ndot: found and right, with 95 % interval; line: found"
    style.headline(axes, "Against face size", detail)
