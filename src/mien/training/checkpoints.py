"""Checkpoints: the last epoch, whole, and the best one by the protocol's rule, weights only."""

from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from mien.config.schema import ProtocolConfig
from mien.training.history import History

FOLDER = "checkpoints"
BEST, LAST = "best.ckpt", "last.ckpt"


class Checkpoints(Checkpoint):
    """Saves after every epoch.

    Lightning's own callback remembers the best value under the folder's absolute path, so a run that is moved and
    continued would forget it; here the history in ``metrics.csv`` decides.

    Args:
        folder: The run folder.
        history: The values of all epochs.
        protocol: Whether the best epoch is kept, and what makes it so.
    """

    def __init__(self, folder: Path, history: History, protocol: ProtocolConfig) -> None:
        super().__init__()
        self.folder, self.history, self.protocol = folder / FOLDER, history, protocol

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the epoch; the last checkpoint, from which a run is continued, after the best one."""
        best = self.history.best(self.protocol)
        if best is not None and best.epoch == trainer.current_epoch + 1:
            self._save(trainer, BEST, weights_only=True)
        self._save(trainer, LAST)

    def _save(self, trainer: pl.Trainer, name: str, weights_only: bool = False) -> None:
        """Write beside the file and rename, since Lightning writes to the temporary folder, on another disk maybe."""
        written = self.folder / f".writing-{name}"
        trainer.save_checkpoint(written, weights_only=weights_only)
        if trainer.is_global_zero:
            written.replace(self.folder / name)
