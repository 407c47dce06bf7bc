"""Run folders: whose they are, whether they are finished, and what an interrupted run left in them."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from filelock import FileLock, Timeout
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mien.config.evaluate import EvaluateConfig
from mien.config.load import from_plain, plain, to_yaml
from mien.config.schema import Config
from mien.errors import FolderBusyError, RunFolderError
from mien.files import read_json, write_json, write_text
from mien.results import RESULTS_FILE, RunResult
from mien.types import DataSpec, Leaks, SplitName

CONFIG_FILE, DATA_FILE, LOCK_FILE = "config.yaml", "data.json", ".lock"
SWEEP_FILE, JOB_FILE, JOB_LOCK = "sweep.json", "job.json", ".job.lock"
"""The jobs of a sweep; in a run folder what became of it, and the lock of the process that watches it."""
STUDY_FILE = "study.json"
"""What makes a sweep's folder that of a search."""
METRICS_FILE = "metrics.csv"
"""A row an epoch."""
PATIENCE = 3.0
"""Seconds to wait for a lock: so long may a process that was killed hold on to it."""
_FREE = {
    *("output", "resume", "logger", "report", "sweep", "launcher", "search"),
    *("trainer.accelerator", "trainer.cuda_graphs"),
    *("dataset.root", "dataset.mixed.*.root", "dataset.cache", "dataset.workers", "scenes.root"),
}
"""Settings that do not change what is computed (the data's fingerprint does): a run may be continued with others."""
_WORK = ("checkpoints", RESULTS_FILE)
"""What makes a folder worth keeping; a run that failed before its first checkpoint leaves it free."""
_KEPT = (CONFIG_FILE, LOCK_FILE, JOB_FILE, JOB_LOCK, "wandb", "log.txt")
"""What ``resume=never`` leaves in place."""
_SPACE = 64 * 2**20
_ABSENT = object()


@contextmanager
def owned(folder: Path, lock_file: str = LOCK_FILE, patience: float = PATIENCE) -> Iterator[None]:
    """Hold a run folder for one process; it is made if it is not there.

    Args:
        folder: The folder.
        lock_file: The lock in it: that of the work in it, or of the process that watches the work.
        patience: Seconds to wait for it.

    Raises:
        FolderBusyError: Another process works in it.
        RunFolderError: It cannot be written to.
    """
    lock = FileLock(folder / lock_file, timeout=patience)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise FolderBusyError(f"{folder}: another process works here; wait for it, or choose output=<folder>") from None
    except OSError as error:
        raise RunFolderError(
            f"cannot write to {folder}: {error.strerror}; check space and write right there"
        ) from error
    try:
        yield
    finally:
        lock.release()


