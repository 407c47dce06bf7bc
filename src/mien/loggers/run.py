"""The loggers of a run, opened together and closed however it ends. None of them can end a run."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from mien.config.schema import LoggerConfig
from mien.errors import MienError, Pruned
from mien.loggers.facts import Facts, Outcome, RunLog

log = logging.getLogger(__name__)


def wandb_used(config: LoggerConfig) -> bool:
    """Whether there will be a W&B run; the user can switch all off by the environment, as W&B itself has it."""
    return config.wandb and os.environ.get("WANDB_MODE") != "disabled"


def check_loggers(config: LoggerConfig) -> None:
    """Find out before any work what keeps a logger from starting.

    Raises:
        ConfigError: A package is missing, or W&B was asked to be online without a key.
    """
    if config.tensorboard:
        from mien.loggers.tensorboard import check_installed

        check_installed()
    if wandb_used(config) and config.mode == "online":
        from mien.loggers.wandb_run import offline_reason

        offline_reason(config)


class Loggers:
    """Several loggers as one. One that fails is closed and left out from then on, with a warning.

    Args:
        logs: The loggers.
    """

    def __init__(self, logs: Sequence[RunLog] = ()) -> None:
        self.logs = list(logs)

    def epoch(self, row: Mapping[str, float]) -> None:
        """Tell all of an epoch."""
        self._tell(lambda one: one.epoch(row))

    def before(self, watch: Callable[[dict[str, float]], None] | None) -> Callable[[dict[str, float]], None]:
        """What tells all of an epoch, and then whoever else watches the run: that one may end it."""

        def both(row: dict[str, float]) -> None:
            self.epoch(row)
            if watch is not None:
                watch(row)

        return both

    def outcome(self, outcome: Outcome) -> None:
        """Tell all of the finished run."""
        self._tell(lambda one: one.outcome(outcome))

    def close(self, code: int) -> None:
        """Close all."""
        self._tell(lambda one: one.close(code))
        self.logs = []

    def _tell(self, told: Callable[[RunLog], None]) -> None:
        for one in list(self.logs):
            if not tried(type(one).__name__, lambda one=one: told(one)):  # type: ignore[misc]
                self.logs.remove(one)
                tried(type(one).__name__, lambda one=one: one.close(1))  # type: ignore[misc]


@contextmanager
def logged(config: LoggerConfig, facts: Facts) -> Iterator[Loggers]:
    """Open a run's loggers, and close them however the block ends.

    The run counts as failed where the block raises, but not where a search ended it early.

    Args:
        config: Which, and their settings.
        facts: The run.
    """
    loggers = Loggers()
    code = 1
    try:
        for name, make in _makers(config).items():
            tried(name, lambda make=make: loggers.logs.append(make(facts)))  # type: ignore[misc]
        yield loggers
        code = 0
    except Pruned:
        code = 0
        raise
    except KeyboardInterrupt:
        code = 130
        raise
    finally:
        loggers.close(code)


def _makers(config: LoggerConfig) -> dict[str, Callable[[Facts], RunLog]]:
    makers: dict[str, Callable[[Facts], RunLog]] = {}
    if wandb_used(config):
        from mien.loggers.wandb_run import WandbLog

        makers["W&B"] = lambda facts: WandbLog(config, facts)
    if config.tensorboard:
        from mien.loggers.tensorboard import TensorBoardLog

        makers["TensorBoard"] = TensorBoardLog
    return makers


def tried(name: str, work: Callable[[], object]) -> bool:
    """Whether work of a logger went well; what goes wrong in it is logged, and never ends a run."""
    try:
        work()
    except MienError:
        raise
    except Exception:
        log.warning("%s failed and is left out; the run goes on", name, exc_info=True)
        return False
    return True
