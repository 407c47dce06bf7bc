"""What lies in a cache folder, and its removal."""

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from mien.files import read_json

_SUFFIXES = (".json", ".npy", ".building")
_KEY = re.compile(r"[0-9a-f]{32}")  # so that nobody else's files are touched


@dataclass(frozen=True)
class Listed:
    """An array of the cache.

    Attributes:
        key: Its name.
        about: What it is; "unfinished" where there is no description.
        nbytes: Its size on disk in bytes.
        used: When it was last opened, in seconds since the epoch.
    """

    key: str
    about: str
    nbytes: int
    used: float


def entries(folder: Path) -> list[Listed]:
    """All arrays of a folder, the last used first."""
    keys = {path.stem for path in folder.glob("*") if path.suffix in _SUFFIXES and _KEY.fullmatch(path.stem)}
    return sorted((_listed(folder, key) for key in keys), key=lambda entry: -entry.used)


def clear(folder: Path, unused_days: float = 0.0) -> list[Listed]:
    """Remove arrays that were not opened for so many days; those being built now are left.

    Jobs that have a removed array open keep it until they end.

    Returns:
        What was removed.
    """
    limit = time.time() - 86400 * unused_days
    return [entry for entry in entries(folder) if entry.used <= limit and _remove(folder, entry.key)]


def _remove(folder: Path, key: str) -> bool:
    lock = FileLock(folder / f"{key}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    try:
        for suffix in _SUFFIXES:
            (folder / f"{key}{suffix}").unlink(missing_ok=True)
    finally:
        lock.release()
    return True


def _listed(folder: Path, key: str) -> Listed:
    paths = [path for suffix in _SUFFIXES if (path := folder / f"{key}{suffix}").is_file()]
    about = "unfinished or damaged"
    with suppress(OSError, ValueError, KeyError, TypeError):
        about = str(read_json(folder / f"{key}.json")["about"])
    stats = []
    for path in paths:
        with suppress(FileNotFoundError):  # renamed or removed meanwhile
            stats.append(path.stat())
    return Listed(key, about, sum(stat.st_size for stat in stats), max((stat.st_mtime for stat in stats), default=0.0))
