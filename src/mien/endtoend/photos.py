"""Photos on disk as scenes: a folder with ``images/`` and ``labels.csv``, checked whole before any work starts."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mien.data.readers import load_image
from mien.errors import DataError, nearest
from mien.labels import LabelSet, canonical
from mien.types import Scene

BOX_COLUMNS = ("left", "top", "right", "bottom")
_LAYOUT = "expected a folder with images/ and labels.csv (columns image, label; optional left, top, right, bottom)"


class PhotoScenes:
    """Photos with one labelled main face each, or, where labels.csv has the four box columns, any number of faces.

    Boxes are in pixels of the picture as it is seen, after the rotation that its EXIF data asks for.

    Args:
        root: Folder with ``images/`` and ``labels.csv``, one row a face.
        labels: The classes that may occur; ``None``: those that do.

    Raises:
        DataError: The layout, rows or images are not as expected; all problems of the stage that failed.
    """

    name = "photos"

    def __init__(self, root: Path, labels: LabelSet | None = None) -> None:
        table = _read_table(root)
        self._images = root / "images"
        problems = _row_problems(table, labels) + _image_problems(self._images, table["image"].unique())
        if problems:
            raise DataError(f"{len(problems)} problem(s) in {root}:\n" + "\n".join(f"  - {p}" for p in problems))
        self.labels = LabelSet.of(table["label"]) if labels is None else labels
        self._faces = [(str(name), rows) for name, rows in table.groupby("image", sort=False)]

    def __len__(self) -> int:
        return len(self._faces)

    def scene(self, index: int) -> Scene:
        """Decode one photo."""
        name, rows = self._faces[index]
        labels = np.array([self.labels.index(label) for label in rows["label"]], np.int64)
        boxes = rows[list(BOX_COLUMNS)].to_numpy(np.float32) if BOX_COLUMNS[0] in rows else None
        return Scene(name, load_image(self._images / name), labels, boxes)

    def __iter__(self) -> Iterator[Scene]:
        return (self.scene(index) for index in range(len(self)))


def _read_table(root: Path) -> pd.DataFrame:
    """labels.csv with all cells as text, its columns checked."""
    path = root / "labels.csv"
    if not root.is_dir():
        raise DataError(f"scenes.root={root} is not there or no folder; {_LAYOUT}")
    missing = [] if (root / "images").is_dir() else ["images/"]
    missing += [] if path.is_file() else ["labels.csv"]
    if missing:
        found = ", ".join(sorted(p.name for p in root.iterdir())[:10]) or "nothing"
        raise DataError(f"scenes.root={root} lacks {' and '.join(missing)} (it holds {found}); {_LAYOUT}")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a CSV table in UTF-8 ({error})") from error
    boxed = any(name in table for name in BOX_COLUMNS)
    lacking = [name for name in ("image", "label", *(BOX_COLUMNS if boxed else ())) if name not in table]
    if lacking:
        raise DataError(f"{path}: no column {', '.join(lacking)} (it has {', '.join(table.columns)}); {_LAYOUT}")
    if table.empty:
        raise DataError(f"{path}: has no row; expected one a labelled face")
    return table


def _row_problems(table: pd.DataFrame, labels: LabelSet | None) -> list[str]:
    """Empty cells, unknown labels, bad boxes and repeated images, each with its line in labels.csv."""
    problems = []
    boxed = BOX_COLUMNS[0] in table
    boxes = table[list(BOX_COLUMNS)].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64) if boxed else None
    repeated = table.duplicated("image") & (not boxed)
    for row, (image, label) in enumerate(zip(table["image"], table["label"], strict=True)):
        line = f"labels.csv line {row + 2}"
        if not image or not label:
            problems.append(f"{line}: empty {'image' if not image else 'label'}")
        elif labels is not None and canonical(label) not in labels.names:
            problems.append(f"{line}: unknown label {label!r}; {nearest(canonical(label), labels.names)}")
        if repeated[row]:
            problems.append(f"{line}: {image} again; several faces a photo need the columns {', '.join(BOX_COLUMNS)}")
        if boxes is not None and not _is_box(boxes[row]):
            written = ", ".join(str(table.loc[row, column]) for column in BOX_COLUMNS)
            problems.append(f"{line}: expected a box in pixels, left < right and top < bottom, got {written}")
    return problems


def _is_box(box: NDArray[np.float64]) -> bool:
    left, top, right, bottom = box
    return bool(np.isfinite(box).all() and right - left >= 1 and bottom - top >= 1)


def _image_problems(folder: Path, names: Iterable[str]) -> list[str]:
    """Images that are missing or cannot be decoded to their end: all are, once."""
    problems = []
    for name in filter(None, names):  # an empty name is already listed with its row
        try:
            load_image(folder / name)
        except DataError as error:
            problems.append(str(error))
    return problems
