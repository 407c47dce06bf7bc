"""The LightningDataModule: training images and what is scored after every epoch."""

import logging
from math import ceil

import numpy as np
import psutil
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray

from mien.data.batches import Batches, Labelled, Shard, read_only
from mien.data.decode import Decoded
from mien.data.prefetch import Prefetched
from mien.seeds import derive

log = logging.getLogger(__name__)

_SHARE = 0.5  # of the free memory, of a GPU or of the machine, that images may take


class ExpressionData(pl.LightningDataModule):
    """Decoded images, shuffled anew every epoch by (seed, epoch) alone.

    Images that fit lie on the device as uint8, and a batch is an index look-up; others are read ahead in a thread. Of
    several processes each looks up its share of every batch. The shares are other ones in every epoch, so each device
    holds all the images.

    Args:
        train: Training images and labels.
        selection: Images and labels on which epochs are chosen, ``None`` where the protocol has no selection split.
        batch_size: B, images a step and process.
        seed: The run's seed.
        reported: The reported split, where it is to be scored after every epoch too.
    """

    def __init__(
        self,
        train: Labelled,
        selection: Labelled | None,
        batch_size: int,
        seed: int,
        reported: Labelled | None = None,
    ) -> None:
        super().__init__()
        self.train_images, self.selection_images, self.reported_images = train, selection, reported
        self.batch_size, self.seed = batch_size, seed
        self.device = torch.device("cpu")

    @property
    def on_features(self) -> bool:
        """Whether features stand in the place of images."""
        return self.train_images.values.is_floating_point()

    def setup(self, stage: str) -> None:
        """Put the images on the device, if they fit there."""
        if self.trainer is None or self.trainer.strategy.root_device.type != "cuda":
            return
        self.device = self.trainer.strategy.root_device
        for name in ("train_images", "selection_images", "reported_images"):
            images = getattr(self, name)
            if images is not None and images.nbytes < _SHARE * torch.cuda.mem_get_info(self.device)[0]:
                setattr(self, name, images.to(self.device))

    def train_dataloader(self) -> Batches | Prefetched:
        """This epoch's batches; the Trainer asks again before every epoch."""
        epoch = 0 if self.trainer is None else self.trainer.current_epoch
        return self._ahead(Batches(self.train_images, self.batch_size, derive(self.seed, epoch), self._shard()))

    def steps(self, processes: int) -> int:
        """Training steps an epoch, with so many processes."""
        return len(Batches(self.train_images, self.batch_size, order_seed=0, shard=Shard(0, processes)))

    @property
    def held_out(self) -> dict[str, Labelled]:
        """What is scored after every epoch, by the prefix of its columns."""
        splits = {"val": self.selection_images, "report": self.reported_images}
        return {name: images for name, images in splits.items() if images is not None}

    def val_dataloader(self) -> list[Batches | Prefetched]:
        """What is held out, each split in order."""
        size = max(self.batch_size, ceil(256 / self._shard().world))
        return [self._ahead(Batches(images, size, shard=self._shard())) for images in self.held_out.values()]

    def _shard(self) -> Shard:
        trainer = self.trainer
        return Shard() if trainer is None else Shard(trainer.global_rank, trainer.world_size)

    def _ahead(self, batches: Batches) -> Batches | Prefetched:
        """Read ahead what is not on the GPU, and what may have to come from the disk."""
        if batches.data.values.device != self.device:
            return Prefetched(batches, pin=True)
        if batches.data.values.nbytes > _SHARE * psutil.virtual_memory().total:
            return Prefetched(batches, pin=False)
        return batches


def labelled(images: Decoded, weights: NDArray[np.float64] | None = None) -> Labelled:
    """Decoded images as tensors that share their memory.

    Args:
        images: The images.
        weights: (N,) how often a training epoch draws each, on average; ``None``: once.
    """
    return Labelled(
        values=read_only(images.pixels),
        rows=torch.from_numpy(images.rows),
        labels=torch.from_numpy(images.part.labels),
        weights=None if weights is None else torch.from_numpy(weights),
    )
