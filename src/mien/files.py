"""Paths as users type them, and atomic writing: a file is there whole or not at all."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml

from mien.errors import RunFolderError

T = TypeVar("T")


def user_path(typed_in: str | Path) -> Path:
    """A path in which ``~`` is a home folder; a name that only begins so, as ``~a.jpg`` of an editor, stays."""
    path = Path(typed_in)
    try:
        return path.expanduser()
    except RuntimeError:  # there is no such user
        return path


def printable(text: str) -> str:
    """The text, in which bytes of a file's name that are no UTF-8 are spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path beside ``target`` to write to; it takes the target's name when the block ends well.

    The temporary name keeps the target's suffix, since plotting libraries look at it.

    Raises:
        RunFolderError: The folder cannot be written to, or the disk is full.
    """
    temporary: Path | None = None
    try:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=".writing-", suffix=target.suffix)
            os.close(handle)
            temporary = Path(name)
            yield temporary
            temporary.chmod(0o644)
            temporary.replace(target)
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Tell errors of the disk in mien's words, with the file's name, which a full disk's lack.

    Raises:
        RunFolderError: The folder cannot be written to, or the disk is full.
    """
    try:
        yield
    except OSError as error:
        raise RunFolderError(
            f"cannot write {target}: {error.strerror or error}; check space and write right there"
        ) from error


def write_text(target: Path, text: str) -> None:
    """Write text atomically, UTF-8."""
    with atomic_path(target) as path:
        path.write_text(text, encoding="utf-8")


def write_json(target: Path, value: Any) -> None:
    """Write plain values as indented JSON, atomically; NaN is refused, since JSON has none."""
    write_text(target, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(source: Path) -> Any:
    """Read a JSON file."""
    return json.loads(source.read_text(encoding="utf-8"))


def read_yaml(source: Path) -> Any:
    """Read a YAML file of plain values, by libyaml where it is there: ten times faster."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(source.read_text(encoding="utf-8"), loader)


def typed(kind: type[T], value: Any) -> T:
    """Plain values from JSON as the dataclass that they were written from; fields with a default may be missing."""
    built: T = _built(kind, value)
    return built


def _built(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, UnionType):  # X | None
        return _built(get_args(kind)[0], value)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{name: _built(hints[name], inner) for name, inner in value.items()})  # type: ignore[operator]
    if get_origin(kind) is tuple:  # of one kind: tuple[X, ...] or (X, X)
        return tuple(_built(get_args(kind)[0], inner) for inner in value)
    return value
