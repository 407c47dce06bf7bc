"""Photos on disk as scenes: a folder with ``images/`` and ``labels.csv``, checked whole before any work starts."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mien.data.readers import load_image
from mien.endtoend.records import SIDES
from mien.environment import cores
from mien.errors import DataError, nearest
from mien.labels import LabelSet, canonical
from mien.types import Scene

_LAYOUT = "expected a folder with images/ and labels.csv (columns image, label; optional left, top, right, bottom)"


@dataclass(eq=False)
class LabelledPhotos:
    """Image files with labelled faces, as a :class:`mien.endtoend.scenes.SceneSource`.

    Attributes:
        name: For results and captions.
        labels: The classes.
        folder: Where the images are.
        files: One name a photo.
        faces: Of each photo the class indices (N,) int64, and the boxes (N, 4) float32 xyxy pixels or ``None``.
        tight: The boxes are face boxes.
    """

    name: str
    labels: LabelSet
    folder: Path
    files: Sequence[str]
    faces: Sequence[tuple[NDArray[np.int64], NDArray[np.float32] | None]]
    tight: bool

    def __len__(self) -> int:
        return len(self.files)

    def scene(self, index: int) -> Scene:
        """Decode one photo."""
        return Scene(self.files[index], load_image(self.folder / self.files[index]), *self.faces[index])

    def __iter__(self) -> Iterator[Scene]:
        return (self.scene(index) for index in range(len(self)))


def read_photos(root: Path, labels: LabelSet | None = None) -> LabelledPhotos:
    """Photos with one labelled main face each, or, where labels.csv has the four box columns, any number of faces.

    Boxes are in pixels of the picture as it is seen, after the rotation that its EXIF data asks for.

    Args:
        root: Folder with ``images/`` and ``labels.csv``, one row a face.
        labels: The classes that may occur; ``None``: those that do.

    Raises:
        DataError: The layout, rows or images are not as expected; all problems of the stage that failed.
    """
    table = _read_table(root)
    boxes = table[list(SIDES)].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64) if SIDES[0] in table else None
    problems = _row_problems(table, boxes, labels)
    problems += image_problems(root / "images", table.index.tolist(), table["image"].tolist(), boxes)
    if problems:
        raise DataError(f"{len(problems)} problem(s) in {root}:\n" + "\n".join(f"  - labels.csv {p}" for p in problems))
    labels = LabelSet.of(table["label"]) if labels is None else labels
    return grouped("photos", root / "images", labels, table, boxes)


def grouped(
    name: str, folder: Path, labels: LabelSet, table: pd.DataFrame, boxes: NDArray[np.float64] | None
) -> LabelledPhotos:
    """Put the faces of each photo together.

    Args:
        name: The source's name.
        folder: Where the images are.
        labels: The classes.
        table: Columns ``image`` and ``label``, one row a face.
        boxes: (N, 4) xyxy pixels, or ``None`` where each photo has one main face.
    """
    indices = np.array([labels.index(label) for label in table["label"]], np.int64)
    rows = {str(file): own.index.to_numpy() for file, own in table.reset_index().groupby("image", sort=False)}
    faces = [(indices[own], None if boxes is None else boxes[own].astype(np.float32)) for own in rows.values()]
    return LabelledPhotos(name, labels, folder, list(rows), faces, boxes is not None)


def image_problems(
    folder: Path, lines: Sequence[int], names: Sequence[str], boxes: NDArray[np.float64] | None
) -> list[str]:
    """Images that are missing or cannot be decoded to their end (all are, once), and boxes outside their image.

    Args:
        folder: Where the images are.
        lines: Of each face its line in the table.
        names: Of each face its image; an empty one is passed over.
        boxes: (N, 4) xyxy pixels, or ``None``.

    Returns:
        Sentences that begin with a line; the first that names it, for an image.
    """
    first = dict(zip(reversed(names), reversed(lines), strict=True))
    unique = [name for name in dict.fromkeys(names) if name]
    with ThreadPoolExecutor(cores()) as pool:
        found = dict(zip(unique, pool.map(lambda name: _look(folder / name), unique), strict=True))
    problems = [f"line {first[name]}: {reason}" for name, reason in found.items() if isinstance(reason, str)]
    for line, name, (left, top, right, bottom) in zip(lines, names, [] if boxes is None else boxes, strict=False):
        size = found.get(name, "")
        if not isinstance(size, str) and (min(right, bottom) <= 0 or left >= size[0] or top >= size[1]):
            text = f"({left:g}, {top:g}, {right:g}, {bottom:g})"
            problems.append(f"line {line}: the box {text} lies outside {name}, which has {size[0]}x{size[1]} pixels")
    return problems


def _look(path: Path) -> tuple[int, int] | str:
    """An image's width and height, or what is wrong with it."""
    try:
        height, width = load_image(path).shape[:2]
    except DataError as error:
        return str(error)
    return width, height


def _read_table(root: Path) -> pd.DataFrame:
    """labels.csv with all cells as text, its columns checked; the index is each row's line."""
    path = root / "labels.csv"
    if not root.is_dir():
        raise DataError(f"scenes.root={root} is not there or no folder; {_LAYOUT}")
    missing = [] if (root / "images").is_dir() else ["images/"]
    missing += [] if path.is_file() else ["labels.csv"]
    if missing:
        found = ", ".join(sorted(p.name for p in root.iterdir())[:10]) or "nothing"
        raise DataError(f"scenes.root={root} lacks {' and '.join(missing)} (it holds {found}); {_LAYOUT}")
    try:
        table = pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True, skip_blank_lines=False
        )
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a CSV table in UTF-8 ({error})") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes what is too much for the rows' names
        raise DataError(
            f"{path}: expected as many cells a row as the head has ({', '.join(table.columns)}), got more; "
            "remove commas at the ends of lines, and quote cells that hold a comma"
        )
    table = table.fillna("").set_axis(table.index + 2)
    table = table[(table != "").any(axis=1)]
    boxed = any(name in table for name in SIDES)
    lacking = [name for name in ("image", "label", *(SIDES if boxed else ())) if name not in table]
    if lacking:
        raise DataError(f"{path}: no column {', '.join(lacking)} (it has {', '.join(table.columns)}); {_LAYOUT}")
    if table.empty:
        raise DataError(f"{path}: has no row; expected one a labelled face")
    return table


def _row_problems(table: pd.DataFrame, boxes: NDArray[np.float64] | None, labels: LabelSet | None) -> list[str]:
    """Empty cells, unknown labels, bad boxes and repeated images, each with its line in labels.csv."""
    problems = []
    repeated = table.duplicated("image") & (boxes is None)
    for row, (number, image, label) in enumerate(zip(table.index, table["image"], table["label"], strict=True)):
        line = f"line {number}"
        if not image or not label:
            problems.append(f"{line}: empty {'image' if not image else 'label'}")
        elif labels is not None and canonical(label) not in labels.names:
            problems.append(f"{line}: unknown label {label!r}; {nearest(canonical(label), labels.names)}")
        if repeated[number]:
            problems.append(f"{line}: {image} again; several faces a photo need the columns {', '.join(SIDES)}")
        if boxes is not None and not is_box(boxes[row]):
            written = ", ".join(str(table.loc[number, column]) for column in SIDES)
            problems.append(f"{line}: expected a box in pixels, left < right and top < bottom, got {written}")
    return problems


def is_box(box: NDArray[np.float64]) -> bool:
    """Whether four numbers, xyxy, are a box of at least one pixel."""
    left, top, right, bottom = box
    return bool(np.isfinite(box).all() and right - left >= 1 and bottom - top >= 1)
