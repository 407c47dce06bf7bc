"""A contact sheet of test images with what the model said of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from mien.report import style
from mien.report.contact_sheet import Tile, contact_sheet, fitted
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
    hits = sum(label == guess for label, guess in zip(labels, predicted, strict=True))
    head = (
        f"{hits} right (✓) and {len(labels) - hits} wrong (✗): a chosen mix, not the accuracy\n"
        "true class; → what it was taken for; probability of the predicted class"
    )
    told = zip(images, labels, predicted, probabilities, strict=True)
    return contact_sheet([_tile(*sample) for sample in told], columns, head, path)


def _tile(image: Image, label: str, guess: str, probability: float) -> Tile:
    if label == guess:
        return Tile(image, (f"✓ {label}", percent(probability, 0)), style.RIGHT)
    taken_for = fitted("→ ", guess, f" {percent(probability, 0)}")
    return Tile(image, (f"✗ {label}", taken_for), style.WRONG, width=3.5)
