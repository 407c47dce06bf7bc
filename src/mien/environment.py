"""Where a number came from: commit, versions, hardware, process."""

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from mien.files import read_json, write_json
from mien.world import cores, is_first_process, local_rank, processes_from_outside, processes_needed

__all__ = [
    "ENVIRONMENT_FILE",
    "commits",
    "cores",
    "describe",
    "installed",
    "is_first_process",
    "local_rank",
    "note_start",
    "processes_from_outside",
    "processes_needed",
    "versions",
]
ENVIRONMENT_FILE = "environment.json"
_PACKAGES = ("mien", "torch", "torchvision", "pytorch-lightning", "torchmetrics", "timm", "facenet-pytorch", "numpy")


def describe(command: str, seed: int) -> dict[str, Any]:
    """What ``environment.json`` holds: command, seed, git commit, versions and hardware, as plain values."""
    return {
        "command": command,
        "seed": seed,
        "git": _git(),
        "python": platform.python_version(),
        "packages": versions(),
        "hardware": _hardware(),
    }


_PIECE = ("command", "git", "python", "packages", "hardware")


def note_start(folder: Path, facts: dict[str, Any], goes_on: bool) -> None:
    """Write ``environment.json``: the facts of this start and, as ``pieces``, those of every start that counts.

    Args:
        folder: The run folder.
        facts: What :func:`describe` gives, and anything else.
        goes_on: Whether this start continues what earlier ones computed; their pieces are then kept. A file from
            before there were pieces is taken as one, whose time is ``null``.
    """
    file = folder / ENVIRONMENT_FILE
    pieces: list[dict[str, Any]] = []
    if goes_on and file.is_file():
        old = read_json(file)
        pieces = old["pieces"] if "pieces" in old else [_piece(old, None)]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(file, facts | {"pieces": [*pieces, _piece(facts, now)]})


def _piece(facts: dict[str, Any], started: str | None) -> dict[str, Any]:
    """What tells one start from another; ``started`` is an ISO 8601 time, UTC."""
    return {key: facts[key] for key in _PIECE} | {"started": started}


def commits(environment: dict[str, Any]) -> list[str]:
    """The commits that a run's starts were made at, each once, in order, with a word on those that had changes.

    Args:
        environment: What ``environment.json`` holds; older ones know of the last start only.
    """
    return list(dict.fromkeys(_commit(piece["git"]) for piece in environment.get("pieces", [environment])))


def _commit(git: dict[str, Any] | None) -> str:
    if git is None:
        return "outside a checkout"
    return f"{git['commit'][:12]}{' with changes' if git['dirty'] else ''}"


def versions() -> dict[str, str | None]:
    """The versions of mien and of the packages that a result depends on."""
    return {name: installed(name) for name in _PACKAGES}


def _git() -> dict[str, Any] | None:
    """Commit and whether files differ from it; ``None`` outside a checkout."""

    def git(*arguments: str) -> str:
        here = Path(__file__).parent
        done = subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)  # else some other project's repository
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return None


def installed(package: str) -> str | None:
    """The version of an installed package, ``None`` where it is not."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _hardware() -> dict[str, Any]:
    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    memory = round(psutil.virtual_memory().total / 2**30, 1)
    return {"cpu": _cpu(), "cores": cores(), "memory_gib": memory, "gpus": gpus, "system": platform.platform()}


def _cpu() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
