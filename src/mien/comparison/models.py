"""Models: runs that differ in nothing but their seed are trainings of one model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from mien.comparison.jobs import Job, distinct, override_names
from mien.config.load import plain
from mien.config.schema import Config
from mien.runs import CONFIG_FILE, what_counts


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes:
        name: What sets it apart: its backbone if no other has it, else overrides without the seed.
        jobs: Its trainings, by seed.
    """

    name: str
    jobs: tuple[Job, ...]

    @property
    def trainings(self) -> str:
        """How often it was trained, in words."""
        return "once" if len(self.jobs) == 1 else f"{len(self.jobs)} times"


def group_models(jobs: Sequence[Job]) -> list[Model]:
    """Group finished runs into models, in the order of their first runs.

    Runs are of one model if their ``config.yaml`` differ in ``seed`` only, not counting places and loggers, and their
    data are the same. Where a seed comes up twice, as in the same runs before and after a change of the code, runs of
    one parent folder belong together; where it still does, every run is a model.

    Args:
        jobs: Finished runs.
    """
    groups = [part for group in _grouped(jobs, _setting) for part in _split(group)]
    names = [group[0].result.backbone for group in groups]
    if len(set(names)) < len(names):
        names = override_names([group[0].result for group in groups], leave_out="seed")
    names = distinct(names, [group[0].folder if len(group) == 1 else group[0].folder.parent for group in groups])
    return [
        Model(name, tuple(sorted(group, key=lambda job: job.result.seed)))
        for name, group in zip(names, groups, strict=True)
    ]


def _split(group: list[Job]) -> list[list[Job]]:
    """A group in which no seed comes up twice stays whole."""
    if not _repeats(group):
        return [group]
    parts = _grouped(group, lambda job: job.folder.resolve().parent)
    return [[job] for job in group] if any(map(_repeats, parts)) else parts


def _repeats(group: Sequence[Job]) -> bool:
    return len({job.result.seed for job in group}) < len(group)


def _grouped(jobs: Sequence[Job], key: Callable[[Job], object]) -> list[list[Job]]:
    """Groups of an equal key, in the order of their first members."""
    groups: list[tuple[object, list[Job]]] = []
    for job in jobs:
        own = key(job)
        found = next((members for other, members in groups if other == own), None)
        if found is None:
            groups.append((own, [job]))
        else:
            found.append(job)
    return [members for _, members in groups]


def _setting(job: Job) -> object:
    """Everything that makes a training what it is, but its seed; the folder where its config is missing or damaged.

    Settings that a config lacks, since they have been added later, count as their defaults.
    """
    try:
        values = what_counts(yaml.safe_load((job.folder / CONFIG_FILE).read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, AttributeError):
        return job.folder.resolve()
    return _defaults() | values | {"seed": None, "data": job.result.dataset["fingerprint"]}


@cache
def _defaults() -> dict[str, Any]:
    return what_counts(plain(Config))
