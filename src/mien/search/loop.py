"""The search itself: ask for trials, have them run, tell what became of them; at the end a report, come what may."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Protocol

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from mien.config.load import typed
from mien.config.schema import Config
from mien.config.sweep import SearchConfig
from mien.console import tell
from mien.errors import ConfigError, SearchError
from mien.search import engine
from mien.search.record import Record, keep_record, record_of
from mien.search.report import report
from mien.search.space import Space
from mien.search.trials import Asked, Outcome, Trials, counted, one_at_a_time


class Host(Protocol):
    """Who composes, names and launches jobs: Hydra, behind ``hydra_plugins.mien_optuna_sweeper``."""

    @property
    def folder(self) -> Path:
        """The sweep's folder."""

    @property
    def at_once(self) -> int:
        """How many jobs the launcher runs at a time."""

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """The config of a job."""

    def read_space(self, overrides: Sequence[str], preset: dict[str, str]) -> tuple[Space, list[str]]:
        """:func:`mien.search.space.read_space` with Hydra's knowledge of groups."""

    def run_folder(self, overrides: Sequence[str]) -> Path:
        """Where a job runs."""

    def known(self, overrides: Sequence[str]) -> Outcome | None:
        """What became of a job that is not to be run again."""

    def launch(self, jobs: Sequence[Sequence[str]], first: int) -> Sequence[Outcome]:
        """Run jobs, of which the first has this number."""


def search(host: Host, overrides: Sequence[str]) -> float | None:
    """Run trials until there are as many as were asked for.

    Args:
        host: Who runs them.
        overrides: The command line's.

    Returns:
        The best value; ``None`` where no trial is finished yet.

    Raises:
        ConfigError: The search cannot start: all problems at once.
        SearchError: Its folder holds another search, its storage does not answer, or all trials failed.
        KeyboardInterrupt: It was interrupted; the same command continues it.
    """
    engine.check_installed()
    config, space, fixed = _checked(host, overrides)
    with one_at_a_time(host.folder):
        record = record_of(host.folder, config, space, fixed)
        study = engine.open_study(record.study, host.folder, config.search, record.maximise, config.trainer.max_epochs)
        keep_record(host.folder, record)  # once the storage has answered: else the right one would be another search
    trials = Trials(study, space, config.search, host.folder, lambda moved: host.run_folder([*fixed, *moved]))
    with engine.storage_errors(config.search.storage), trials.working():
        ended = False
        try:
            if config.sweep.retry:
                trials.again()
            _run(host, trials, fixed, record)
            ended = True
        finally:
            report(trials, record, fixed, ended)
        done = counted(study)
        if done and all(trial.state.name == "FAIL" for trial in done):
            last = done[-1].user_attrs.get("error", "")
            raise SearchError(f"all {len(done)} trials failed, the last by: {last}; sweep.retry=true runs them again")
        return None if not any(trial.state.name == "COMPLETE" for trial in done) else study.best_value


def _checked(host: Host, overrides: Sequence[str]) -> tuple[Config, Space, list[str]]:
    """What all trials share, and the space, once every end of it has been tried as a config."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    unmoved = [text for text, override in zip(overrides, parsed, strict=True) if not override.is_sweep_override()]
    space, fixed = host.read_space(overrides, dict(host.compose(unmoved).search.space))
    fixed = [*fixed, "sweep.trial=0"]
    base = host.compose(fixed)
    config = typed(base, Config)
    problems = []
    for moved in (dimension.override(end) for dimension in space.dimensions for end in dimension.ends()):
        try:
            typed(_with(host, base, fixed, moved), Config)
        except ConfigError as error:
            problems += [f"{moved}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return config, space, fixed[:-1]


def _with(host: Host, base: DictConfig, fixed: Sequence[str], moved: str) -> DictConfig:
    """A config with one more override; only for the option of a group all is composed anew, which takes longer."""
    override = OverridesParser.create().parse_override(moved)
    if "." not in override.key_or_group:
        return host.compose([*fixed, moved])
    config = deepcopy(base)
    OmegaConf.update(config, override.key_or_group, override.value(), force_add=True)
    return config


def _run(host: Host, trials: Trials, fixed: Sequence[str], record: Record) -> None:
    config = trials.config
    most = together(config, host.at_once)
    while batch := trials.ask(most):
        jobs = {asked: [*fixed, *asked.overrides, f"sweep.trial={asked.number}"] for asked in batch}
        known = {asked: host.known(job) if asked.left else None for asked, job in jobs.items()}
        new = [asked for asked in batch if known[asked] is None]
        for asked in new:
            of = f" of {config.trials}" if asked.number < config.trials else ""  # repeated ones are numbered on
            tell("", f"trial {asked.number}{of}: {' '.join(asked.overrides)}")
        outcomes = host.launch([jobs[asked] for asked in new], batch[0].number) if new else []
        told = {asked: outcome for asked, outcome in known.items() if outcome is not None}
        for asked, outcome in (told | dict(zip(new, outcomes, strict=True))).items():
            trials.tell(asked, outcome)
            _tell(asked, outcome, trials, record)


def together(config: SearchConfig, room: int) -> int:
    """How many trials are handed to the launcher at a time: as many as it has room for.

    Of tpe's no more than it draws at random anyway: it learns only from those that have ended before.
    """
    most = config.startup if config.sampler == "tpe" else config.trials
    if config.parallel is None and room > most and config.trials > most:
        tell("", f"{most} trials run at a time, so that tpe learns from those before; search.parallel={room} runs more")
    return config.parallel or min(room, most)


def _tell(asked: Asked, outcome: Outcome, trials: Trials, record: Record) -> None:
    """A line a trial: its value, and the best so far."""
    finished = [trial for trial in counted(trials.study) if trial.state.name == "COMPLETE"]
    best = trials.study.best_trial if finished else None
    shown = {"finished": record.worded(outcome.value), "failed": f"failed: {outcome.error}"}.get(
        outcome.state, outcome.state
    )
    so_far = "" if best is None else f"; best so far: trial {best.number} with {record.worded(best.value)}"
    tell("", f"trial {asked.number}: {shown}{so_far}")
