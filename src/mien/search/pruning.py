"""The training's side of a search: every epoch is reported to the study, and a trial may be ended for it."""

import logging
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Protocol

from mien.config.evaluate import EvaluateConfig
from mien.config.schema import Config
from mien.errors import Pruned, SearchError
from mien.search import engine
from mien.search.record import read_record

log = logging.getLogger(__name__)


class Trained(Protocol):
    """What is needed of a :class:`mien.sweep.job.Job`."""

    @property
    def config(self) -> Config | EvaluateConfig:
        """What is trained."""

    @property
    def sweep(self) -> Path | None:
        """The search's folder."""

    @property
    def trial(self) -> int | None:
        """Its number there."""


def watch_of(job: Trained) -> Callable[[dict[str, float]], None] | None:
    """What a training is watched with: a function that takes the row of every epoch.

    It reports ``protocol.monitor`` on the validation split, and raises :class:`mien.errors.Pruned` where the trial
    promises too little. The last epoch never ends a trial, since nothing is saved by that.

    Args:
        job: A trial; of any other job there is nothing to watch, and ``None`` is returned.

    Raises:
        SearchError: The storage does not answer.
    """
    config = job.config
    if job.trial is None or job.sweep is None or not isinstance(config, Config) or not config.search.enabled:
        return None
    record, epochs = read_record(job.sweep), config.trainer.max_epochs
    study = engine.open_study(record.study, job.sweep, config.search, record.maximise, epochs)
    trial = engine.trial_of(study, job.trial)
    known = set(study.get_trials(deepcopy=False)[job.trial].intermediate_values)

    def watch(row: dict[str, float]) -> None:
        epoch, value = int(row["epoch"]), row[f"val_{config.protocol.monitor}"]
        if not isfinite(value):
            raise Pruned(f"pruned after epoch {epoch} of {epochs}: {record.objective} is no number any more")
        try:
            with engine.storage_errors(config.search.storage):
                if epoch not in known:  # one that is trained again after an interruption is the same
                    known.add(epoch)
                    trial.report(value, epoch)
                ends = epoch < epochs and trial.should_prune()
        except (SearchError, OSError) as error:
            log.warning("epoch %d is not reported to the search: %s", epoch, error)
            return
        if ends:
            raise Pruned(f"pruned after epoch {epoch} of {epochs}: {record.objective} {record.worded(value)}")

    return watch
