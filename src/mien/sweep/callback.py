"""What happens before the first job of a sweep: all jobs are put down, and a second sweep in the folder is refused."""

import os
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from filelock import FileLock, Timeout
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from mien.config.load import from_plain
from mien.config.schema import LoggerConfig
from mien.console import command_line, set_up_logging
from mien.errors import ConfigError, FolderBusyError, MienError, RunFolderError
from mien.runs import PATIENCE
from mien.sweep.launchers import begin_launcher, check_launcher
from mien.sweep.ledger import SWEEP_LOCK, Entry, begin_sweep, holder, now
from mien.sweep.names import changes_job, job_name, key_of, moved_keys
from mien.sweep.place import lead_sweep
from mien.world import is_first_process


@dataclass(frozen=True)
class Begun:
    """A sweep of this process.

    Attributes:
        folder: Its folder.
        started: When, as the ledger has it.
        jobs: Its jobs; ``None`` where they are known only as they start, as in a search.
        lock: Held while it runs; ``None`` for a search, which several processes may take part in.
        logger: Where its comparison goes, too.
        search: Whether its jobs are proposed as it goes, by what those before came to.
    """

    folder: Path
    started: str
    jobs: tuple[Entry, ...] | None
    lock: FileLock | None
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    search: bool = False


class SweepRefused(BaseException):
    """A sweep that must not start. No ``Exception``: of those in a callback Hydra makes warnings."""


class Sweep(Callback):
    """Hydra's callback at the start of a sweep."""

    begun: ClassVar[Begun | None] = None
    """The sweep that this process started, if any."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Put down the jobs.

        Raises:
            SweepRefused: There is no job, or another sweep runs here.
        """
        set_up_logging(Path(os.devnull))
        if not is_first_process():
            return
        try:
            check_launcher(config, moved_keys(config.hydra.overrides.task))
            begun = replace(_begin(config), logger=from_plain(LoggerConfig, config.logger))
            begin_launcher(config)
        except (MienError, HydraException, OmegaConfBaseException) as error:
            raise SweepRefused(str(error)) from error
        except Exception as error:
            raise SweepRefused(f"{type(error).__name__}: {error}") from error
        lead_sweep()
        Sweep.begun = begun


def _begin(config: DictConfig) -> Begun:
    folder = Path(os.path.relpath(config.hydra.sweep.dir))
    overrides = list(config.hydra.overrides.task)
    moved = set(moved_keys(overrides))
    fixed = [key_of(text) for text in overrides if key_of(text) not in moved]
    if config.hydra.sweeper._target_.rsplit(".", 1)[-1] != BasicSweeper.__name__:
        started = now()
        begin_sweep(folder, command_line(), fixed, [])
        return Begun(folder, started, None, None, search=True)
    jobs = _jobs(config, folder, fixed)
    lock = _lock(folder)
    started = now()
    begin_sweep(folder, command_line(), fixed, jobs or [])
    return Begun(folder, started, jobs, lock)


def _lock(folder: Path) -> FileLock:
    lock = FileLock(folder / SWEEP_LOCK, timeout=PATIENCE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise FolderBusyError(
            f"{folder}: {holder(folder)} sweeps here already; wait for it (python -m mien.sweep status {folder}), "
            "or choose output=<folder>"
        ) from None
    except OSError as error:
        why = f"{error.strerror}; check space and write right there"
        raise RunFolderError(f"cannot write to {folder}: {why}") from error
    return lock


def _jobs(config: DictConfig, folder: Path, fixed: Sequence[str]) -> tuple[Entry, ...] | None:
    """The jobs that Hydra's sweeper will launch; ``None`` where a rule of the user's names their folders as they start.

    Raises:
        ConfigError: There are none, or no end of them, or two would have one folder.
    """
    given = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    overrides = OverridesParser.create(_loader()).parse_overrides([*given, *config.hydra.overrides.task])
    intervals = [str(text.input_line) for text in overrides if isinstance(text.value(), IntervalSweep)]
    if intervals:
        raise ConfigError([f"{text}: an interval has no end of values; pass sweeper=optuna too" for text in intervals])
    (jobs,) = BasicSweeper.split_arguments(overrides, None)
    if not jobs:
        empty = [text for text in overrides if text.is_sweep_override() and not list(text.sweep_string_iterator())]
        shown = ", ".join(str(text.input_line) for text in empty)
        raise ConfigError([f"a sweep of 0 jobs: there is no value in {shown}"])
    raw: Any = OmegaConf.to_container(config.hydra.sweep, resolve=False)
    rule = str(raw["subdir"])
    if "${" in rule and "mien." not in rule:
        return None
    own = deepcopy(config)  # each job's overrides are put into it, to find its folder as Hydra will
    entries = tuple(_entry(own, folder, fixed, job) for job in jobs)
    _check_apart(entries)
    return entries


def _check_apart(jobs: Sequence[Entry]) -> None:
    """Raises ConfigError where two jobs would have one folder; the same job twice is one job."""
    names: dict[Path, str] = {}
    for job in jobs:
        if names.setdefault(job.folder, job.name) != job.name:
            raise ConfigError(
                [
                    f"{names[job.folder]} and {job.name} would be in one folder, {job.folder}; sweep them one by one, "
                    "each with an output=<folder> of its own"
                ]
            )


def _loader() -> ConfigLoader | None:
    """What knows the options of a group, for ``glob(*)``."""
    hydra = GlobalHydra.instance().hydra
    return None if hydra is None else hydra.config_loader


def _entry(config: DictConfig, folder: Path, fixed: Sequence[str], overrides: list[str]) -> Entry:
    own = tuple(text for text in overrides if changes_job(text))
    with read_write(config), open_dict(config):
        config.hydra.overrides.task = overrides
        subdir = str(OmegaConf.select(config, "hydra.sweep.subdir"))
    return Entry(job_name(overrides, fixed), Path(os.path.normpath(folder / subdir)), own)
