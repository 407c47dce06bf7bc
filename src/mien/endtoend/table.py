"""Photos with boxes in the layout of ExpW (Zhang, Luo, Loy, Tang 2018, arXiv:1609.06426): images and ``label.lst``.

Every line is one face: ``image face-id top left right bottom confidence label``, separated by spaces, where the label
is an integer in the order of :data:`mien.labels.EXPW_CODES`. So says the readme that comes with the set. Mind that top
stands before left. Face id and confidence (of the detector that its authors used) are not used here.

Not every face of ExpW's photos has a line, so that false faces and precision on it are bounds: the detector may be
better than they say.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from mien.data.layout import describe, listed
from mien.endtoend.photos import LabelledPhotos, grouped, image_problems, is_box
from mien.endtoend.records import SIDES
from mien.errors import DataError, nearest
from mien.labels import EXPW_CODES, LabelSet

logger = logging.getLogger(__name__)

FIELDS = ("image", "face id", "top", "left", "right", "bottom", "confidence", "label")
IMAGE_FOLDERS = ("images", "image/origin")
"""Where the images may lie under the root; the second is how ExpW is packed."""
_LAYOUT = (
    f"expected a folder with images/ (or image/origin/) and label.lst (or label/label.lst), a line a face: "
    f"{', '.join(FIELDS)}, separated by spaces; another file is named by scenes.table=<file>"
)


def read_table(root: Path, table: str = "label.lst", labels: LabelSet | None = None) -> LabelledPhotos:
    """Photos with any number of labelled faces, each with its box.

    A line that is there twice counts once. The classes are those that occur.

    Args:
        root: Folder with the images and the table.
        table: The table's file under ``root``, or under ``root/label``.
        labels: The classes that may occur; ``None``: all seven.

    Raises:
        DataError: The layout, lines or images are not as expected; the first ten problems, with their lines.
    """
    folder, file = _find(root, table)
    frame, problems = _read_lines(file, labels)
    if not problems and frame.empty:
        raise DataError(f"{file} has no line; {_LAYOUT}")
    boxes = frame[list(SIDES)].to_numpy(np.float64)
    if not problems:
        problems = image_problems(folder, frame["line"].tolist(), frame["image"].tolist(), boxes)
    if problems:
        raise DataError(f"{len(problems)} problem(s) in {file}:\n" + listed([f"{file.name} {p}" for p in problems]))
    return grouped("table", folder, LabelSet.of(frame["label"]), frame, boxes)


def _find(root: Path, table: str) -> tuple[Path, Path]:
    """The images' folder and the table's file."""
    if not root.is_dir():
        raise DataError(f"scenes.root={root} is not there or no folder; {_LAYOUT}")
    folders = [root / name for name in IMAGE_FOLDERS if (root / name).is_dir()]
    files = [file for file in (root / table, root / "label" / table) if file.is_file()]
    missing = ["images"] * (not folders) + [table] * (not files)
    if missing:
        raise DataError(f"scenes.root={root} lacks {' and '.join(missing)} (it holds {describe(root)}); {_LAYOUT}")
    return folders[0], files[0]


def _read_lines(file: Path, labels: LabelSet | None) -> tuple[pd.DataFrame, list[str]]:
    """The faces (line, image, label, left, top, right, bottom), and what is wrong with which line."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read as text in UTF-8 ({error})") from error
    rows, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.rsplit(maxsplit=len(FIELDS) - 1)  # from the right: a file's name may have spaces
        problem = _line_problem(fields, labels) if fields else None
        if problem is not None:
            problems.append(f"line {number}: {problem}")
        elif fields:
            top, left, right, bottom = (float(value) for value in fields[2:6])
            rows.append((number, fields[0], EXPW_CODES[int(fields[7])], left, top, right, bottom))
    frame = pd.DataFrame(rows, columns=["line", "image", "label", *SIDES])
    repeated = frame.duplicated(frame.columns[1:].tolist())
    if repeated.any():
        logger.warning("%s: %d lines are there twice and count once", file, repeated.sum())
    frame = frame[~repeated]
    relabelled = frame[frame.duplicated(["image", *SIDES])]
    problems += [
        f"line {line}: {image} has the same box with another label on an earlier line"
        for line, image in zip(relabelled["line"], relabelled["image"], strict=True)
    ]
    return frame, problems


def _line_problem(fields: list[str], labels: LabelSet | None) -> str | None:
    """What is wrong with one line, ``None`` where nothing is."""
    if len(fields) != len(FIELDS):
        return f"expected {len(FIELDS)} fields ({', '.join(FIELDS)}), got {len(fields)}: {' '.join(fields)}"
    top, left, right, bottom = (_number(value) for value in fields[2:6])
    if not is_box(np.array([left, top, right, bottom])):
        return f"expected a box in pixels, left < right and top < bottom, got top, left, right, bottom {fields[2:6]}"
    if fields[7] not in map(str, range(len(EXPW_CODES))):
        return f"expected a label from 0 to {len(EXPW_CODES) - 1}, got {fields[7]!r}"
    name = EXPW_CODES[int(fields[7])]
    if labels is not None and name not in labels.names:
        return f"label {fields[7]} is {name}, which the model does not know; {nearest(name, labels.names)}"
    return None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
