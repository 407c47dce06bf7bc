"""Reading of tables that people bring, compressed or not, whatever is wrong with them."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

BROKEN = (  # pandas' and pyarrow's own errors are ValueErrors; ImportError: no decoder of this compression
    *(ValueError, OSError, EOFError, RuntimeError, ImportError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError),
)
"""What reading a table raises where it is damaged, or none."""


def read_csv(file: Path) -> pd.DataFrame:
    """The cells of a CSV file as text.

    Raises:
        One of ``BROKEN``: it cannot be read, or its rows have more cells than its first line.
    """
    return _checked(pd.read_csv(file, dtype=str, encoding="utf-8-sig", keep_default_na=False))


def read_chunks(file: Path, rows: int) -> Iterator[pd.DataFrame]:
    """As :func:`read_csv`, so many rows at a time."""
    with pd.read_csv(file, dtype=str, encoding="utf-8-sig", keep_default_na=False, chunksize=rows) as chunks:
        yield from map(_checked, chunks)


def _checked(frame: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes the first cells of longer rows for names
        raise ValueError("its rows have more cells than its first line; is there a comma at their ends?")
    return frame
