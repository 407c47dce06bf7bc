"""Hydra's door to :mod:`mien.search`: Hydra takes sweepers from below ``hydra_plugins`` only.

hydra-optuna-sweeper is not used: it needs Optuna below 3, cannot go on with a search, and knows no pruning.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

if TYPE_CHECKING:
    from mien.search.space import Space
    from mien.search.trials import Outcome


@dataclass
class MienOptunaConf:
    """Its settings are ``search`` in mien's own config."""

    _target_: str = "hydra_plugins.mien_optuna_sweeper.MienOptuna"


ConfigStore.instance().store(group="hydra/sweeper", name="mien_optuna", node=MienOptunaConf, provider="mien")


class MienOptuna(Sweeper):
    """Composes, names and launches the trials that :func:`mien.search.loop.search` asks for."""

    hydra_context: HydraContext
    config: DictConfig
    launcher: Launcher

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Make ready; Hydra calls it."""
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> float | None:
        """Search; the best value.

        Args:
            arguments: The overrides of the command line.
        """
        from mien.search.loop import search

        return search(self, arguments)

    @property
    def folder(self) -> Path:
        """The sweep's folder."""
        return Path(str(self.config.hydra.sweep.dir))

    @property
    def at_once(self) -> int:
        """How many jobs the launcher runs at a time."""
        from mien.sweep.room import room

        launcher: Any = OmegaConf.to_object(self.config.launcher)
        return room(launcher)

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """The config of a job, without Hydra's own part."""
        config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        with read_write(config), open_dict(config):
            del config["hydra"]
        return config

    def run_folder(self, overrides: Sequence[str]) -> Path:
        """Where a job runs."""
        own = deepcopy(self.config)
        with read_write(own), open_dict(own):
            own.hydra.overrides.task = list(overrides)
            return self.folder / str(OmegaConf.select(own, "hydra.sweep.subdir"))

    def read_space(self, overrides: Sequence[str], preset: dict[str, str]) -> "tuple[Space, list[str]]":
        """The space of the command line and of a preset, and the overrides that stay the same."""
        from mien.search.space import read_space

        return read_space(overrides, preset, self.hydra_context.config_loader)

    def known(self, overrides: Sequence[str]) -> "Outcome | None":
        """That a job was pruned, if it was: it would train on, if it were launched again."""
        from mien.search.trials import Outcome
        from mien.sweep.ledger import PRUNED, read_note

        note = read_note(self.run_folder(overrides))
        return Outcome("pruned") if note is not None and note.state == PRUNED else None

    def launch(self, jobs: Sequence[Sequence[str]], first: int) -> "list[Outcome]":
        """Run jobs.

        Args:
            jobs: Their overrides.
            first: Number of the first.
        """
        returns: Sequence[JobReturn] = self.launcher.launch([list(job) for job in jobs], initial_job_idx=first)
        return [self._outcome(job, done) for job, done in zip(jobs, returns, strict=True)]

    def _outcome(self, overrides: Sequence[str], done: JobReturn) -> "Outcome":
        """What became of a job: as the ledger says, else as its function returned."""
        from mien.search.trials import Outcome
        from mien.sweep.ledger import FAILED, FINISHED, PRUNED, read_note

        note = read_note(self.run_folder(overrides))
        if note is not None and note.state == FINISHED:
            return Outcome("finished", note.value)
        if note is not None and note.state == PRUNED:
            return Outcome("pruned")
        if note is not None:
            return Outcome("failed", error=note.error or "") if note.state == FAILED else Outcome("interrupted")
        if done.status == JobStatus.COMPLETED and isinstance(done._return_value, float):
            return Outcome("finished", done._return_value)
        return Outcome("failed", error=f"{type(done._return_value).__name__}: {done._return_value}")
