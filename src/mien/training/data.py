"""The LightningDataModule: training images and the split on which epochs are chosen."""

import pytorch_lightning as pl
import torch
from torch import Tensor

from mien.data.batches import Batches, Shard
from mien.seeds import derive

Arrays = tuple[Tensor, Tensor]
"""Images (N, C, S, S) uint8 and labels (N,) int64."""


class ExpressionData(pl.LightningDataModule):
    """Decoded images in memory, shuffled anew every epoch by (seed, epoch) alone.

    Args:
        train: Training images and labels.
        selection: Images and labels on which epochs are chosen, ``None`` where the protocol has no selection split.
        batch_size: B, images a step and process.
        seed: The run's seed.
    """

    def __init__(self, train: Arrays, selection: Arrays | None, batch_size: int, seed: int) -> None:
        super().__init__()
        self.train_arrays, self.selection_arrays = train, selection
        self.batch_size, self.seed = batch_size, seed

    def _shard(self) -> Shard:
        trainer = self.trainer
        return Shard() if trainer is None else Shard(trainer.global_rank, trainer.world_size)

    def train_dataloader(self) -> Batches:
        """This epoch's batches; the Trainer asks again before every epoch."""
        epoch = 0 if self.trainer is None else self.trainer.current_epoch
        return Batches(*self.train_arrays, self.batch_size, derive(self.seed, epoch), self._shard())

    def steps(self, processes: int) -> int:
        """Training steps an epoch, with so many processes."""
        return len(Batches(*self.train_arrays, self.batch_size, order_seed=0, shard=Shard(0, processes)))

    def val_dataloader(self) -> Batches | list[Batches]:
        """The selection split in file order, or nothing."""
        if self.selection_arrays is None:
            return []
        return Batches(*self.selection_arrays, max(self.batch_size, 256), shard=self._shard())


def to_tensors(images: object, labels: object) -> Arrays:
    """NumPy arrays as tensors that share their memory."""
    return torch.as_tensor(images), torch.as_tensor(labels)
