"""Weights & Biases: online when logged in and reachable, otherwise offline, never a prompt and never a crash."""

import logging
import os
import socket
from collections.abc import Sequence
from hashlib import sha256
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import Any, Literal
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
    if config.name == "none" or os.environ.get("WANDB_MODE") == "disabled":
        return None
    if config.name != "wandb":
        raise ConfigError([f"logger.name: unknown logger {config.name!r}; {nearest(config.name, ('wandb', 'none'))}"])
    return _wandb(config, folder, name, values)


def _wandb(config: LoggerConfig, folder: Path, name: str, values: dict[str, Any]) -> Logger:
    import wandb

    offline, why = _offline(config)
    if not offline:
        try:
            return WandbLogger(experiment=_start(config, folder, name, values, "online"))
        except wandb.errors.Error as error:
            wandb.teardown()
            offline, why = True, f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"
    log.info("W&B: offline (%s); `wandb sync %s` uploads this run", why, folder / "wandb" / "offline-run-*")
    return WandbLogger(experiment=_start(config, folder, name, values, "offline"))


def _start(
    config: LoggerConfig, folder: Path, name: str, values: dict[str, Any], mode: Literal["online", "offline"]
) -> Any:
    """Start a W&B run; its id follows from the folder, so that a run that is continued goes on there too."""
    import wandb

    return wandb.init(
        id=sha256(str(folder.resolve()).encode()).hexdigest()[:8],
        resume="allow" if mode == "online" else None,
        name=name,
        project=config.project,
        entity=config.entity,
        group=config.group if config.group is not None else folder.parent.name,
        job_type="train",
        dir=folder.resolve(),  # W&B writes from a process of its own, which may have another working folder
        mode=mode,
        config=values,
        settings=wandb.Settings(console="off", silent=True, x_disable_stats=mode == "offline", init_timeout=30),
    )


def _offline(config: LoggerConfig) -> tuple[bool, str]:
    """Whether to log offline, and why.

    Raises:
        ConfigError: Online was asked for, and there is no key; W&B would ask for it and wait.
    """
    import wandb

    if config.mode == "offline" or os.environ.get("WANDB_MODE") in ("offline", "dryrun"):
        return True, "as asked"
    address = urlparse(wandb.Settings().base_url)
    host = address.hostname or ""
    if not _logged_in(host):
        if config.mode == "online":
            raise ConfigError([f"logger.mode=online: not logged in at {host}; run `wandb login`, or logger.mode=auto"])
        return True, "not logged in, see `wandb login`"
    if config.mode == "online":
        return False, ""
    try:
        socket.create_connection((host, address.port or 443), timeout=3).close()
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
    scores: dict[str, float] = {}
    test = result.test
    if test is not None:
        scores |= {"test/accuracy": test.accuracy, "test/macro_recall": test.macro_recall}
        scores |= {"test/macro_f1": test.macro_f1, "test/ece": test.ece}
        if test.leak_free is not None and test.leak_free.accuracy is not None:
            scores["test/leak_free_accuracy"] = test.leak_free.accuracy
        scores |= {f"test/recall/{row.label}": row.recall for row in test.per_class if row.recall is not None}
    if result.end_to_end is not None:
        scores["end_to_end/accuracy"] = result.end_to_end.accuracy
        scores["end_to_end/detection_recall"] = result.end_to_end.detection_recall
        if result.end_to_end.gap is not None:
            scores["end_to_end/gap"] = result.end_to_end.gap.gap
    logger.log_metrics(scores)


def log_table(logger: Logger | None, name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Send a table."""
    if isinstance(logger, WandbLogger):
        logger.log_table(name, columns=list(columns), data=[list(row) for row in rows])


def close_logger(logger: Logger | None, failed: bool) -> None:
    """End the W&B run, so that the next job of a sweep gets its own."""
    if logger is not None:
        import wandb

        wandb.finish(exit_code=int(failed))
