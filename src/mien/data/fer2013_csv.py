"""The CSV form of FER2013: columns emotion (0..6), pixels (2,304 integers, 48 rows of 48) and Usage."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mien.data import csv_files
from mien.data.layout import SHOWN, Layout, Problems
from mien.data.readers import ArrayReader
from mien.data.source import Part
from mien.labels import EXPRESSIONS, FER2013_CODES, shortened
from mien.types import SplitName

SIDE = 48
"""Height and width of an image in pixels."""

USAGES = {"Training": SplitName.TRAIN, "PublicTest": SplitName.VALIDATION, "PrivateTest": SplitName.TEST}
"""The official names of the parts, in the Usage column and at the start of the file names of the folder releases."""

_CODES = {str(code): EXPRESSIONS.index(name) for code, name in enumerate(FER2013_CODES)}
_COLUMNS = ("emotion", "pixels", "Usage")
_CHUNK = 2048  # rows held as text at a time, about 20 MB

T = TypeVar("T")


def read_csv(path: Path, layout: Layout) -> dict[SplitName, Part]:
    """Read the CSV into its parts, the rows of each in the file's order.

    Args:
        path: The file.
        layout: What an error says was expected.

    Raises:
        DataError: It is no CSV, a column is missing, or rows are wrong; ten of them are listed with their number.
    """
    images: list[NDArray[np.uint8]] = []
    labels: list[int | None] = []
    splits: list[SplitName | None] = []
    problems: Problems = []
    for chunk in _chunks(path, layout):
        first = len(labels) + 1
        images.append(_pixels(chunk["pixels"].tolist(), first, problems))
        labels += _column(chunk, "emotion", _CODES, first, problems)
        splits += _column(chunk, "Usage", USAGES, first, problems)
    if problems:
        raise layout.row_error(path, problems, len(labels))
    if not labels:
        raise layout.error(f"{path} has no rows", path)
    return _parts(path.name, np.concatenate(images), np.array(labels, np.int64), splits)


def _chunks(path: Path, layout: Layout) -> Iterator[pd.DataFrame]:
    try:
        for chunk in csv_files.read_chunks(path, _CHUNK):
            chunk.columns = chunk.columns.str.strip()  # " pixels" and " Usage" in icml_face_data.csv
            missing = [name for name in _COLUMNS if name not in chunk.columns]
            if missing:
                found = ", ".join(shortened(name, SHOWN) for name in chunk.columns[:5])
                raise layout.error(f"{path} has no column {', '.join(missing)}; its columns are {found}", path)
            yield chunk
    except csv_files.BROKEN as error:
        raise layout.error(f"{path} is no CSV file: {str(error).strip()}", path) from error


def _pixels(texts: list[str], first: int, problems: Problems) -> NDArray[np.uint8]:
    images = np.zeros((len(texts), SIDE * SIDE), np.uint8)
    for offset, text in enumerate(texts):
        try:
            values = np.fromstring(text, np.int32, sep=" ")
        except ValueError:
            problems.append((first + offset, "pixels are not all integers"))
            continue
        if len(values) != SIDE * SIDE:
            problems.append((first + offset, f"{len(values)} pixels, expected {SIDE * SIDE} ({SIDE}x{SIDE})"))
        elif values.max() > 255 or values.min() < 0:
            worst = values[(values > 255) | (values < 0)][0]
            problems.append((first + offset, f"pixel value {worst}, expected 0..255"))
        else:
            images[offset] = values
    return images.reshape(-1, SIDE, SIDE)


def _column(chunk: pd.DataFrame, name: str, known: Mapping[str, T], row: int, problems: Problems) -> list[T | None]:
    values = [value.strip() for value in chunk[name]]
    unknown = [(row + offset, value) for offset, value in enumerate(values) if value not in known]
    expected = f"expected one of {', '.join(known)}"
    problems += [(bad, f"unknown {name} {shortened(value, SHOWN)!r}, {expected}") for bad, value in unknown]
    return [known.get(value) for value in values]


def _parts(
    name: str, images: NDArray[np.uint8], labels: NDArray[np.int64], splits: list[SplitName | None]
) -> dict[SplitName, Part]:
    parts = {}
    for split in USAGES.values():
        chosen = np.flatnonzero([found is split for found in splits])
        if len(chosen):
            parts[split] = Part(ArrayReader(images[chosen], chosen + 1, name), labels[chosen])
    return parts
