"""The one place where the benchmarks call into mien's training: the config, and a run as ``train.py`` makes it."""

import gc
import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytorch_lightning as pl
import torch
from common import clock
from hydra import compose, initialize_config_dir
from torch import Tensor, nn

from mien.cli import CONF
from mien.config.load import register, typed
from mien.config.schema import Config
from mien.sweep import register_resolvers

Hook = Callable[[pl.Trainer, Any, Any], None]
"""Called with Trainer, module and data just before ``Trainer.fit``."""

LEAN = ("logger=none", "scenes=none", "detector=whole_image")
"""Overrides that leave out what has no part in training."""

logging.getLogger("mien").setLevel(logging.ERROR)  # tables, not logs; train.py sets its own level


class EnoughError(Exception):
    """Ends a run after (or before) its training."""


def composed(overrides: list[str]) -> Config:
    """The config that ``python train.py <overrides>`` would have."""
    register("train_schema", Config)
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return typed(compose("train", overrides), Config)


def cache_override(folder: Path) -> list[str]:
    """``dataset.cache=<folder>``."""
    return [f"dataset.cache={folder}"]


def random_weights(config: Config, folder: Path) -> list[str]:
    """Overrides that put a random checkpoint, written to ``folder``, in the place of ImageNet weights."""
    from mien.models.factory import BACKBONES

    if config.backbone.weights != "imagenet":
        return []
    path = folder / f"{config.backbone.name}.pt"
    torch.save(BACKBONES[config.backbone.name](config.backbone).trunk.state_dict(), path)
    return [f"backbone.weights={path}"]


@contextmanager
def hooked(hook: Hook) -> Iterator[None]:
    """Have ``hook`` called before every ``Trainer.fit``."""
    as_it_is = pl.Trainer.fit

    def fit(trainer: pl.Trainer, model: Any, train_dataloaders: Any = None, *args: Any, **rest: Any) -> None:
        hook(trainer, model, rest.get("datamodule", train_dataloaders))
        as_it_is(trainer, model, train_dataloaders, *args, **rest)

    with patch.object(pl.Trainer, "fit", fit):
        yield


def train(config: Config, hook: Hook) -> None:
    """A run of mien's pipeline as far as the end of training: no progress bar, no checkpoint, no score."""
    from mien.pipeline import run
    from mien.training.checkpoints import Checkpoints

    def end(self: Any, trainer: pl.Trainer, pl_module: Any) -> None:
        raise EnoughError

    quiet, unsaved = redirect_stdout(io.StringIO()), patch.object(Checkpoints, "on_train_epoch_end", end)
    with TemporaryDirectory() as folder, hooked(hook), quiet, unsaved, suppress(EnoughError):
        run(config, Path(folder))
    gc.collect()  # Trainers refer to themselves; a large network would stay until the next collection


def captured(config: Config) -> tuple[pl.Trainer, Any, Any]:
    """Trainer, module and data of a run, ready to be trained."""
    found: list[tuple[pl.Trainer, Any, Any]] = []

    def keep(*parts: Any) -> None:
        found.append(parts)
        raise EnoughError

    train(config, keep)
    return found[0]


def in_place(module: Any, data: Any, config: Config, device: torch.device) -> tuple[nn.Module, Tensor]:
    """What a step of the module trains, and one batch of what it is given, on the device and in its memory format."""
    if getattr(module, "on_features", False):  # a frozen backbone's features stand in the place of images
        features, _ = next(iter(data.train_dataloader()))
        return module.classifier.head, features.to(device).float()
    c = config.backbone
    images = torch.rand(config.dataset.batch_size, c.channels, c.image_size, c.image_size, device=device)
    return module.classifier, module.normalise(images)


class StepClock(pl.Callback):
    """Times the steps after a warm-up.

    Args:
        warmup: Steps before the clock starts, at least one.
        steps: Steps that are timed.

    Attributes:
        images: How many images the timed steps had.
        seconds: How long they took.
    """

    def __init__(self, warmup: int, steps: int) -> None:
        self.warmup, self.steps = warmup, steps
        self.images, self.started, self.seconds = 0, 0.0, 0.0

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Start after the warm-up, stop after the last timed step."""
        done = batch_idx + 1
        if done == self.warmup:
            self.started = clock()
        elif done > self.warmup and not self.seconds:
            self.images += len(batch[0])
            if done == self.warmup + self.steps:
                self.seconds = clock() - self.started


class ShareClock(StepClock):
    """Also adds up, in the same run, what forward, loss, backward and optimizer take of the timed steps.

    Attributes:
        bare: Seconds of these; the rest is data, augmentation, scores and Lightning.
    """

    def __init__(self, warmup: int, steps: int) -> None:
        super().__init__(warmup, steps)
        self.bare, self._begun, self._aside = 0.0, 0.0, 0.0

    def watch(self, module: Any) -> None:
        """Take the time where the network begins, around the scores, and where the optimizer has ended."""
        score = module.scores["train"]
        logits, update, step = module._logits, score.update, module.optimizer.step

        def begun(inputs: Tensor) -> Tensor:
            self._begun, self._aside = clock(), 0.0
            result: Tensor = logits(inputs)
            return result

        def scored(*parts: Any) -> None:
            start = clock()
            update(*parts)
            self._aside += clock() - start

        def stepped(*parts: Any, **rest: Any) -> Any:
            result = step(*parts, **rest)
            if self.started and not self.seconds:
                self.bare += clock() - self._begun - self._aside
            return result

        module._logits, score.update, module.optimizer.step = begun, scored, stepped


def timed(config: Config, steps: StepClock, change: Callable[[pl.Trainer], None] | None = None) -> StepClock:
    """Train one epoch of ``config`` with a clock, and a change of the Trainer if there is one.

    Raises:
        SystemExit: The epoch is shorter than the steps asked for.
    """

    def hook(trainer: pl.Trainer, module: Any, data: Any) -> None:
        trainer.callbacks.append(steps)  # type: ignore[attr-defined]
        if isinstance(steps, ShareClock):
            steps.watch(module)
        if change is not None:
            change(trainer)

    train(config, hook)
    if not steps.seconds:
        raise SystemExit(f"the data set has fewer than {steps.warmup + steps.steps} batches; lower --steps or --batch")
    return steps
