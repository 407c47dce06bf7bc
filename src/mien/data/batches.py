"""Batches straight from an array in memory: index look-ups, no worker processes."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor


@dataclass(frozen=True)
class Shard:
    """Which of several processes this one is."""

    rank: int = 0
    world: int = 1


class Batches:
    """Labelled images as an iterable of batches, in file order or shuffled.

    Each process of several gets its share: when shuffling, equal numbers for all (so that they step together); else
    every image goes to exactly one process and none is repeated.

    Args:
        images: (N, C, S, S) uint8.
        labels: (N,) int64.
        size: B, images a batch; the last batch may be smaller, but a last training batch of one image is left out,
            since batch norm cannot use it.
        order_seed: Seed of the shuffle, ``None`` for file order.
        shard: This process among all.
    """

    def __init__(
        self, images: Tensor, labels: Tensor, size: int, order_seed: int | None = None, shard: Shard | None = None
    ) -> None:
        self.images, self.labels, self.size = images, labels, size
        shard = shard or Shard()
        if order_seed is None:
            self.order = torch.arange(len(labels))[shard.rank :: shard.world]
            return
        shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(order_seed))
        self.order = shuffled[: len(labels) // shard.world * shard.world][shard.rank :: shard.world]
        if len(self.order) % size == 1 and len(self.order) > 1:
            self.order = self.order[:-1]

    def __len__(self) -> int:
        """Number of batches."""
        return ceil(len(self.order) / self.size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Images (B, C, S, S) uint8 and labels (B,) int64."""
        for start in range(0, len(self.order), self.size):
            chosen = self.order[start : start + self.size]
            yield self.images[chosen], self.labels[chosen]
