"""Weights & Biases: online when logged in and reachable, otherwise offline, never a prompt and never a crash."""

import logging
import os
import socket
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from pytorch_lightning.loggers import Logger, WandbLogger

from mien.config.schema import LoggerConfig
from mien.errors import ConfigError, nearest
from mien.results import RunResult

log = logging.getLogger(__name__)


def build_logger(config: LoggerConfig, folder: Path, name: str, values: dict[str, Any]) -> Logger | None:
    """The logger of a run.

    Args:
        config: Its name and settings.
        folder: The run folder; offline files go to ``<folder>/wandb``.
        name: The run's name, and (through its parent folder) its group.
        values: The resolved config, to be shown beside the curves.

    Raises:
        ConfigError: An unknown logger.
    """
    if config.name == "none":
        return None
    if config.name != "wandb":
        raise ConfigError([f"logger.name: unknown logger {config.name!r}; {nearest(config.name, ('wandb', 'none'))}"])
    return _wandb(config, folder, name, values)


def _wandb(config: LoggerConfig, folder: Path, name: str, values: dict[str, Any]) -> WandbLogger:
    import wandb

    offline, why = _offline(config)
    if offline:
        log.info("W&B: offline (%s); `wandb sync %s` uploads this run", why, folder / "wandb" / "offline-run-*")
    group = config.group if config.group is not None else folder.parent.name
    run = wandb.init(
        name=name,
        project=config.project,
        entity=config.entity,
        group=group,
        job_type="train",
        dir=folder,
        mode="offline" if offline else "online",
        config=values,
        settings=wandb.Settings(console="off", silent=offline, x_disable_stats=offline),
    )
    return WandbLogger(experiment=run)


def _offline(config: LoggerConfig) -> tuple[bool, str]:
    """Whether to log offline, and why."""
    if config.mode == "offline" or os.environ.get("WANDB_MODE") == "offline":
        return True, "as asked"
    if config.mode == "online":
        return False, ""
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    if not _logged_in(host):
        return True, "not logged in, see `wandb login`"
    try:
        socket.create_connection((host, 443), timeout=3).close()
    except OSError:
        return True, f"{host} cannot be reached"
    return False, ""


def _logged_in(host: str) -> bool:
    """Whether W&B would find a key, in the two places where it looks: the environment and the netrc file."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, NetrcParseError):
        return False


def log_result(logger: Logger | None, result: RunResult) -> None:
    """Send the scores of a finished run."""
    if logger is None:
        return
    scores: dict[str, float] = {"test/accuracy": result.test.accuracy, "test/macro_recall": result.test.macro_recall}
    scores |= {"test/macro_f1": result.test.macro_f1, "test/ece": result.test.ece}
    recalls = {f"test/recall/{row.label}": row.recall for row in result.test.per_class}
    scores |= {name: value for name, value in recalls.items() if value is not None}
    if result.end_to_end is not None:
        scores["end_to_end/accuracy"] = result.end_to_end.accuracy
        scores["end_to_end/detection_recall"] = result.end_to_end.detection_recall
    logger.log_metrics(scores)


def close_logger(logger: Logger | None) -> None:
    """End the W&B run, so that the next job of a sweep gets its own."""
    if logger is not None:
        import wandb

        wandb.finish()
