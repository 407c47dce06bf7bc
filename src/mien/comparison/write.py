"""The files of a comparison."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mien.comparison.compare import Comparison, compare_leniently
from mien.comparison.frames import class_frame, missed_frame, pair_frame, run_frame
from mien.comparison.jobs import load_jobs
from mien.comparison.page import document
from mien.files import atomic_path

TESTED = {"pairs.csv", "per_class.csv", "missed_by_all.csv"}
"""Tables that are there only where runs were tested on the same images."""


def write_comparison(comparison: Comparison, folder: Path, stem: str, command: str) -> list[Path]:
    """Write the report and its tables.

    Args:
        comparison: What they say.
        folder: Where to write ``<stem>.html``, ``<stem>.md``, ``comparison.csv``, ``plots/``, and, where runs were
            tested on the same images, ``pairs.csv``, ``per_class.csv`` and ``missed_by_all.csv``.
        stem: Name of the report.
        command: The command line that made it.

    Returns:
        The files, without the pictures.

    Raises:
        RunFolderError: The folder cannot be written to, or the disk is full.
    """
    tables = {"comparison.csv": run_frame(comparison)}
    if comparison.tested is not None:
        tested = comparison.tested
        tables |= {
            "pairs.csv": pair_frame(tested),
            "per_class.csv": class_frame(tested),
            "missed_by_all.csv": missed_frame(tested),
        }
    for name in TESTED - set(tables):  # of an earlier comparison
        (folder / name).unlink(missing_ok=True)
    for name, table in tables.items():
        _write_csv(table, folder / name)
    return [*document(comparison, command).write(folder, stem), *(folder / name for name in tables)]


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)


def compare_sweep(sweep: Path, folders: Sequence[Path]) -> tuple[Comparison, list[Path]]:
    """Compare the jobs of a sweep, finished or not, and write ``comparison.*`` and the rest into its folder.

    Args:
        sweep: Its folder.
        folders: The jobs' run folders.

    Returns:
        The comparison and its files.

    Raises:
        RunFolderError: The folder cannot be written to, or the disk is full.
    """
    comparison = compare_leniently(load_jobs(folders))
    return comparison, write_comparison(comparison, sweep, "comparison", f"python compare.py sweep={sweep}")
