"""Optuna: the only file that imports it. Studies are opened, and samplers, pruners and distributions built, here."""

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from mien.config.sweep import SearchConfig
from mien.errors import ConfigError, SearchError
from mien.search.journal import JournalLock
from mien.search.space import Dimension, Space

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage

JOURNAL = "study.journal"
_ENOUGH = 20  # finished trials
PASSWORD = "MIEN_STORAGE_PASSWORD"


def check_installed() -> None:
    """Raise a ConfigError unless Optuna is installed."""
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            [f"sweeper=optuna: needs Optuna ({error}); install it with pip install 'mien[optuna]'"]
        ) from error


def open_study(name: str, folder: Path, config: SearchConfig, maximise: bool, epochs: int) -> "Study":
    """A study, made if it is not there yet.

    Args:
        name: Its name in the storage.
        folder: The sweep's folder.
        config: The search.
        maximise: Whether more is better.
        epochs: Of a training.

    Raises:
        SearchError: The storage does not answer.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with storage_errors(config.storage):
        return optuna.create_study(
            storage=_storage(folder, config.storage),
            study_name=name,
            direction="maximize" if maximise else "minimize",
            pruner=_pruner(config, epochs),
            load_if_exists=True,
        )


@contextmanager
def storage_errors(storage: str | None) -> Iterator[None]:
    """Turn what goes wrong with a database into a message, without its password."""
    if storage is None:
        yield
        return
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError, ImportError) as error:
        password = os.environ.get(PASSWORD, "")
        cause = str(error.__cause__ or error).splitlines()[0]
        cause = cause.replace(password, "***") if password else cause
        raise SearchError(
            f"search.storage={storage}: {cause}; check that the database runs, its driver is installed, and that "
            f"{PASSWORD} is right, or keep the trials in a file with search.storage=null"
        ) from None


def _storage(folder: Path, url: str | None) -> "BaseStorage":
    from optuna import storages
    from optuna.storages.journal import JournalFileBackend

    if url is None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / JOURNAL
        return storages.JournalStorage(JournalFileBackend(str(path), lock_obj=JournalLock(path)))  # type: ignore[arg-type]
    from sqlalchemy.engine import make_url

    whole = make_url(url)
    if PASSWORD in os.environ:
        whole = whole.set(password=os.environ[PASSWORD])
    return storages.RDBStorage(whole.render_as_string(hide_password=False))


def trial_of(study: "Study", number: int) -> "Trial":
    """A trial that has been begun, perhaps by another process, to report to."""
    from optuna.trial import Trial

    return Trial(study, study.get_trials(deepcopy=False)[number]._trial_id)


def tell(study: "Study", number: int, value: float | None, pruned: bool = False) -> None:
    """Say what became of a trial; without a value it has failed. One that has been told is left as it is."""
    from optuna.trial import TrialState

    state = None if value is not None else TrialState.PRUNED if pruned else TrialState.FAIL
    study.tell(number, value, state=state, skip_if_finished=True)


def sampler(config: SearchConfig, number: int) -> "BaseSampler":
    """What proposes the settings of a trial.

    Its seed follows from the trial's number: so a search that is continued proposes what it would have proposed, and
    not its first trials again.
    """
    from optuna import samplers

    seed = int(sha256(f"{config.seed}:{number}".encode()).hexdigest()[:8], 16)
    if config.sampler != "tpe":
        return samplers.RandomSampler(seed=seed)
    return samplers.TPESampler(seed=seed, n_startup_trials=config.startup, constant_liar=True)


def _pruner(config: SearchConfig, epochs: int) -> "BasePruner":
    from optuna import pruners

    if config.pruner == "median":
        return pruners.MedianPruner(n_startup_trials=config.startup, n_warmup_steps=config.warmup)
    if config.pruner == "hyperband":
        return pruners.HyperbandPruner(min_resource=config.warmup, max_resource=max(epochs, config.warmup))
    return pruners.NopPruner()


def distributions(space: Space) -> Mapping[str, "BaseDistribution"]:
    """A space as Optuna knows it, by name."""
    return {dimension.name: _distribution(dimension) for dimension in space.dimensions}


def _distribution(dimension: Dimension) -> "BaseDistribution":
    from optuna import distributions as kinds

    if dimension.choices:
        return kinds.CategoricalDistribution(dimension.choices)
    low, high = dimension.bounds or (dimension.numbers[0], dimension.numbers[-1])
    step = (high - low) / (len(dimension.numbers) - 1) if len(dimension.numbers) > 1 else None
    if dimension.whole:
        return kinds.IntDistribution(int(low), int(high), log=dimension.log, step=int(step or 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the highest value is right but for its last digit
        return kinds.FloatDistribution(low, high, log=dimension.log, step=step and float(f"{step:.10g}"))


def importances(study: "Study") -> dict[str, float]:
    """The share of each key in what brings a trial among the best quarter, greatest first.

    Empty for fewer than twenty finished trials, of which it says nothing (PED-ANOVA, https://arxiv.org/abs/2304.10255).
    """
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
    from optuna.trial import TrialState

    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(finished) < _ENOUGH or len({trial.value for trial in finished}) == 1:
        return {}
    return get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(target_quantile=0.25))
