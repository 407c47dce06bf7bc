"""``dataset=table``: a CSV or parquet file with one row an image or face.

The way in for RAF-DB, AffectNet, ExpW and private data, whatever their columns are called.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mien.config.schema import DatasetConfig, OnBadImage, TableConfig
from mien.data import csv_files
from mien.data.class_folders import SPLIT_FOLDERS
from mien.data.layout import SHOWN, Layout, Problems, listed
from mien.data.readers import FileReader
from mien.data.source import Part, SourceData
from mien.data.table_images import image_problems, read_boxes
from mien.errors import nearest
from mien.labels import LabelSet, shortened
from mien.types import SplitName

logger = logging.getLogger(__name__)

LAYOUT = Layout(
    name="table",
    picture=(
        "<dataset.root>/<dataset.table.file>   comma-separated .csv, or .parquet; one row an image or face; columns:\n"
        "  path    image file, relative to dataset.root\n"
        "  label   class name, or an integer with dataset.table.classes=[<name of 0>,<name of 1>,...]\n"
        "  split   train, validation or test (optional: dataset.table.split=<column>)\n"
        "  box     left, top, right, bottom in pixels (optional: dataset.table.box=[<four columns>])"
    ),
    origin="a table of your own; its columns may have other names: dataset.table.{path,label,split,box}",
)


def load_table(config: DatasetConfig) -> SourceData:
    """Read the table and check every row of it.

    With ``dataset.on_bad_image=skip``, rows whose file is missing or smaller than their box are left out.

    Raises:
        DataError: The table is missing, lacks a column, or has wrong rows; ten of them are listed with their number.
    """
    root = LAYOUT.root(config)
    file, frame = _read(root, config.table)
    problems: Problems = []
    names = _names(frame[config.table.label].tolist(), config.table.classes, problems)
    splits = _splits(frame, config.table.split, problems)
    boxes = read_boxes(frame, config.table.box, problems)
    paths = frame[config.table.path].tolist()
    bad = image_problems(root, paths, boxes)
    if config.on_bad_image is OnBadImage.error:
        problems += bad
    if problems:
        raise LAYOUT.row_error(file, problems, len(frame))
    if bad:
        rows = [f"row {row}: {text}" for row, text in bad]
        logger.warning("%s: %d rows are skipped:\n%s", file, len(rows), listed(rows))
    kept = np.setdiff1d(np.arange(len(frame)), [row - 1 for row, _ in bad])
    if not len(kept):
        raise LAYOUT.error(f"{file} has no rows" + " left" * bool(bad), file)
    labels = LabelSet.of(filter(None, config.table.classes or names))
    part = Part(FileReader(root, paths, boxes), np.array([labels.index(name) for name in names], np.int64))
    return SourceData("table", "", labels, _parts(part, splits, kept))


def _read(root: Path, table: TableConfig) -> tuple[Path, pd.DataFrame]:
    """The table's file, and its used columns as text (boxes excepted)."""
    if table.file is None:
        raise LAYOUT.error("dataset.table.file is not set", root)
    if table.box is not None and len(table.box) != 4:
        raise LAYOUT.error(f"dataset.table.box={table.box}: expected four columns (left, top, right, bottom)")
    file = root / table.file
    if not file.is_file():
        raise LAYOUT.error(f"dataset.table.file={file} does not exist", root)
    try:
        frame = pd.read_parquet(file) if file.suffix.lower() in (".parquet", ".pq") else csv_files.read_csv(file)
    except csv_files.BROKEN as error:
        raise LAYOUT.error(f"{file} cannot be read: {str(error).strip()}", file) from error
    texts = [table.path, table.label] + ([table.split] if table.split is not None else [])
    missing = [name for name in [*texts, *(table.box or [])] if name not in frame.columns]
    if missing:
        hints = "; ".join(f"{name} ({nearest(name, map(str, frame.columns))})" for name in missing)
        raise LAYOUT.error(f"{file} lacks columns: {hints}", file)
    for name in texts:
        frame[name] = ["" if pd.isna(value) else str(value).strip() for value in frame[name]]
    return file, frame


def _names(values: list[str], classes: list[str] | None, problems: Problems) -> list[str]:
    """Each row's class name."""
    if classes is None:
        problems += [(row, "no label") for row, value in enumerate(values, 1) if not value]
        return values
    known = {str(code): name for code, name in enumerate(classes) if name}
    gaps = len(known) < len(classes)
    expected = f"expected one of {', '.join(known)}" if gaps else f"expected an integer from 0 to {len(classes) - 1}"
    codes = [value.removesuffix(".0") for value in values]
    for row, code in enumerate(codes, 1):
        if code not in known:
            problems.append((row, f"label {shortened(code, SHOWN)!r}, {expected}"))
    return [known.get(code, "") for code in codes]


def _splits(frame: pd.DataFrame, column: str | None, problems: Problems) -> list[SplitName | None]:
    """Each row's split; train where there is no such column, so that the other parts are cut."""
    if column is None:
        return [SplitName.TRAIN] * len(frame)
    values = [value.lower() for value in frame[column]]
    unknown = [(row, value) for row, value in enumerate(values, 1) if value not in SPLIT_FOLDERS]
    expected = "expected train, validation or test"
    problems += [(row, f"unknown split {shortened(value, SHOWN)!r}, {expected}") for row, value in unknown]
    return [SPLIT_FOLDERS.get(value) for value in values]


def _parts(part: Part, splits: list[SplitName | None], kept: NDArray[np.int64]) -> dict[SplitName, Part]:
    parts = {}
    for split in SplitName:
        chosen = kept[[splits[index] is split for index in kept]]
        if len(chosen):
            parts[split] = part.take(chosen)
    return parts
