"""What ``source=`` stands for: a photo, a folder, a glob, a video or a camera. Found before any work starts."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from glob import glob, has_magic
from pathlib import Path

import PIL.Image

from mien.data.class_folders import IMAGE_SUFFIXES
from mien.data.readers import UNREADABLE, image_size
from mien.errors import DataError, nearest
from mien.files import printable, user_path

PHOTO_SUFFIXES = IMAGE_SUFFIXES | {".heic", ".heif"}
"""What counts as a photo in a folder. Where Pillow lacks a decoder (HEIC), that is said of each such file."""
VIDEO_SUFFIXES = frozenset(
    (".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".webm", ".wmv")
)

ANNOTATED, SETTINGS = "annotated", "recognition.json"
"""The folder of the annotated copies and the file of the settings, both in the folder of a recognition's results."""


class Kind(StrEnum):
    """How a file is read."""

    PHOTO = "photo"
    VIDEO = "video"


@dataclass(frozen=True)
class SourceFile:
    """One file to work on.

    Attributes:
        key: Its name in tables: the path relative to the source's folder, with forward slashes, printable.
        path: Where it lies.
        kind: How it is read.
        state: What changes when its content does: size and time of the last change, as they were when it was found. A
            file that changes while it is worked on is so done again by the next start.
    """

    key: str
    path: Path
    kind: Kind
    state: str = ""


@dataclass(frozen=True)
class Sources:
    """All that there is to do.

    Attributes:
        place: The source as an absolute path or pattern, or ``camera 0``: tells it from other sources.
        files: Sorted by key; empty for a camera.
        ignored: Number of files that are neither photo nor video.
        camera: The camera's number, ``None`` where files are read.
    """

    place: str
    files: tuple[SourceFile, ...] = ()
    ignored: int = 0
    camera: int | None = None


def find_sources(source: str, recursive: bool, output: Path | None = None) -> Sources:
    """Look up what the user named.

    Hidden files are passed over in silence, other files of folders and globs that are neither photo nor video are
    counted. A single file may have any name. Links to folders are followed; each folder is searched once.

    Args:
        source: A file, a folder, a pattern such as ``photos/*.jpg`` (``**`` goes through all folders), or a camera's
            number.
        recursive: Whether the folders in a folder are searched too.
        output: The folder of the results; of a folder or glob, what lies in it is passed over, and so are the annotated
            copies of other recognitions.

    Raises:
        DataError: There is no such file or folder, or no photo or video in it but for results.
    """
    path = user_path(source)
    if source.isdecimal() and not path.exists():
        return Sources(f"camera {int(source)}", camera=int(source))
    if path.is_file():
        return Sources(str(path.absolute()), (_file(path, path.parent),))
    if path.is_dir():
        found = _outside(source, _walk(path, recursive), output)
        return _sources(source, path.absolute(), path.absolute(), found)
    if has_magic(source):
        matches = [Path(match).absolute() for match in glob(str(path), recursive=True)]  # noqa: PTH207 - Path.glob takes no absolute pattern
        found = _outside(source, _once([file for file in matches if file.is_file()]), output)
        return _sources(source, path.absolute(), _fixed_part(path).absolute(), found)
    raise DataError(
        f"source={source}: there is no such file or folder{_near(path)}; "
        "expected a photo, a folder, a pattern such as 'photos/*.jpg', a video, or a camera's number"
    )


def kind_of(path: Path) -> Kind | None:
    """How a file is read, by its name; ``None`` for other files. A GIF that moves is a video."""
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES or (suffix == ".gif" and frame_count(path) > 1):
        return Kind.VIDEO
    return Kind.PHOTO if suffix in PHOTO_SUFFIXES else None


def frame_count(path: Path) -> int:
    """Number of pictures in an image file; 1 where it cannot be told."""
    try:
        with PIL.Image.open(path) as picture:
            return getattr(picture, "n_frames", 1)
    except UNREADABLE:
        return 1  # told when it is read


def real(path: Path) -> Path:
    """Where a file or folder truly lies, by whatever way it is named; where it is not there too."""
    return Path(os.path.realpath(path))  # Path.resolve fails at a link that points to itself


def _outside(source: str, found: list[Path], output: Path | None) -> list[Path]:
    """The files that are not hidden, not among the results, and no annotated copies of another recognition."""
    results = None if output is None else real(output)

    @cache
    def passed_over(folder: Path) -> bool:
        return folder == results or (folder.name == ANNOTATED and (folder.parent / SETTINGS).is_file())

    seen = [path for path in found if not path.name.startswith(".")]
    left = [path for path in seen if not any(map(passed_over, real(path).parents))]
    if seen and not left:
        raise DataError(
            f"source={source} holds only results, such as {seen[0]}, which are passed over; "
            "choose another place for them with output=<folder>, or name a single file"
        )
    return left


def _sources(source: str, place: Path, root: Path, seen: Sequence[Path]) -> Sources:
    kinds = [(path, kind_of(path)) for path in seen]
    files = sorted((_file(path, root) for path, kind in kinds if kind is not None), key=lambda file: file.key)
    ignored = len(seen) - len(files)
    if not files:
        raise DataError(
            f"source={source} holds no photo or video{f', only {ignored} other files' if ignored else ''}; "
            f"looked for {' '.join(sorted(PHOTO_SUFFIXES | VIDEO_SUFFIXES))}"
        )
    return Sources(str(place), tuple(files), ignored)


def _file(path: Path, root: Path) -> SourceFile:
    kind = kind_of(path) or (Kind.VIDEO if image_size(path) is None else Kind.PHOTO)
    return SourceFile(printable(path.relative_to(root).as_posix()), path, kind, _state(path))


def _state(path: Path) -> str:
    try:
        facts = path.stat()
    except OSError:
        return "missing"  # told when it is read
    return f"{facts.st_size}:{facts.st_mtime_ns}"


def _walk(folder: Path, recursive: bool) -> list[Path]:
    """The files of a folder and of those in it; of links to folders too, each folder once."""

    def fail(error: OSError) -> None:
        raise error  # os.walk would pass over folders that it may not read

    found: list[Path] = []
    entered: set[Path] = set()
    waiting = [folder.absolute()]
    while waiting:
        for place, folders, names in os.walk(waiting.pop(0), onerror=fail):
            if real(Path(place)) in entered:
                folders.clear()
                continue
            entered.add(real(Path(place)))
            folders[:] = [name for name in folders if recursive and not name.startswith(".")]
            waiting += sorted(path for path in (Path(place, name) for name in folders) if path.is_symlink())
            found += [Path(place, name) for name in names]
    return found


def _once(found: list[Path]) -> list[Path]:
    """The files, each folder's by one way only: one without a link where there is one, else the shortest."""
    folders = {folder: real(folder) for folder in {path.parent for path in found}}
    ways: dict[Path, Path] = {}
    for path in sorted(found, key=lambda path: (folders[path.parent] != path.parent, len(path.parts), path)):
        ways.setdefault(folders[path.parent] / path.name, path)
    return list(ways.values())


def _fixed_part(pattern: Path) -> Path:
    """The folder above the first part that holds a wildcard."""
    return next(parent for parent in pattern.parents if not has_magic(str(parent)))


def _near(path: Path) -> str:
    """A hint at a file of a similar name."""
    if not path.parent.is_dir():
        return ""
    hint = nearest(path.name, [entry.name for entry in path.parent.iterdir()])
    return f" ({hint})" if hint.startswith("did you mean") else ""
