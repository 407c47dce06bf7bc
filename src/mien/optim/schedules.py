"""Learning-rate schedules by name."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from typing import Literal

from torch.optim import Optimizer, lr_scheduler

from mien.config.schema import ScheduleConfig
from mien.errors import ConfigError, nearest


@dataclass(frozen=True)
class Length:
    """How long training is: ``epochs`` of ``steps`` optimizer steps each."""

    epochs: int
    steps: int


def _constant(step: int, length: Length, config: ScheduleConfig) -> float:
    return 1.0


def _step(step: int, length: Length, config: ScheduleConfig) -> float:
    epochs = max(0, step // length.steps - config.start_epoch)
    return float(config.gamma ** (epochs // config.step_size))


def _cosine(step: int, length: Length, config: ScheduleConfig) -> float:
    warmup = round(config.warmup_epochs * length.steps)
    progress = (step - warmup) / max(1, length.epochs * length.steps - warmup)
    return 0.5 * (1 + cos(pi * min(1.0, max(0.0, progress))))


CURVES: dict[str, Callable[[int, Length, ScheduleConfig], float]] = {
    "constant": _constant,
    "step": _step,
    "cosine": _cosine,
}
"""Factor of the learning rate at a step, counted from 0."""

SCHEDULES = (*CURVES, "onecycle", "plateau")


def build_schedule(config: ScheduleConfig, optimizer: Optimizer, length: Length) -> lr_scheduler.LRScheduler:
    """The schedule of the config.

    All but ``plateau`` take a step after every optimizer step; plateau (a ``ReduceLROnPlateau``) takes one an epoch,
    with the monitored value, and counts as Keras does: reduced after ``patience`` epochs without a gain of 1e-4.

    Args:
        config: Its name and settings.
        optimizer: The optimizer, with its base learning rates.
        length: Epochs and steps of the run.

    Raises:
        ConfigError: An unknown name.
    """
    if config.name in CURVES:
        curve, warmup = CURVES[config.name], round(config.warmup_epochs * length.steps)

        def factor(step: int) -> float:
            return curve(step, length, config) * min(1.0, (step + 1) / (warmup + 1))

        return lr_scheduler.LambdaLR(optimizer, factor)
    if config.name == "onecycle":
        peaks = [group["lr"] for group in optimizer.param_groups]
        total = length.epochs * length.steps
        rise = config.pct_start * total
        share = (rise + 0.5) / total if rise == 1 else config.pct_start  # OneCycleLR divides by rise - 1
        return lr_scheduler.OneCycleLR(optimizer, peaks, total, pct_start=share, cycle_momentum=False)
    if config.name == "plateau":
        mode: Literal["min", "max"] = "min" if config.monitor == "loss" else "max"
        return lr_scheduler.ReduceLROnPlateau(
            optimizer, mode, config.gamma, config.patience - 1, threshold=1e-4, threshold_mode="abs"
        )
    raise ConfigError([f"schedule.name: unknown schedule {config.name!r}; {nearest(config.name, SCHEDULES)}"])
