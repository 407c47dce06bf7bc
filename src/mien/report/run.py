"""All pictures of a finished run, made from its files."""

from collections.abc import Callable
from math import prod
from pathlib import Path

import pandas as pd

from mien.report.error_plot import plot_errors
from mien.report.plots import plot_confusion, plot_curves, plot_per_class
from mien.report.samples import choose_samples, grid_size, plot_samples
from mien.results import RunResult
from mien.runs import METRICS_FILE
from mien.types import Image


def report_run(
    folder: Path, image_of: Callable[[int], Image] | None = None, run: RunResult | None = None
) -> list[Path]:
    """Write ``plots/`` of a run folder: curves, scores, errors in whole photos, and samples where images can be had.

    A folder without ``metrics.csv`` (a model that was only evaluated) gets no curves.

    Args:
        folder: A finished run.
        run: Its result, where it is not saved yet; ``None``: read from the folder.
        image_of: The (H, W, 3) uint8 RGB image of a row of ``predictions.parquet``; ``None``: no samples.

    Returns:
        The pictures written.

    Raises:
        RunFolderError: The run is not finished, or its folder cannot be written to.
    """
    run = RunResult.load(folder) if run is None else run
    plots = folder / "plots"
    pictures = []
    if run.test is not None:
        pictures.append(plot_confusion(run.test, plots / "confusion.png"))
        pictures.append(plot_per_class(run.test, plots / "per_class.png"))
    if run.end_to_end is not None and run.end_to_end.outcomes is not None:
        pictures.append(plot_errors(run.end_to_end, plots / "end_to_end_errors.png"))
    if (folder / METRICS_FILE).is_file():
        metrics = pd.read_csv(folder / METRICS_FILE)
        pictures.insert(0, plot_curves(metrics, plots / "curves.png", kept_epoch(run)))
    if image_of is not None:
        pictures.append(_samples(folder, image_of, run.seed))
    return pictures


def kept_epoch(run: RunResult) -> int:
    """The epoch whose weights were kept, counted from 1: the one chosen on the selection split, or the last."""
    if run.selection is None or run.protocol["checkpoint"] == "last":
        return run.epochs
    return run.selection.epoch


def _samples(folder: Path, image_of: Callable[[int], Image], seed: int) -> Path:
    """The contact sheet of a run."""
    predictions = pd.read_parquet(folder / "predictions.parquet")
    rows = choose_samples(predictions, prod(grid_size(predictions["label"])), seed)
    shown = predictions.iloc[rows]
    return plot_samples(
        [image_of(row) for row in rows],
        shown["label"].tolist(),
        shown["predicted"].tolist(),
        [float(row[f"p_{row['predicted']}"]) for _, row in shown.iterrows()],
        folder / "plots" / "samples.png",
    )
