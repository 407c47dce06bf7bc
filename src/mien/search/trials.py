"""The trials of a search: which one is next, which belongs to a process that was killed, and what became of each."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from filelock import FileLock

from mien.config.sweep import SearchConfig
from mien.console import tell
from mien.runs import JOB_LOCK, PATIENCE, is_busy
from mien.search import engine
from mien.search.space import Space, Value

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

LOCKS = ".search"
_ENUMERATED = 100_000  # combinations of a space that are looked through one by one


@dataclass(frozen=True)
class Asked:
    """A trial that is to be run.

    Attributes:
        number: Its number in the study.
        overrides: What it sets.
        left: Whether a process began it that has ended since.
    """

    number: int
    overrides: tuple[str, ...]
    left: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a trial.

    Attributes:
        state: ``interrupted``: it is not told, and runs again when the search is continued.
        value: The number it is compared by, of a finished one.
        error: Why it failed.
    """

    state: Literal["finished", "pruned", "failed", "interrupted"]
    value: float | None = None
    error: str = ""


class Trials:
    """The trials of one study, asked for and told by this process, beside others that may do the same.

    Args:
        study: Optuna's.
        space: What is searched.
        config: The search.
        folder: The sweep's folder; locks are kept there.
        run_folder: Where the trial of some overrides runs.
    """

    def __init__(
        self,
        study: "Study",
        space: Space,
        config: SearchConfig,
        folder: Path,
        run_folder: Callable[[Sequence[str]], Path],
    ) -> None:
        self.study, self.space, self.config, self.folder = study, space, config, folder
        self.run_folder = run_folder
        self.worker = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._alive = FileLock(folder / LOCKS / self.worker)
        self._until = monotonic() + PATIENCE

    @contextmanager
    def working(self) -> Iterator[None]:
        """While this lasts, other processes leave the trials of this one alone."""
        self._alive.acquire()
        try:
            yield
        finally:
            self._alive.release()
            (self.folder / LOCKS / self.worker).unlink(missing_ok=True)

    def again(self) -> None:
        """Queue the trials that failed once more."""
        with one_at_a_time(self.folder):
            trials = self.study.get_trials(deepcopy=False)
            repeated = _repeated(trials)
            for trial in trials:
                if trial.state.name == "FAIL" and counts(trial) and trial.number not in repeated:
                    self.study.enqueue_trial(dict(trial.params), user_attrs={"repeats": trial.number})

    def ask(self, most: int) -> list[Asked]:
        """The next trials: first those that a killed process left, then new ones; none when the search is done."""
        with one_at_a_time(self.folder):
            batch = list(islice(self._left(), most))
            while len(batch) < most and self.missing() > 0:
                trial = self._new()
                if trial is None:
                    break
                batch.append(self._take(trial))
            return batch

    def tell(self, asked: Asked, outcome: Outcome) -> None:
        """Say what became of a trial; one that was interrupted is left for the next time."""
        if outcome.state == "interrupted":
            return
        trial = engine.trial_of(self.study, asked.number)
        if outcome.state == "finished" and outcome.value is not None and isfinite(outcome.value):
            engine.tell(self.study, asked.number, outcome.value)
        elif outcome.state == "pruned":
            engine.tell(self.study, asked.number, None, pruned=True)
        else:
            trial.set_user_attr("error", outcome.error or f"no number to compare by: {outcome.value}")
            engine.tell(self.study, asked.number, None)

    def missing(self) -> int:
        """How many trials have not been begun."""
        return self.config.trials - len(counted(self.study))

    def _take(self, trial: "Trial", left: bool = False) -> Asked:
        overrides = tuple(self.space.overrides(trial.params))
        trial.set_user_attr("overrides", list(overrides))
        trial.set_user_attr("worker", self.worker)
        return Asked(trial.number, overrides, left)

    def _left(self) -> Iterator[Asked]:
        """Trials that were running when their process was killed; they keep their numbers, and so their runs go on."""
        for frozen in self.study.get_trials(deepcopy=False):
            if frozen.state.name != "RUNNING" or self._is_alive(frozen):
                continue
            trial = engine.trial_of(self.study, frozen.number)
            if set(frozen.params) == {dimension.name for dimension in self.space.dimensions}:
                tell("", f"trial {trial.number} goes on: it was begun by a process that has ended")
                yield self._take(trial, left=True)
            else:
                self._drop(trial)

    def _is_alive(self, trial: "FrozenTrial") -> bool:
        """Whether a process works at a trial: the one that asked for it, or one that a launcher keeps elsewhere."""
        worker = trial.user_attrs.get("worker")
        if worker == self.worker:
            return True
        if worker is None:
            return False
        if is_busy(self.folder / LOCKS, worker):
            return True
        run = self.run_folder(trial.user_attrs["overrides"])
        while (busy := is_busy(run) or is_busy(run, JOB_LOCK)) and monotonic() < self._until:
            sleep(0.1)  # a training whose process was killed just now is about to end
        return busy

    def _new(self) -> "Trial | None":
        """A trial whose settings no other has; ``None`` where there are no more."""
        for attempt in range(20):
            if self.space.size is not None and (attempt > 0 or self.config.sampler == "grid"):
                settings = self._untried()
                if settings is None:
                    tell("", f"all {self.space.size} combinations of the space have been tried")
                    return None
                self.study.enqueue_trial(dict(settings))
            trial = self._sampled()
            if not self._is_known(trial):
                return trial
            self._drop(trial)
        return None

    def _sampled(self) -> "Trial":
        self.study.sampler = engine.sampler(self.config, len(self.study.get_trials(deepcopy=False)))
        return self.study.ask(dict(engine.distributions(self.space)))

    def _untried(self) -> Mapping[str, Value] | None:
        """A combination of a finite space that has not been tried: the next one of a grid, else one at random."""
        tried = {tuple(self._overrides(trial)) for trial in counted(self.study)}
        free = (values for values in self.space.combinations() if tuple(self.space.overrides(values)) not in tried)
        if self.config.sampler == "grid":
            return next(free, None)
        some = list(islice(free, _ENUMERATED))
        return Random(f"{self.config.seed}:{len(tried)}").choice(some) if some else None

    def _is_known(self, trial: "Trial") -> bool:
        """Whether another trial has the same settings: the same run, whose value is known or will be."""
        own = self.space.overrides(trial.params)
        if "repeats" in trial.user_attrs:
            return False
        return any(self._overrides(other) == own for other in counted(self.study) if other.number != trial.number)

    def _overrides(self, trial: "FrozenTrial") -> list[str]:
        known = {dimension.name for dimension in self.space.dimensions} == set(trial.params)
        return self.space.overrides(trial.params) if known else []

    def _drop(self, trial: "Trial") -> None:
        """Take a trial out of the count."""
        trial.set_user_attr("dropped", True)
        engine.tell(self.study, trial.number, None)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the lock by which the processes of a search take turns."""
    (folder / LOCKS).mkdir(parents=True, exist_ok=True)
    with FileLock(folder / LOCKS / "turn"):
        yield


def counted(study: "Study") -> list["FrozenTrial"]:
    """The trials of a study, without those that were dropped or repeated."""
    trials = study.get_trials(deepcopy=False)
    repeated = _repeated(trials)
    return [trial for trial in trials if counts(trial) and trial.number not in repeated]


def counts(trial: "FrozenTrial") -> bool:
    """Whether a trial is one of ``search.trials``."""
    return "dropped" not in trial.user_attrs and trial.state.name != "WAITING"


def _repeated(trials: Sequence["FrozenTrial"]) -> set[int]:
    return {trial.user_attrs["repeats"] for trial in trials if "repeats" in trial.user_attrs}
