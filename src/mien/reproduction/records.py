"""What became of a study's runs, as it is committed beside the study: ``record.json``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mien.errors import RunFolderError
from mien.files import read_json, typed, write_json
from mien.reproduction.measures import Measured

FILE = "record.json"
SCHEMA = 1
FINISHED, UNFINISHED, NOT_RUN, FAILED = "finished", "unfinished", "not run", "failed"
NOT_STARTED = "not started yet"


@dataclass(frozen=True)
class RunRecord:
    """A run of a part.

    Attributes:
        part: The part's name.
        seed: The run's seed.
        status: finished, unfinished, not run, or failed.
        why: Why there is no result, or why a finished run's gets no verdict.
        command: The command line that does the same.
        commit: Of the code, with a word on changes; all of them where a run was continued at another.
        hardware: In words.
        precision: What it was trained in.
        epochs: Epochs trained.
        scored: The epoch whose weights were tested, from 1 on; 0 in records from before there was this.
        seconds: Wall time of training.
        data: Name, version and fingerprint.
        images: Number of images of every split.
        values: What was measured, by the path of the measure: the value, and the number of images or ``None``.
        curves: The columns of ``metrics.csv``, a number an epoch, with blanks between.
        settings: The whole config, without places.
    """

    part: str
    seed: int
    status: str
    why: str = ""
    command: str = ""
    commit: str = ""
    hardware: str = ""
    precision: str = ""
    epochs: int = 0
    scored: int = 0
    seconds: float = 0.0
    data: dict[str, str] = field(default_factory=dict)
    images: dict[str, int] = field(default_factory=dict)
    values: dict[str, tuple[float, int | None]] = field(default_factory=dict)
    curves: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Whether its values are a measurement of the study's recipe."""
        return self.status == FINISHED and not self.why

    def measured(self, path: str) -> Measured | None:
        """The value at this path; ``None`` where the run has none."""
        return Measured(*self.values[path]) if path in self.values else None

    def curve(self, column: str) -> list[float]:
        """The values of a column of ``metrics.csv``, one an epoch; none where there is no such column."""
        return [float(value) for value in self.curves.get(column, "").split()]


def shown(records: Sequence[RunRecord]) -> list[RunRecord]:
    """The runs whose values are shown: those that are a measurement; where none is, all that are finished."""
    finished = [record for record in records if record.status == FINISHED]
    return [record for record in finished if record.counts] or finished


def load_record(experiments: Path, study: str) -> list[RunRecord]:
    """The committed record of a study; empty where there is none.

    Raises:
        RunFolderError: It is of another version of mien.
    """
    path = experiments / study / FILE
    if not path.is_file():
        return []
    values = read_json(path)
    try:
        if values["schema"] != SCHEMA:
            raise ValueError(f"schema {values['schema']}")
        return [_run(run) for run in values["runs"]]
    except (KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{path}: not a record of this version of mien ({error!r})") from error


def _run(values: Mapping[str, Any]) -> RunRecord:
    record = typed(RunRecord, dict(values))
    return replace(record, values={path: (value, n) for path, (value, n) in record.values.items()})


def save_record(experiments: Path, study: str, records: Sequence[RunRecord]) -> Path:
    """Write the record of a study."""
    path = experiments / study / FILE
    write_json(path, {"schema": SCHEMA, "runs": [asdict(run) for run in records]})
    return path


def without_paths(text: str) -> str:
    """A text whose absolute paths are shortened to their last name: ``no folder /a/b`` -> ``no folder <b>``."""
    return re.sub(r"(?<![\w<./])/(?:[^\s/:,;'\"]+/)*([^\s/:,;'\"]+)", r"<\1>", text)
