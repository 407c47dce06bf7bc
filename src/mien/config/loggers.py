"""The schema of the loggers: where curves and tables go, beside the run's own files."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mien.config.check_images import choice

_LONGEST_TAG = 64


@dataclass
class LoggerConfig:
    """Which loggers are used, one or several (``logger=[wandb,tensorboard]``), and their settings.

    The run's own metrics.csv is always written.
    """

    wandb: bool = False
    """Weights & Biases; ``logger=wandb`` sets it."""
    tensorboard: bool = False
    """TensorBoard, in the run folder's tensorboard/; ``logger=tensorboard`` sets it."""
    project: str = "mien"
    """W&B project."""
    entity: str | None = None
    """W&B user or team."""
    group: str | None = None
    """W&B group; ``null``: the sweep's name."""
    mode: str = "auto"
    """W&B: auto (online when logged in and reachable, else offline), online, offline."""
    tags: list[str] = field(default_factory=list)
    """W&B tags beside data set, backbone and protocol."""
    notes: str | None = None
    """W&B notes: what the run is for."""
    artifact: bool = False
    """Send the model's bundle to W&B as it is, with its whole config, as an artifact of type model. Of a search's
    trials, whose bundles tell their test scores, none is sent."""


def logger_problems(c: LoggerConfig) -> Iterator[str]:
    """Everything that is wrong with the loggers' settings."""
    yield from choice("logger.mode", c.mode, ("auto", "online", "offline"))
    for tag in c.tags:
        if not 1 <= len(tag) <= _LONGEST_TAG:
            yield f"logger.tags: expected 1 to {_LONGEST_TAG} characters each, as W&B does, got {tag!r}"
    if c.artifact and not c.wandb:
        yield "logger.artifact=true: only W&B takes models; add logger=wandb"
