"""What a search is, in ``study.json`` of its folder: so that another one is not mixed with it."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import uuid4

from mien.config.load import plain
from mien.config.schema import Config
from mien.errors import SearchError
from mien.files import read_json, typed, write_json
from mien.report.wording import UNDEFINED, percent
from mien.runs import STUDY_FILE, changes_result, places
from mien.search.space import Space


@dataclass(frozen=True)
class Record:
    """A search as its folder knows it.

    Attributes:
        study: Name of Optuna's study in its storage; no two are the same.
        objective: What the trials are compared by.
        maximise: Whether more is better.
        space: What is searched, by key.
        fixed: Overrides that all trials share, as far as they change the result.
        storage: ``search.storage``.
        places: Where data and photos lie, by key; empty in records from before it was kept.
    """

    study: str
    objective: str
    maximise: bool
    space: dict[str, str]
    fixed: tuple[str, ...]
    storage: str | None = None
    places: dict[str, str] = field(default_factory=dict)

    def worded(self, value: float | None) -> str:
        """A value of the objective: a share as a percentage, a loss with four digits."""
        if self.maximise:
            return percent(value)
        return UNDEFINED if value is None else f"{value:.4f}"


def record_of(folder: Path, config: Config, space: Space, fixed: Sequence[str]) -> Record:
    """The record of a search: that in its folder, where there is one, else a new one, which is not kept yet.

    Args:
        folder: The sweep's folder.
        config: The config that all trials share.
        space: What is searched.
        fixed: The overrides of all trials.

    Raises:
        SearchError: The folder holds the record of another search; the differences are shown.
    """
    monitor = config.protocol.monitor
    record = Record(
        study=f"{folder.name}-{uuid4().hex[:8]}",
        objective=f"validation {monitor.replace('_', ' ')}",
        maximise=monitor != "loss",
        space=space.described(),
        fixed=tuple(sorted(text for text in fixed if not is_driving(text) and changes_result(_key(text)))),
        storage=config.search.storage,
        places=places(plain(config)),
    )
    if not (folder / STUDY_FILE).is_file():
        return record
    old = read_record(folder)
    changes = _differences(old, record)
    if changes:
        shown = "\n".join(f"  - {change}" for change in changes)
        raise SearchError(
            f"{folder} holds another search, whose trials say nothing of this one; choose another place with "
            f"output=<folder>, or remove {STUDY_FILE} there (its runs are found again):\n{shown}"
        )
    return old


def keep_record(folder: Path, record: Record) -> None:
    """Write the record of a search into its folder."""
    write_json(folder / STUDY_FILE, asdict(record))


def read_record(folder: Path) -> Record:
    """The record in a sweep's folder."""
    return typed(Record, read_json(folder / STUDY_FILE))


def is_driving(override: str) -> bool:
    """Whether an override says how jobs are run and searched, and is none of theirs.

    Examples:
        >>> [is_driving(text) for text in ("+search=optimizer", "launcher=ray", "hydra/sweeper=basic", "seed=1")]
        [True, True, True, False]
    """
    return re.split("[./]", _key(override))[0] in ("search", "sweep", "sweeper", "launcher", "hydra")


def _key(override: str) -> str:
    return override.split("=", 1)[0].lstrip("+~")


def _differences(old: Record, new: Record) -> list[str]:
    changes = [
        f"search.space: {key}: there {old.space.get(key, 'fixed')}, now {new.space.get(key, 'fixed')}"
        for key in sorted({*old.space, *new.space})
        if old.space.get(key) != new.space.get(key)
    ]
    pairs: dict[str, tuple[str | None, str | None]] = {
        "protocol.monitor": (old.objective, new.objective),
        "overrides": (" ".join(old.fixed) or "none", " ".join(new.fixed) or "none"),
        "search.storage": (old.storage, new.storage),
    }
    if old.places:
        keys = sorted({*old.places, *new.places})
        pairs |= {key: (old.places.get(key), new.places.get(key)) for key in keys}
    return changes + [f"{key}: there {there}, now {now}" for key, (there, now) in pairs.items() if there != now]
