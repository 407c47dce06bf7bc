"""Batches straight from an array: index look-ups, no worker processes."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

_BLOCK = 4096  # images copied at a time


@dataclass(frozen=True, eq=False)
class Labelled:
    """Labelled images, or features of them.

    Attributes:
        values: (V * M, ...) uint8 images or float features in memory, mapped from a file, or on a device: V views of
            each of M images, one view of all of them after the other.
        rows: (N,) int64 in 0..M-1, which of the images are meant.
        labels: (N,) int64.
        views: V; a training epoch draws one view of every image.
        weights: (N,) floats in memory, how often a training epoch draws each image, on average; ``None``: once.
    """

    values: Tensor
    rows: Tensor
    labels: Tensor
    views: int = 1
    weights: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def nbytes(self) -> int:
        """Size of the images that are meant, in bytes."""
        return self.values[:1].nbytes * len(self) * self.views

    def to(self, device: torch.device) -> "Labelled":
        """The same on a device, without the images that are not meant."""
        if self.views == 1 and len(self.rows) < len(self.values):
            values = torch.empty((len(self), *self.values.shape[1:]), dtype=self.values.dtype, device=device)
            for start in range(0, len(self), _BLOCK):
                values[start : start + _BLOCK] = self.values[self.rows[start : start + _BLOCK]]
            rows = torch.arange(len(self), device=device)
            return replace(self, values=values, rows=rows, labels=self.labels.to(device))
        return replace(self, values=self.values.to(device), rows=self.rows.to(device), labels=self.labels.to(device))

    def per_class(self, num_classes: int) -> tuple[float, ...]:
        """How many images of each class a training epoch draws, on average."""
        return tuple(torch.bincount(self.labels.cpu(), self.weights, num_classes).tolist())

    def drawn(self, generator: Generator) -> Tensor:
        """Which images a training epoch draws, in order: (L,) int64 in 0..N-1, L being the same for every generator.

        An image of weight 2.3 is drawn twice, and 30 % of those of its weight, chosen at random, a third time.
        """
        images = torch.arange(len(self))
        if self.weights is None:
            return images
        copies = self.weights.floor().long()
        for weight in sorted(set(self.weights.tolist())):
            if share := weight % 1:
                alike = torch.nonzero(self.weights == weight).flatten()
                count = max(round(share * len(alike)), 1)
                copies[alike[torch.randperm(len(alike), generator=generator)[:count]]] += 1
        return images.repeat_interleave(copies)


def read_only(array: NDArray[Any]) -> Tensor:
    """An array that is not to be written to as a tensor that shares its memory."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)


def whole(values: Tensor, labels: Tensor) -> Labelled:
    """All of these images, (N, ...), with their labels, (N,) int64."""
    return Labelled(values, torch.arange(len(labels)), labels)


@dataclass(frozen=True)
class Shard:
    """Which of several processes this one is."""

    rank: int = 0
    world: int = 1


class Batch(NamedTuple):
    """One process's images of a step.

    Attributes:
        images: (B, C, S, S) uint8, or features (B, F).
        labels: (B,) int64.
        counted: The first so many are its share; others only fill up a share that is too small, and count nowhere.
        weight: What its mean loss is multiplied with, so that the mean over processes is the mean over all images of
            the step.
    """

    images: Tensor
    labels: Tensor
    counted: int
    weight: float


class Batches:
    """Labelled images as an iterable of batches, in order or shuffled.

    Several processes step together through the batches that one process would have with ``size`` times as many images:
    all draw the same order, and each takes every ``world``-th image of a batch. So no image is in two shares, and none
    is left out that one process would not leave out. Where the last batch is too small, a share is filled up.

    Args:
        data: The images; batches lie on their device.
        size: B, images a step and process; the last batch may be smaller, but a last training batch of one image in all
            is left out, since batch norm cannot use it.
        order_seed: Seed of the shuffle, and of the images and views drawn; ``None``: every image once, in order, and
            its first view.
        shard: This process among all.
    """

    def __init__(self, data: Labelled, size: int, order_seed: int | None = None, shard: Shard | None = None) -> None:
        self.data, self.shard = data, shard or Shard()
        self.together = size * self.shard.world
        self.least = 2 if order_seed is not None and self.shard.world > 1 else 1  # batch norm cannot use a single image
        device = data.values.device
        self.rows, self.labels = data.rows, data.labels
        if order_seed is None:
            self.order = torch.arange(len(data), device=device)
            return
        generator = Generator().manual_seed(order_seed)
        drawn = data.drawn(generator).to(device)
        self.rows, self.labels = self.rows[drawn], self.labels[drawn]
        order = torch.randperm(len(drawn), generator=generator)
        if len(order) % self.together == 1 and len(order) > 1:
            order = order[:-1]
        self.order = order.to(device)
        if data.views > 1:
            view = torch.randint(data.views, (len(drawn),), generator=generator).to(device)
            self.rows = self.rows + view * (len(data.values) // data.views)

    def __len__(self) -> int:
        """Number of batches, the same in all processes."""
        return ceil(len(self.order) / self.together)

    def __iter__(self) -> Iterator[Batch]:
        """This process's shares, the last one perhaps filled up."""
        for start in range(0, len(self.order), self.together):
            together = self.order[start : start + self.together]
            chosen = together[self.shard.rank :: self.shard.world]
            counted = len(chosen)
            if counted < self.least:
                chosen = (chosen if counted else together[:1]).repeat(self.least)
            images, labels = self.data.values[self.rows[chosen]], self.labels[chosen]
            yield Batch(images, labels, counted, counted * self.shard.world / len(together))
