"""A job, as it is handed from the process that watches it to the one that does it."""

from dataclasses import dataclass
from pathlib import Path

from mien.config.evaluate import EvaluateConfig
from mien.config.schema import Config


@dataclass(frozen=True)
class Job:
    """A training or an evaluation, with all that another process needs to do it.

    Attributes:
        kind: train or evaluate.
        config: What is done.
        folder: Its run folder.
        command: The command line that does the job alone.
        overrides: Those that it is made from.
        name: What tells it from the other jobs of its sweep.
        sweep: The folder of the sweep that it belongs to, if any.
        trial: Its number in a search.
    """

    kind: str
    config: Config | EvaluateConfig
    folder: Path
    command: str
    overrides: tuple[str, ...]
    name: str
    sweep: Path | None = None
    trial: int | None = None
