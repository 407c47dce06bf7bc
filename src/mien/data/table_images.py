"""The images that a table points to: their files, and the boxes in them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mien.data.layout import Problems
from mien.data.readers import image_size


def read_boxes(frame: pd.DataFrame, columns: list[str] | None, problems: Problems) -> NDArray[np.int64] | None:
    """The boxes, rounded to whole pixels.

    Args:
        frame: The table.
        columns: Its columns with left, top, right and bottom, or ``None``.
        problems: Rows whose box is empty, or none, are added to it.

    Returns:
        (N, 4) xyxy pixels, or ``None`` where there are no such columns.
    """
    if columns is None:
        return None
    values = np.stack([pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64) for name in columns], axis=1)
    numbers = np.isfinite(values).all(axis=1)
    problems += [(int(row) + 1, f"box is not four numbers ({', '.join(columns)})") for row in np.flatnonzero(~numbers)]
    boxes = np.rint(np.where(numbers[:, None], values, [0, 0, 1, 1])).astype(np.int64)
    empty = (boxes[:, 2] <= boxes[:, 0]) | (boxes[:, 3] <= boxes[:, 1])
    problems += [(int(row) + 1, f"box {_text(boxes[row])} is empty") for row in np.flatnonzero(empty)]
    return boxes


def image_problems(root: Path, paths: list[str], boxes: NDArray[np.int64] | None) -> Problems:
    """Rows whose file is missing, or whose box reaches beyond its image.

    Files that are no images are left to decoding, which tells them all.

    Args:
        root: The folder that ``paths`` are relative to.
        paths: One path a row.
        boxes: (N, 4) xyxy pixels, or ``None``: images are not opened then.
    """
    unique = list(dict.fromkeys(paths))
    with ThreadPoolExecutor() as pool:
        there = dict(zip(unique, pool.map(lambda path: (root / path).is_file(), unique), strict=True))
        found = [path for path in unique if there[path] and boxes is not None]
        sizes = dict(zip(found, pool.map(lambda path: image_size(root / path), found), strict=True))
    problems = [(row, f"no file {path!r}") for row, path in enumerate(paths, 1) if not there[path]]
    if boxes is None:
        return problems
    for row, (path, box) in enumerate(zip(paths, boxes, strict=True), 1):
        size = sizes.get(path)
        if size is not None and (min(box) < 0 or box[2] > size[0] or box[3] > size[1]):
            problems.append((row, f"box {_text(box)} reaches beyond its image of {size[0]}x{size[1]} pixels"))
    return problems


def _text(box: NDArray[np.int64]) -> str:
    return f"({', '.join(map(str, box))})"
