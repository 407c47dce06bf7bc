"""One run in TensorBoard: curves, settings beside final scores, and the plots."""

import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mien.errors import ConfigError
from mien.loggers.facts import Facts, Outcome, curve_values, scores_of

FOLDER = "tensorboard"
_PLAIN = (bool, int, float, str)


def check_installed() -> None:
    """Refuse to start without TensorBoard.

    Raises:
        ConfigError: It is not installed.
    """
    if find_spec("tensorboard") is None:
        raise ConfigError(
            ["logger=tensorboard: the package tensorboard is not installed; run pip install 'mien[tensorboard]'"]
        )


class TensorBoardLog:
    """Event files in ``<run folder>/tensorboard``.

    Those of an interrupted run are written anew from ``metrics.csv``, so that no epoch is there twice.

    Args:
        facts: The run.
    """

    def __init__(self, facts: Facts) -> None:
        from pytorch_lightning.loggers import TensorBoardLogger

        shutil.rmtree(facts.folder / FOLDER, ignore_errors=True)
        self.settings, self.last = _flat(facts.config), 0
        self.logger = TensorBoardLogger(facts.folder, name=FOLDER, version="", default_hp_metric=False)
        for row in facts.epochs():
            self.epoch(row)

    def epoch(self, row: Mapping[str, float]) -> None:
        """Write an epoch; its step is its number."""
        epoch = int(row["epoch"])
        if epoch > self.last:
            self.logger.log_metrics(curve_values(row), epoch)
            self.logger.experiment.flush()
            self.last = epoch

    def outcome(self, outcome: Outcome) -> None:
        """Write the scores beside the settings, and the plots."""
        self.logger.log_hyperparams(self.settings, scores_of(outcome.result), self.last)
        for path in outcome.pictures:
            self.logger.experiment.add_image(f"plots/{path.stem}", _pixels(path), self.last, dataformats="HWC")

    def close(self, code: int) -> None:
        """End the event file."""
        self.logger.experiment.close()


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by dotted key, as TensorBoard takes them: single values only, lists as text."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        elif value is not None:
            flat[prefix + key] = value if isinstance(value, _PLAIN) else str(value)
    return flat
