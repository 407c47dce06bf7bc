"""The files of a comparison."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mien.comparison.compare import Comparison, compare_leniently
from mien.comparison.frames import class_frame, missed_frame, model_frame, pair_frame, run_frame
from mien.comparison.jobs import load_jobs
from mien.comparison.page import PICTURES, document
from mien.errors import RunFolderError
from mien.files import atomic_path
from mien.report.document import PLOTS, Picture

TESTED = {"models.csv", "pairs.csv", "per_class.csv", "missed_by_all.csv"}
"""Tables that are there only where runs were tested on the same images."""


def write_comparison(comparison: Comparison, folder: Path, stem: str, command: str) -> list[Path]:
    """Write the report and its tables.

    Args:
        comparison: What they say.
        folder: Where to write ``<stem>.html``, ``<stem>.md``, ``comparison.csv``, ``plots/``, and, where runs were
            tested on the same images, ``models.csv`` (mean and spread over trainings), ``pairs.csv``,
            ``per_class.csv`` and ``missed_by_all.csv``.
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
            "models.csv": model_frame(tested),
            "pairs.csv": pair_frame(tested),
            "per_class.csv": class_frame(tested),
            "missed_by_all.csv": missed_frame(tested),
        }
    page = document(comparison, command)  # before anything is written or removed
    drawn = {block.name for block in page.blocks if isinstance(block, Picture)}
    _remove(folder, TESTED - set(tables))
    _remove(folder / PLOTS, PICTURES - drawn)
    for name, table in tables.items():
        _write_csv(table, folder / name)
    return [*page.write(folder, stem), *(folder / name for name in tables)]


def _remove(folder: Path, names: set[str]) -> None:
    """Remove what an earlier comparison left.

    Raises:
        RunFolderError: That is not possible.
    """
    for name in names:
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise RunFolderError(
                f"cannot remove {folder / name}, of an earlier comparison: {error.strerror}; choose output=<folder>"
            ) from error


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
