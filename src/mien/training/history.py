"""The values of every epoch, in ``metrics.csv``."""

import csv
import logging
from math import isfinite
from pathlib import Path

import pandas as pd

from mien.config.schema import ProtocolConfig
from mien.errors import MienError
from mien.files import atomic_path
from mien.results import SelectionScore

log = logging.getLogger(__name__)


class History:
    """Rows of ``metrics.csv``; written whole after every epoch, so that the file is never half a table.

    Args:
        path: The file; rows that an interrupted run left there are kept.
        epochs: Epochs of the whole run, for the log line.
        writes: Whether this is the process that writes the file.
    """

    def __init__(self, path: Path, epochs: int, writes: bool = True) -> None:
        self.path, self.epochs, self.writes = path, epochs, writes
        self.rows: list[dict[str, float]] = _read(path) if path.is_file() else []

    def append(self, row: dict[str, float]) -> None:
        """Add an epoch; one that is already there (its checkpoint was never written) is replaced."""
        self.rows = [old for old in self.rows if old["epoch"] < row["epoch"]] + [row]
        if not self.writes:
            return
        with atomic_path(self.path) as path:
            pd.DataFrame(self.rows).astype({"epoch": int}).to_csv(path, index=False)
        log.info(self._line(row))

    def seconds(self) -> float:
        """Time spent on all epochs, those before an interruption too."""
        return sum(row["seconds"] for row in self.rows)

    def best(self, protocol: ProtocolConfig) -> SelectionScore | None:
        """The epoch that the protocol's monitor chooses, the first of equals; ``None`` without a selection split.

        Raises:
            MienError: The monitor was not a finite number after any epoch.
        """
        if protocol.selection == "none":
            return None
        name, sign = f"val_{protocol.monitor}", -1 if protocol.monitor == "loss" else 1
        rows = [row for row in self.rows if isfinite(row[name])]
        if not rows:
            raise MienError(
                f"training diverged: {name} is not a finite number; lower optimizer.lr, or trainer.precision=32-true"
            )
        row = max(rows, key=lambda row: sign * row[name])
        return SelectionScore(protocol.selection, protocol.monitor, row[name], int(row["epoch"]))

    def _line(self, row: dict[str, float]) -> str:
        text = f"epoch {row['epoch']:.0f}/{self.epochs}  train loss {row['train_loss']:.3f} "
        text += f"accuracy {100 * row['train_accuracy']:.1f} %"
        if "val_loss" in row:
            text += f"  selection loss {row['val_loss']:.3f} accuracy {100 * row['val_accuracy']:.1f} %"
            text += f" macro recall {100 * row['val_macro_recall']:.1f} %"
        if "report_loss" in row:
            text += f"  reported split loss {row['report_loss']:.3f} accuracy {100 * row['report_accuracy']:.1f} %"
        return text


def _read(path: Path) -> list[dict[str, float]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: float(value or "nan") for name, value in row.items()} for row in csv.DictReader(file)]
