"""A contact sheet of test images with what the model said of them."""

from collections.abc import Iterable, Sequence
from math import ceil
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from mien.report import style
from mien.report.wording import percent
from mien.types import Image

ROWS = 4


def grid_size(labels: Iterable[str]) -> tuple[int, int]:
    """Rows and columns of a contact sheet: one column a class, from 4 to 8."""
    return ROWS, min(max(len(set(labels)), 4), 8)


def choose_samples(predictions: pd.DataFrame, count: int = 28, seed: int = 0) -> list[int]:
    """Row numbers of samples to show: half of them wrong where there are as many, all classes taken in turn.

    Right ones come first; each half goes round the true classes, so that a grid with one column a class lines up.

    Args:
        predictions: Columns ``label`` and ``predicted``.
        count: How many at most.
        seed: Of the draw; the same seed gives the same samples.
    """
    rows = pd.DataFrame(
        {
            "label": predictions["label"].to_numpy(),
            "wrong": (predictions["label"] != predictions["predicted"]).to_numpy(),
        }
    ).sample(frac=1, random_state=seed)
    rows["turn"] = rows.groupby(["wrong", "label"]).cumcount()
    rows = rows.sort_values(["wrong", "turn", "label"])
    right, wrong = rows[~rows["wrong"]], rows[rows["wrong"]]
    n_wrong = min(len(wrong), max(count // 2, count - len(right)))
    chosen = [*right.index[: count - n_wrong], *wrong.index[:n_wrong]]
    return [int(index) for index in chosen]


@style.styled
def plot_samples(
    images: Iterable[Image], labels: Sequence[str], predicted: Sequence[str], probabilities: Sequence[float], path: Path
) -> Path:
    """A grid of samples, each under its true class and, where it was taken for another, that one.

    Right: a tick and a thin frame. Wrong: a cross and a thick frame.

    Args:
        images: (N, H, W, 3) uint8 RGB, or N images of several sizes.
        labels: N true class names.
        predicted: N predicted class names.
        probabilities: (N,) probabilities of the predicted classes, 0..1.
        path: The PNG to write.
    """
    _, columns = grid_size(labels)
    rows = max(1, ceil(len(labels) / columns))
    figure = style.figure(1.36 * columns, 1.72 * rows + 0.4)
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    hits = sum(label == guess for label, guess in zip(labels, predicted, strict=True))
    figure.suptitle(
        f"{hits} right (✓) and {len(labels) - hits} wrong (✗): a chosen mix, not the accuracy\n"
        "true class; → what it was taken for; probability of the predicted class",
        x=0.01, ha="left", fontsize=style.SMALL, color=style.SOFT,
    )  # fmt: skip
    for axes in grid:
        axes.set_axis_off()
    for axes, image, label, guess, probability in zip(grid, images, labels, predicted, probabilities, strict=False):
        axes.imshow(image, interpolation="bicubic")
        _words(axes, label, guess, probability)
    return style.save(figure, path)


def _words(axes: Axes, label: str, guess: str, probability: float) -> None:
    """The frame of one image and the two lines over it."""
    right = label == guess
    hue, width, sign = (style.RIGHT, 1.5, "✓") if right else (style.WRONG, 3.5, "✗")
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=hue, lw=width)
    second = percent(probability, 0) if right else f"→ {guess} {percent(probability, 0)}"
    for line, above in ((f"{sign} {label}", 14), (second, 4)):
        style.beside(axes, (0, 1), (0, above), line, transform=axes.transAxes, fontsize=7.5)
