"""Features of a frozen backbone, computed once: after that only the head trains.

The backbone runs over V augmented views of every training image and once over every image that is held out.
The features lie in the cache as float16, mapped into memory; an epoch draws one view of every image. They are shared
by all runs of the same images, weights, augmentation and V, whatever their seed and head.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.augment import Augment
from mien.cache.store import ArrayStore, Entry, Recipe, key_of
from mien.config.schema import Config
from mien.data.batches import Labelled, read_only
from mien.data.chunks import progress
from mien.errors import MienError
from mien.models.backbone import Backbone
from mien.models.normalise import Normalise
from mien.seeds import derive
from mien.training.data import ExpressionData
from mien.types import InputSpec

_VERSION = 1  # of the computation; to be raised whenever the same inputs come out as other features
_BLOCK = 2048  # images a block of the cached array
_EVALUATED = 256  # images a batch where batches do not matter


class Features:
    """Computes and caches the features of one run's backbone.

    Memory holds a block of images at a time; where batch norms move, all features of one view.

    Args:
        config: The experiment, with a precision that is not ``auto``.
        backbone: Frozen. With ``freeze_batchnorm=false`` its running statistics move as the views pass through it, in
            shuffled training batches; they are kept with the features.
        spec: Its input.
        device: Where it runs, in torch's spelling.
        store: Where features are kept.
    """

    def __init__(self, config: Config, backbone: Backbone, spec: InputSpec, device: str, store: ArrayStore) -> None:
        self.config, self.spec, self.store, self.device = config, spec, store, torch.device(device)
        self.backbone = backbone
        self.moving = not config.backbone.freeze_batchnorm
        self.start = {name: value.clone() for name, value in backbone.named_buffers()}
        self.weights = _digest(value.cpu().numpy() for value in backbone.state_dict().values())
        self.normalise = Normalise(spec, config.trainer.channels_last)

    def of(self, data: ExpressionData) -> ExpressionData:
        """The data with features in the place of images.

        Raises:
            CacheError: The cache cannot be used, or has too little space for them.
            MienError: Features too large for float16.
        """
        train = self._views(data.train_images)
        held_out = {name: self._plain(images) for name, images in data.held_out.items()}
        return ExpressionData(train, held_out.get("val"), data.batch_size, data.seed, held_out.get("report"))

    def _views(self, images: Labelled) -> Labelled:
        """The training images, in several random views."""
        c = self.config
        views = c.backbone.cache_features.views
        how = f"{views} views, {asdict(c.augment)}, moving {self.moving and c.dataset.batch_size}"
        entry = self._entry(images, views, how)
        if self.moving:
            buffers = {name: torch.tensor(values) for name, values in entry.extra["buffers"].items()}
            self.backbone.load_state_dict(buffers, strict=False)  # the running statistics, and nothing else
        return _labelled(entry, images, views)

    def _plain(self, images: Labelled) -> Labelled:
        """Images as the test sees them."""
        buffers = _digest(value.cpu().numpy() for value in self.backbone.buffers()) if self.moving else ""
        return _labelled(self._entry(images, 0, f"plain {buffers}"), images, 1)

    def _entry(self, images: Labelled, views: int, how: str) -> Entry:
        """Features of random views, or (0 views) of the images as they are."""
        n, c = len(images), self.config
        pixels = _digest(images.values[rows].numpy() for rows in torch.split(images.rows, _BLOCK))
        network = asdict(c.backbone) | {"weights": self.weights, "freeze": "", "cache_features": ""}
        where = f"{c.trainer.precision} {self.device.type} torch {torch.__version__} timm {version('timm')}"
        key = key_of([f"features {_VERSION}", repr(network), where, repr(self.spec), pixels, how])
        about = f"features of {c.backbone.name}, {max(views, 1)} view(s) of {n} images"

        def blocks(extra: dict[str, Any]) -> Iterator[NDArray[np.float16]]:
            if self.moving and views:
                self.backbone.load_state_dict(self.start, strict=False)
            with progress(n * max(views, 1), f"computing {about}") as advance:
                for view in range(max(views, 1)):
                    for block in self._compute(images, view if views else None):
                        yield block
                        advance(len(block))
            if self.moving and views:
                extra["buffers"] = {name: value.tolist() for name, value in self.backbone.named_buffers()}

        shape = (n * max(views, 1), self.backbone.num_features)
        advice = "take fewer backbone.cache_features.views (0: none are kept)"
        return self.store.get(Recipe(key, about, shape, np.float16, blocks, advice))

    def _compute(self, images: Labelled, view: int | None) -> Iterator[NDArray[np.float16]]:
        """The features of one view in blocks, in the order of the images."""
        training = self.moving and view is not None
        self.backbone.to(self.device).train(training)
        self.normalise.to(self.device)
        generator = torch.Generator().manual_seed(derive(0, 0 if view is None else view))
        augment = None if view is None else Augment(self.config.augment, self.spec.size)
        n, size = len(images), self.config.dataset.batch_size if training else _EVALUATED
        order = torch.randperm(n, generator=generator) if training else torch.arange(n)
        for block in torch.split(order, n if training else _BLOCK):
            features = torch.empty(len(block), self.backbone.num_features, dtype=torch.float16)
            with self._seeded(derive(0, int(block[0]), 0 if view is None else view)):
                for part in _parts(block, size):
                    inputs = images.values[images.rows[part]].to(self.device).float() / 255
                    if augment is not None:
                        inputs = augment(inputs, generator)
                    features[part - block.min()] = self._pass(inputs)
            if not torch.isfinite(features).all():
                raise MienError("features too large for float16; backbone.cache_features.views=0 trains without them")
            yield features.numpy()

    @contextmanager
    def _seeded(self, seed: int) -> Iterator[None]:
        """Dropout in a moving backbone must not depend on the run's seed, nor change what the run draws later."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(seed)
            yield

    @torch.inference_mode()
    def _pass(self, inputs: Tensor) -> Tensor:
        bf16 = self.config.trainer.precision == "bf16-mixed"
        inputs = self.normalise(inputs)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            features: Tensor = self.backbone(inputs)
        return features.half().cpu()


def _parts(block: Tensor, size: int) -> list[Tensor]:
    """A block in batches, none of a single image, since batch norm cannot use it."""
    parts = list(torch.split(block, size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def _labelled(entry: Entry, images: Labelled, views: int) -> Labelled:
    values = read_only(entry.array)
    return replace(images, values=values, rows=torch.arange(len(images)), views=views)


def _digest(arrays: Iterator[NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data if array.ndim else array.tobytes())
    return digest.hexdigest()