def is_busy(folder: Path, lock_file: str = LOCK_FILE) -> bool:
    """Whether another process works in a run folder right now; nothing is waited for or made."""
    if not (folder / lock_file).is_file():
        return False
    try:
        with FileLock(folder / lock_file, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # no right to write there: it cannot be told
        return False


def claim(
    folder: Path, config: Config, data: DataSpec, leaks: Leaks | None, photos: Callable[[], str] | None = None
) -> RunResult | None:
    """Make a folder this experiment's.

    Args:
        folder: The run folder.
        config: The experiment. ``resume=never`` removes what an earlier run of it left.
        data: Its data.
        leaks: What of the reported part stands in train too.
        photos: Gives the fingerprint of its whole photos; asked only where it is finished already.

    Returns:
        The result, if this experiment is finished there already.

    Raises:
        RunFolderError: The folder is another experiment's, its data or photos have changed, or it cannot be written to.
    """
    if has_work(folder):
        check_same_config(folder, config)
        _check_same_data(folder, data)
        if config.resume == "never":
            _clear(folder)
        elif (folder / RESULTS_FILE).is_file():
            result = RunResult.load(folder)
            _check_same_photos(folder, result, photos)
            return result
    write_text(folder / CONFIG_FILE, to_yaml(config))
    write_data(folder, data, leaks)
    return None


def write_data(folder: Path, data: DataSpec, leaks: Leaks | None) -> None:
    """Write ``data.json``: what the data are and hold, and what leaks (``null`` where that is unknown)."""
    counts = {str(split): dict(zip(data.labels, counts, strict=True)) for split, counts in data.counts.items()}
    facts = {"name": data.name, "version": data.version, "fingerprint": data.fingerprint, "counts": counts}
    content = {"content": data.content} if data.content else {}
    write_json(folder / DATA_FILE, facts | content | {"leaks": None if leaks is None else leaks.to_dict()})


def note_skipped(folder: Path, skipped: Mapping[SplitName, int]) -> None:
    """Add to ``data.json`` how many images of each part could not be read and were skipped, where there are some."""
    if skipped:
        write_json(folder / DATA_FILE, read_json(folder / DATA_FILE) | {"skipped": dict(skipped)})


def check_space(folder: Path, parameters: int) -> None:
    """Refuse to start where the checkpoints will not fit.

    Args:
        folder: The run folder.
        parameters: Number of parameters of the network; a checkpoint holds up to three numbers for each.

    Raises:
        RunFolderError: Too little space.
    """
    needed = 4 * parameters * (3 + 3 + 1 + 1) + _SPACE  # last and its successor while it is written, best, bundle
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise RunFolderError(
            f"{folder}: checkpoints need about {needed / 2**20:.0f} MiB, and {free / 2**20:.0f} MiB are free; "
            "make room, or choose another disk with output=<folder>"
        )


def _clear(folder: Path) -> None:
    (folder / RESULTS_FILE).unlink(missing_ok=True)  # first, so that what is half removed does not look finished
    for path in folder.iterdir():
        if path.name in _KEPT:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def has_work(folder: Path) -> bool:
    """Whether a folder holds a run that is worth keeping: one with a checkpoint or a result."""
    return (folder / CONFIG_FILE).is_file() and any((folder / name).exists() for name in _WORK)


def check_same_config(folder: Path, config: Config | EvaluateConfig) -> None:
    """Hold the config that a folder's work was begun with against another.

    Raises:
        RunFolderError: They differ in what changes the result; the differences are shown.
    """
    try:
        old = what_counts(plain(from_plain(type(config), OmegaConf.load(folder / CONFIG_FILE))))
    except OmegaConfBaseException as error:  # a key or value that there is no longer
        raise RunFolderError(
            f"{folder / CONFIG_FILE} is of another version of mien: {str(error).splitlines()[0]}; "
            "choose another place with output=<folder>, or remove that run"
        ) from error
    new = what_counts(plain(config))
    changes = [f"{key}: there {old.get(key)}, now {new[key]}" for key in new if old.get(key) != new[key]]
    if changes:
        raise _another(folder, changes[:10])


def same_places(folder: Path, config: Config | EvaluateConfig) -> bool:
    """Whether the data and photos of a folder's work lay where a config says; elsewhere may be the same, or others."""
    if not (folder / CONFIG_FILE).is_file():
        return False
    saved = OmegaConf.to_container(OmegaConf.load(folder / CONFIG_FILE))
    return places(cast("dict[str, Any]", saved)) == places(plain(config))


def places(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Where a config's data and photos lie, by dotted key."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= places(value, f"{prefix}{key}.")
        elif key == "root" and value is not None:
            flat[prefix + key] = str(value)
    return flat


def _check_same_data(folder: Path, data: DataSpec) -> None:
    if not (folder / DATA_FILE).is_file():
        return
    saved = read_json(folder / DATA_FILE)
    if saved["fingerprint"] != data.fingerprint:
        raise _another(folder, ["the images or labels of the data set have changed since (another fingerprint)"])
    if saved.get("content", data.content) != data.content:  # folders from before there was this have none
        raise _another(folder, ["images of the data set were replaced since by others of the same names and sizes"])


def _check_same_photos(folder: Path, result: RunResult, photos: Callable[[], str] | None) -> None:
    faces = result.end_to_end
    if faces is not None and faces.fingerprint and photos is not None and faces.fingerprint != photos():
        raise _another(folder, ["scenes: the whole photos are others than those that were scored"])


def _another(folder: Path, changes: list[str]) -> RunFolderError:
    shown = "\n".join(f"  - {change}" for change in changes)
    place = "choose another place with output=<folder>, or remove that one"
    return RunFolderError(f"{folder} holds another experiment; {place}:\n{shown}")


def what_counts(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A config's settings by dotted key, without those that do not change what is computed."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if any(fnmatchcase(prefix + key, pattern) for pattern in _FREE):
            continue
        if isinstance(value, dict):
            flat |= what_counts(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def model_id(values: dict[str, Any], fingerprint: str) -> str:
    """A SHA-256 hex digest of what a model is trained with, its seed apart: equal for several trainings of one model.

    Settings at their defaults do not count, so that one that is added later does not change it.

    Args:
        values: The plain config of a training.
        fingerprint: Of the data that it is trained on.
    """
    defaults = _defaults()
    own = {key: value for key, value in what_counts(values).items() if value != defaults.get(key, _ABSENT)}
    own.pop("seed", None)
    return sha256(json.dumps([own, fingerprint], sort_keys=True, default=str).encode()).hexdigest()


@cache
def _defaults() -> dict[str, Any]:
    return what_counts(plain(Config))


def changes_result(key: str) -> bool:
    """Whether an override of this key changes what is computed.

    Examples:
        >>> [changes_result(key) for key in ("optimizer.lr", "logger.mode", "dataset.root")]
        [True, False, False]
    """
    parts = key.split(".")
    starts = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
    return not any(fnmatchcase(start, pattern) for start in starts for pattern in _FREE)
