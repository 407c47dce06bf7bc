"""The folder of a recognition: whose it is, and the names of the files in it."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from shutil import rmtree
from typing import Any

from mien.config.recognize import RecognizeConfig
from mien.environment import versions
from mien.errors import RunFolderError
from mien.files import read_json, write_json
from mien.models.bundle import FACTS, WEIGHTS
from mien.recognition.drawing import JPEG_SUFFIXES
from mien.recognition.sources import Kind, SourceFile, Sources

ANNOTATED, PARTS, SETTINGS = "annotated", "parts", "recognition.json"


def claim(folder: Path, config: RecognizeConfig, sources: Sources, bundle: Path, command: str) -> None:
    """Make a folder this recognition's; what it holds of the same recognition stays.

    Args:
        folder: The folder.
        config: Settings; with ``resume=never`` what is there is removed.
        sources: What is looked at.
        bundle: The model's folder.
        command: For the records.

    Raises:
        RunFolderError: It holds another recognition.
    """
    settings = {
        "source": sources.place,
        "model": _digest(bundle),
        "detector": asdict(config.detector),
        **{key: getattr(config, key) for key in ("annotate", "every", "smooth", "max_frames")},
    }
    path = folder / SETTINGS
    before = read_json(path)["settings"] if path.is_file() else settings
    changes = [f"  - {key}: there {before.get(key)}, now {settings[key]}" for key in _changed(before, settings)]
    if changes and config.resume != "never":
        raise RunFolderError(
            f"{folder} holds another recognition:\n" + "\n".join(changes) + "\n"
            "choose another place with output=<folder>, or start anew with resume=never, which removes that one"
        )
    if config.resume == "never":
        for name in (ANNOTATED, PARTS):
            rmtree(folder / name, ignore_errors=True)
    write_json(path, {"command": command, "settings": settings, "packages": versions()})


def target_names(files: Iterable[SourceFile]) -> dict[str, PurePosixPath]:
    """Each source's annotated copy, relative to ``annotated/``, by the source's key.

    JPEG, PNG and MP4 keep their names. Others become PNG or MP4, whose suffix is put behind theirs: ``a.webp.png``; a
    name that is taken gets a number.
    """
    files = list(files)
    keys = {file.key for file in files}
    names: dict[str, PurePosixPath] = {}
    taken: set[str] = set()
    for file in files:
        kept = {Kind.PHOTO: (*JPEG_SUFFIXES, ".png"), Kind.VIDEO: (".mp4",)}[file.kind]
        name = PurePosixPath(file.key)
        if name.suffix.lower() not in kept:
            end, number = kept[-1], 2
            name = PurePosixPath(f"{file.key}{end}")
            while str(name) in keys or str(name) in taken:
                name = PurePosixPath(f"{file.key}-{number}{end}")
                number += 1
        taken.add(str(name))
        names[file.key] = name
    return names


def _digest(bundle: Path) -> str:
    """Tells a model from all others, also from one that was trained anew into the same folder."""
    digests = []
    for name in (WEIGHTS, FACTS):
        with (bundle / name).open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest()[:16])
    return "-".join(digests)


def _changed(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [key for key in now if before.get(key) != now[key]]
