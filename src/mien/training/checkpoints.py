"""Checkpoints: the last epoch, whole, and the best one by the protocol's rule, weights only."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint

from mien.config.schema import ProtocolConfig
from mien.training.history import History

FOLDER = "checkpoints"
BEST, LAST = "best.ckpt", "last.ckpt"
Watch = Callable[[dict[str, float]], None]


class Checkpoints(Checkpoint):
    """Saves after every epoch.

    Lightning's own callback remembers the best value under the folder's absolute path, so a run that is moved and
    continued would forget it; here the history in ``metrics.csv`` decides.

    Args:
        folder: The run folder.
        history: The values of all epochs.
        protocol: Whether the best epoch is kept, and what makes it so.
        watch: Gets every epoch's row in the first process, once the epoch is saved.
    """

    def __init__(
        self,
        folder: Path,
        history: History,
        protocol: ProtocolConfig,
        watch: Watch | None = None,
    ) -> None:
        super().__init__()
        self.folder, self.history, self.protocol, self.watch = folder / FOLDER, history, protocol, watch

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the epoch; the last checkpoint, from which a run is continued, after the best one."""
        best = self.history.best(self.protocol)
        if best is not None and best.epoch == trainer.current_epoch + 1:
            self._save(trainer, BEST, weights_only=True)
        self._save(trainer, LAST)
        if self.watch is not None and trainer.is_global_zero:
            self.watch(dict(self.history.rows[-1]))

    def _save(self, trainer: pl.Trainer, name: str, weights_only: bool = False) -> None:
        """Write beside the file and rename: what is read is always whole."""
        written = self.folder / f".writing-{name}"
        trainer.save_checkpoint(written, weights_only=weights_only)
        if trainer.is_global_zero:
            written.replace(self.folder / name)


class PlainFiles(TorchCheckpointIO):
    """Writes checkpoints where they are asked for; Lightning makes two copies in memory and one in another folder."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write the file.

        Raises:
            OSError: It cannot be written.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            torch.save(checkpoint, file)
