"""The schema of ``compare.py``'s configuration."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mien.config.check_images import in_range


@dataclass
class CompareConfig:
    """Which runs are compared, and how."""

    runs: list[str] = field(default_factory=list)
    """Finished run folders: those of train.py or of evaluate.py."""
    names: list[str] = field(default_factory=list)
    """What to call them, one name a run; trainings of one model share the name. ``[]``: what sets each apart."""
    sweep: str | None = None
    """Instead of ``runs``: the folder of a sweep, whose finished jobs are compared."""
    output: str | None = None
    """The folder of the report; ``null``: one of its own in outputs/comparisons."""
    reference: str | None = None
    """One of the runs, against whose model all others are tested; ``null``: each against each."""
    intersection: bool = False
    """Where runs were tested on different images: compare on those that all share, instead of refusing."""
    bootstrap: int = 2000
    """Resamples of the images, for intervals."""
    seed: int = 0
    """Of the resamples."""


def compare_problems(config: CompareConfig) -> Iterator[str]:
    """Everything that is wrong with the config of a comparison."""
    yield from runs_problems(config.runs, config.sweep)
    if config.names and len(config.names) != len(config.runs):
        yield f"names: expected one for each of the {len(config.runs)} runs, got {len(config.names)}"
    if not all(name.strip() for name in config.names):
        yield "names: one of them is empty"
    yield from in_range("bootstrap", config.bootstrap, 100, 1_000_000)
    yield from in_range("seed", config.seed, 0, 2**32 - 1)


def runs_problems(runs: list[str], sweep: str | None) -> Iterator[str]:
    """That runs are named in one way: by their folders, or by their sweep's."""
    if runs and sweep:
        yield "runs and sweep: expected one of them, got both"
    if not runs and not sweep:
        yield "runs: it needs a value; expected run folders, such as runs=[outputs/a,outputs/b], or sweep=<folder>"
