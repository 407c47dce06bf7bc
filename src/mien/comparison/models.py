"""Models: runs that differ in nothing but their seed are trainings of one model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mien.comparison.jobs import Job, distinct, override_names
from mien.files import read_yaml
from mien.runs import CONFIG_FILE, model_id, what_counts

_EVALUATION = {"run", "accelerator"}
"""Settings of an evaluation that do not tell how it scores: which training, and on what hardware."""


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes:
        name: What its first run was asked to be called; else what sets it apart: its backbone if no other has it, else
            overrides without the seed.
        jobs: Its trainings, by seed.
    """

    name: str
    jobs: tuple[Job, ...]

    @property
    def known(self) -> bool:
        """Whether it is known how many trainings these are: older evaluations do not say whose training they score."""
        return not any(job.evaluation and not job.result.model for job in self.jobs)


def group_models(jobs: Sequence[Job]) -> list[Model]:
    """Group finished runs into models, in the order of their first runs.

    Trainings are of one model if their ``config.yaml`` differ in ``seed`` only, not counting places and loggers, and
    their data are the same; evaluations if what they score was trained so, and they score it alike. Where a seed comes
    up twice, as in the same runs before and after a change of the code, runs of one parent folder belong together;
    where it still does, every run is a model.

    Args:
        jobs: Finished runs.
    """
    groups = [part for group in _grouped(jobs, _setting) for part in _split(group)]
    names = [group[0].result.backbone for group in groups]
    if all(group[0].given for group in groups):
        names = [group[0].given for group in groups]
    elif len(set(names)) < len(names):
        names = override_names([group[0].result for group in groups], leave_out="seed")
    names = distinct(names, [group[0].folder if len(group) == 1 else group[0].folder.parent for group in groups])
    names = distinct(names, [group[0].folder for group in groups])  # where groups share a parent
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
    """Everything that makes a run what it is, but its seed; the folder where that is not known."""
    values, run = read_config(job.folder), job.result
    data = run.dataset["fingerprint"]
    if run.members and not job.evaluation:
        return run.model
    if job.evaluation:
        if not run.model or values is None:
            return job.folder.resolve()
        own = {key: value for key, value in what_counts(values).items() if key not in _EVALUATION}
        return run.model, data, own
    if values is not None:
        return model_id(values, data)
    return run.model or job.folder.resolve()


def read_config(folder: Path) -> dict[str, Any] | None:
    """The config of a run; ``None`` where it is missing or damaged."""
    try:
        values = read_yaml(folder / CONFIG_FILE)
    except (OSError, ValueError, yaml.YAMLError):  # ValueError: no text
        return None
    return values if isinstance(values, dict) else None
