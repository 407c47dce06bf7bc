"""What must hold before a search starts; part of :mod:`mien.config.check`."""

import re
from collections.abc import Iterator

from mien.config.check_images import choice, in_range
from mien.config.schema import Config

SAMPLERS = ("tpe", "random", "grid")
PRUNERS = ("median", "hyperband", "none")
_PASSWORD = re.compile(r"://[^/@:]*:[^@]*@|[?&]passw(or)?d=", re.IGNORECASE)


def search_problems(config: Config) -> Iterator[str]:
    """Everything that is wrong with a search, or with the settings of one where there is none."""
    search = config.search
    yield from in_range("search.trials", search.trials, 1)
    yield from in_range("search.parallel", search.parallel, 1)
    yield from choice("search.sampler", search.sampler, SAMPLERS)
    yield from choice("search.pruner", search.pruner, PRUNERS)
    yield from in_range("search.startup", search.startup, 1)
    yield from in_range("search.warmup", search.warmup, 1)
    yield from in_range("search.seed", search.seed, 0, 2**32 - 1)
    yield from storage_problems(search.storage)
    if search.space and not search.enabled:
        yield "search.space: only a search looks at it; pass -m sweeper=optuna, or go without +search"
    if search.enabled and config.sweep.trial is None:
        yield "sweeper=optuna: a search is a sweep; pass -m (--multirun)"
    if search.enabled and config.protocol.selection != "validation":
        yield (
            f"protocol.selection={config.protocol.selection}: a search chooses by a number of the validation split, "
            "never of the test split; pass protocol.selection=validation"
        )
    if search.enabled and config.protocol.report_curve:
        yield "protocol.report_curve: a search tells the reported split's score once, of its best trial; leave it out"


def storage_problems(storage: str | None) -> Iterator[str]:
    """What is wrong with ``search.storage``; the value is not shown, since a password in it would be."""
    if storage is None:
        return
    if "://" not in storage:
        yield "search.storage: expected a database's URL, such as postgresql://user@host/name or sqlite:///trials.db"
    if _PASSWORD.search(storage):
        yield (
            "search.storage: the password would stand in every run's config.yaml; take it out of the URL, and set the "
            "environment variable MIEN_STORAGE_PASSWORD"
        )
