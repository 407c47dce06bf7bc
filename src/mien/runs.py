"""Run folders: whose they are, whether they are finished, and what an interrupted run left in them."""

import shutil
from pathlib import Path
from typing import Any

from mien.config.load import from_yaml, plain, to_yaml
from mien.config.schema import Config
from mien.errors import RunFolderError
from mien.files import write_text
from mien.results import RESULTS_FILE, RunResult

CONFIG_FILE = "config.yaml"
_FREE = {"output", "resume", "logger"}
"""Settings that do not change what is computed: a run may be continued with others."""
_WORK = ("checkpoints", RESULTS_FILE)
"""What makes a folder worth keeping; a run that failed before its first checkpoint leaves it free."""
_MADE_BY_RUNS = ("checkpoints", "bundle", "plots", "metrics.csv", "predictions.parquet", "environment.json")
_SPACE = 64 * 2**20


def claim(folder: Path, config: Config) -> RunResult | None:
    """Make a folder this experiment's.

    Args:
        folder: The run folder; made if it is not there.
        config: The experiment. ``resume=never`` removes what an earlier run of it left.

    Returns:
        The result, if this experiment is finished there already.

    Raises:
        RunFolderError: The folder is another experiment's, cannot be written to, or its disk is full.
    """
    saved = folder / CONFIG_FILE
    if saved.is_file() and any((folder / name).exists() for name in _WORK):
        _check_same(saved, config)
        if config.resume == "never":
            _clear(folder)
        elif (folder / RESULTS_FILE).is_file():
            return RunResult.load(folder)
    write_text(saved, to_yaml(config))
    return None


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
    (folder / RESULTS_FILE).unlink(missing_ok=True)
    for name in _MADE_BY_RUNS:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _check_same(saved: Path, config: Config) -> None:
    old, new = _flat(plain(from_yaml(saved))), _flat(plain(config))
    changes = [f"{key}: there {old.get(key)}, now {new[key]}" for key in new if old.get(key) != new[key]]
    if changes:
        shown = "\n".join(f"  - {change}" for change in changes[:10])
        raise RunFolderError(
            f"{saved.parent} holds another experiment:\n{shown}\n"
            "choose another place with output=<folder>, or remove that one"
        )


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if not prefix and key in _FREE:
            continue
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
