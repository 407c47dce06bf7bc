"""The folder of a recognition: whose it is, and the names of the files in it."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from shutil import rmtree
from typing import Any

from mien.config.recognize import TABLE_FORMATS, RecognizeConfig
from mien.environment import versions
from mien.errors import RunFolderError
from mien.files import read_json, write_json
from mien.models.bundle import FACTS, WEIGHTS
from mien.recognition.drawing import JPEG_SUFFIXES
from mien.recognition.sources import ANNOTATED, SETTINGS, Kind, SourceFile, Sources, real
from mien.recognition.table import PARTS, table_path
from mien.recognition.video_writer import PARTIAL

_LONGEST_NAME = 255
"""Bytes of a file's name, on all usual file systems."""


def claim(folder: Path, config: RecognizeConfig, sources: Sources, bundle: Path, command: str) -> None:
    """Make a folder this recognition's; what it holds of the same recognition stays.

    Args:
        folder: The folder.
        config: Settings; with ``resume=never`` the recognition that is there is removed.
        sources: What is looked at.
        bundle: The model's folder.
        command: For the records.

    Raises:
        RunFolderError: It holds another recognition, files of which it is not known whose they are, or a source where
            results go; or what is there cannot be removed.
    """
    _check_sources(folder, sources)
    settings = {
        "source": sources.place,
        "model": _digest(bundle),
        "detector": asdict(config.detector),
        **{key: getattr(config, key) for key in ("annotate", "every", "smooth", "max_frames")},
    }
    path = folder / SETTINGS
    if not path.is_file():
        _check_free(folder)
    elif config.resume == "never":
        _remove(folder)
    elif changed := _changed(read_json(path)["settings"], settings):
        raise RunFolderError(
            f"{folder} holds another recognition:\n" + "\n".join(changed) + "\n"
            "choose another place with output=<folder>, or start anew with resume=never, which removes that one"
        )
    write_json(path, {"command": command, "settings": settings, "packages": versions()})


def target_names(files: Iterable[SourceFile]) -> dict[str, PurePosixPath]:
    """Each source's annotated copy, relative to ``annotated/``, by the source's key.

    JPEG, PNG and MP4 keep their names. Others become PNG or MP4, whose suffix is put behind theirs: ``a.webp.png``; a
    name that is taken gets a number. A video named as unfinished ones are, ``a.partial.mp4``, gets a suffix too: the
    copy of ``a.mp4`` has that name while it grows. Names too long for a file are cut.
    """
    files = list(files)
    keys = {file.key for file in files}
    names: dict[str, PurePosixPath] = {}
    taken: set[str] = set()
    for file in files:
        kept = {Kind.PHOTO: (*JPEG_SUFFIXES, ".png"), Kind.VIDEO: (".mp4",)}[file.kind]
        longest = _LONGEST_NAME - (len(PARTIAL) if file.kind is Kind.VIDEO else 0)
        name = PurePosixPath(file.key)
        partial = file.kind is Kind.VIDEO and name.stem.lower().endswith(PARTIAL)
        if partial or name.suffix.lower() not in kept:
            end, number = kept[-1], 2
            name = _fitting(f"{file.key}{end}", longest)
            while str(name) in keys or str(name) in taken:
                name = _fitting(f"{file.key}-{number}{end}", longest)
                number += 1
        else:
            name = _fitting(file.key, longest)
        taken.add(str(name))
        names[file.key] = name
    return names


def _fitting(key: str, longest: int) -> PurePosixPath:
    """A path whose last part has no more bytes than that; where it is cut, a part of its digest keeps it apart."""
    path = PurePosixPath(key)
    if len(path.name.encode()) <= longest:
        return path
    end = f"-{hashlib.sha256(key.encode()).hexdigest()[:8]}{path.suffix}"
    return path.with_name(path.stem.encode()[: longest - len(end)].decode(errors="ignore") + end)


def _digest(bundle: Path) -> str:
    """Tells a model from all others, also from one that was trained anew into the same folder."""
    digests = []
    for name in (WEIGHTS, FACTS):
        with (bundle / name).open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest()[:16])
    return "-".join(digests)


def _changed(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [f"  - {key}: there {before.get(key)}, now {now[key]}" for key in now if before.get(key) != now[key]]


def _results(folder: Path) -> list[Path]:
    """What a recognition leaves in its folder and is there, beside its settings."""
    paths = [folder / PARTS, folder / ANNOTATED, *(table_path(folder, form) for form in TABLE_FORMATS)]
    return [path for path in paths if path.exists()]


def _check_sources(folder: Path, sources: Sources) -> None:
    """No source may lie where results are written and removed."""
    places = {real(folder / name): folder / name for name in (ANNOTATED, PARTS)}
    for file in sources.files:
        for place in places.keys() & set(real(file.path).parents):
            raise RunFolderError(
                f"{file.path} lies in {places[place]}, where results are written and removed, so that it could be "
                "lost; choose another place for them with output=<folder>"
            )


def _check_free(folder: Path) -> None:
    """Without its settings, nothing there is known to be a recognition's."""
    if there := ", ".join(path.name for path in _results(folder)):
        raise RunFolderError(
            f"{folder} holds {there}, but no {SETTINGS}: these are not known to be results, and may be yours; "
            "choose another place with output=<folder>, or move them away"
        )


def _remove(folder: Path) -> None:
    """Remove an earlier recognition's results; its settings stay until the new ones replace them."""
    for path in _results(folder):
        try:
            if path.is_dir():
                rmtree(path)
            else:
                path.unlink()
        except OSError as error:
            raise RunFolderError(
                f"cannot remove {path}: {error.strerror or error}; remove it yourself, or choose output=<folder>"
            ) from error
