"""Heat maps over test images: what spoke for the class that was named, in right and in wrong predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mien.labels import shortened
from mien.report import style
from mien.report.wording import percent
from mien.types import Image

EACH = 3
"""Right predictions of a class that are shown, and as many wrong ones."""

CLASSES = 20
"""Classes that are shown at most."""

_SHADES = "viridis"  # perceptually uniform; its lightness alone tells high from low, to the colour-blind too
_TILE = 0.8  # inches, the side of an image
_PAIR, _ROW, _HALF = 1.78, 1.08, 5.6  # from one pair of image and map to the next, from row to row, from right to wrong
_LONG = 17  # letters of a name over a pair
_EDGE, _TOP, _BOTTOM = 1.0, 1.0, 0.65  # around the rows


@dataclass(frozen=True)
class Explained:
    """A prediction with its heat map.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        heat: (S, S) 0..1, larger where the image spoke more for ``predicted``.
        label: Its true class.
        predicted: The class the model named.
        probability: Of that class, 0..1.
    """

    image: Image
    heat: NDArray[np.float32]
    label: str
    predicted: str
    probability: float

    @property
    def right(self) -> bool:
        """Whether the model was right."""
        return self.label == self.predicted


def choose_explained(predictions: pd.DataFrame, seed: int) -> list[int]:
    """Row numbers of predictions to explain: of every true class up to ``EACH`` right and ``EACH`` wrong ones.

    Args:
        predictions: Columns ``label`` and ``predicted``.
        seed: Of the draw; nobody's look at the maps has a part in it.
    """
    rows = predictions[["label", "predicted"]].reset_index(drop=True).sample(frac=1, random_state=seed)
    drawn = rows.groupby([rows["label"], rows["label"] == rows["predicted"]]).head(EACH)
    return [int(row) for row in drawn.index]


@style.styled
def plot_explanations(shown: Sequence[Explained], labels: Sequence[str], cells: int, path: Path) -> Path:
    """A row a true class: right predictions at the left, wrong ones at the right, each image beside its map.

    Args:
        shown: The predictions.
        labels: The classes, in the order of the rows; those without a prediction get none.
        cells: Rows and columns of the network's maps, for the caption.
        path: The PNG to write.
    """
    present = [label for label in labels if any(one.label == label for one in shown)]
    rows = present[:CLASSES]
    figure = style.figure(_EDGE + 2 * _HALF, _TOP + _ROW * len(rows) + _BOTTOM)
    figure.set_layout_engine("none")  # every place is known in inches
    _headings(figure, cells, len(present) - len(rows))
    for row, label in enumerate(rows):
        bottom = _BOTTOM + _ROW * (len(rows) - 1 - row)
        _words(figure, (_EDGE - 0.1, bottom + _TILE / 2), fill(label, 11), ha="right", va="center", weight="bold")
        for right, left in ((True, _EDGE), (False, _EDGE + _HALF)):
            own = [one for one in shown if one.label == label and one.right is right]
            for column, one in enumerate(own):
                _pair(figure, one, (left + _PAIR * column, bottom))
            if not own:
                _words(figure, (left, bottom + _TILE / 2), "none", va="center", color=style.SOFT)
    return style.save(figure, path)


def _pair(figure: Figure, one: Explained, place: tuple[float, float]) -> None:
    """An image beside its map, at a place in inches, and over them what the model said."""
    for offset, picture in ((0.0, one.image), (_TILE + 0.03, overlaid(one.image, one.heat))):
        _axes(figure, (place[0] + offset, place[1], _TILE, _TILE)).imshow(picture, interpolation="bicubic")
    words = percent(one.probability, 0)
    if not one.right:
        words = f"→ {shortened(one.predicted, _LONG)} {words}"
    _words(figure, (place[0], place[1] + _TILE + 0.05), words, fontsize=8)


def overlaid(image: Image, heat: NDArray[np.float32]) -> Image:
    """The image in gray under its map, which covers it the more the higher it is: from a quarter to three quarters.

    Args:
        image: (S, S, 3) uint8 RGB.
        heat: (S, S) 0..1.
    """
    gray = (image @ np.array([0.299, 0.587, 0.114]))[..., None]
    cover = (0.25 + 0.5 * heat)[..., None]
    mixed: Image = np.rint(gray * (1 - cover) + 255 * colormaps[_SHADES](heat)[..., :3] * cover).astype(np.uint8)
    return mixed


def _headings(figure: Figure, cells: int, left_out: int) -> None:
    """What is shown, the names of the two halves, and the scale of the colours."""
    top = figure.get_figheight()
    lines = [
        "What spoke for the predicted class",
        "Grad-CAM: brighter where the image spoke more for the class that the model named. Row: true class; the "
        "predictions are drawn by the seed, not by looks.",
        f"Maps of {cells} x {cells} cells, enlarged, each by its own maximum."
        + (f" {left_out} more classes are left out." if left_out else ""),
    ]
    _words(figure, (0.1, top - 0.2), lines[0], weight="bold", fontsize=10)
    _words(figure, (0.1, top - 0.55), "\n".join(lines[1:]), color=style.SOFT, fontsize=style.SMALL, linespacing=1.4)
    halves = (
        (0.0, "✓ right, and its probability", style.RIGHT),
        (_HALF, "✗ wrong, and what it was taken for", style.WRONG),
    )
    for left, name, hue in halves:
        _words(figure, (_EDGE + left, top - _TOP + 0.08), name, color=hue, weight="bold")
    scale = _axes(figure, (_EDGE, 0.28, 2.2, 0.1))
    scale.imshow(np.linspace(0, 1, 256)[None], aspect="auto", cmap=_SHADES)
    _words(figure, (_EDGE - 0.1, 0.33), "least", ha="right", va="center", color=style.SOFT)
    _words(figure, (_EDGE + 2.3, 0.33), "most", va="center", color=style.SOFT)


def _axes(figure: Figure, box: tuple[float, float, float, float]) -> Axes:
    """Bare axes at left, bottom, width and height in inches."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
    axes.set_axis_off()
    return axes


def _words(figure: Figure, place: tuple[float, float], text: str, **look: Any) -> None:
    """Text at a place in inches."""
    width, height = figure.get_size_inches()
    figure.text(place[0] / width, place[1] / height, text, **{"fontsize": style.SMALL} | look)
