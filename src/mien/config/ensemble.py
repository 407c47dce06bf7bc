"""The schema of ``ensemble.py``'s configuration."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mien.config.check_images import choice
from mien.config.compare import runs_problems


@dataclass
class EnsembleConfig:
    """Which trainings are joined."""

    runs: list[str] = field(default_factory=list)
    """Run folders of finished trainings on the same data, under the same protocol."""
    sweep: str | None = None
    """Instead of ``runs``: the folder of a sweep, all of whose jobs are joined."""
    output: str | None = None
    """The ensemble's folder; ``null``: one of its own in outputs/ensembles."""
    accelerator: str = "auto"
    """auto, cpu or gpu."""


def ensemble_problems(config: EnsembleConfig) -> Iterator[str]:
    """Everything that is wrong with the config of an ensemble."""
    yield from runs_problems(config.runs, config.sweep)
    yield from choice("accelerator", config.accelerator, ("auto", "cpu", "gpu"))
