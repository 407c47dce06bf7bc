"""The store: one ``.npy`` file an array, mapped into memory, and one JSON beside it that says what it is.

The JSON is written last and holds a checksum of every block, so an array that was cut off, changed or damaged is
seen on opening and built anew.
"""

import hashlib
import json
import logging
import os
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import DTypeLike, NDArray
from platformdirs import user_cache_path
from rich.filesize import decimal

from mien.errors import CacheError, RunFolderError
from mien.files import read_json, user_path, write_json

log = logging.getLogger(__name__)

SCHEMA = 1
_SPACE = 64 * 2**20  # left free beside an array


@dataclass(frozen=True)
class Recipe:
    """What an array is and how it is made.

    Attributes:
        key: Names the array and all that it depends on: 32 hex digits, as :func:`key_of` makes them.
        about: What it is, for people.
        shape: Its shape.
        dtype: Its element type.
        blocks: Makes it, as consecutive pieces along the first axis; values put into the dict given are kept with
            the array (:attr:`Entry.extra`).
        advice: What else helps where there is too little space.
        accept: Whether an array that is there will do, judged by its extra values.
    """

    key: str
    about: str
    shape: tuple[int, ...]
    dtype: DTypeLike
    blocks: Callable[[dict[str, Any]], Iterator[NDArray[Any]]]
    advice: str = ""
    accept: Callable[[dict[str, Any]], bool] = lambda _: True

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, eq=False)
class Entry:
    """An array of the store.

    Attributes:
        array: Mapped from disk, read-only, so that it may be larger than memory.
        extra: Plain values that were kept with it.
    """

    array: NDArray[Any]
    extra: dict[str, Any] = field(default_factory=dict)


class ArrayStore:
    """A folder of arrays.

    Args:
        folder: Where they lie; made on first use.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, recipe: Recipe) -> Entry:
        """The array, opened if it is there, whole and accepted, else built; one process builds, others wait for it.

        Raises:
            CacheError: The folder cannot be written to, or has too little space.
        """
        entry = self._open(recipe)
        if entry is not None:
            return entry
        with self._locked(recipe):
            entry = self._open(recipe)  # another process may have built it meanwhile
            if entry is None:
                self._build(recipe)
                entry = self._open(replace(recipe, accept=lambda _: True))
        if entry is None:
            raise CacheError(f"{self._array(recipe.key)} cannot be read back as it was written; is the disk damaged?")
        return entry

    def _open(self, recipe: Recipe) -> Entry | None:
        path, facts_path = self._array(recipe.key), self._facts(recipe.key)
        if not os.path.isfile(facts_path):  # noqa: PTH113 - a path object raises where the folder may not be searched
            return None
        array = facts = None
        with suppress(OSError, ValueError, KeyError, TypeError):  # cut off, or not what the store writes
            facts = read_json(facts_path)
            if facts["schema"] == SCHEMA and facts["check"] == _check(recipe.key, facts["blocks"], facts["extra"]):
                array = _mapped(path, recipe, facts["blocks"])
        if array is None or facts is None:
            log.warning("the cached %s are damaged (%s)", recipe.about, path)
            return None
        if not recipe.accept(facts["extra"]):
            return None
        with suppress(OSError):
            os.utime(facts_path)  # when it was last used
        return Entry(array, facts["extra"])

    def _build(self, recipe: Recipe) -> None:
        part = self.folder / f"{recipe.key}.building"
        try:
            with self._writing():
                for old in (self._facts(recipe.key), self._array(recipe.key), part):  # what a killed job left, too
                    old.unlink(missing_ok=True)
            self._check_space(recipe)
            extra: dict[str, Any] = {}
            blocks = self._write(part, recipe, extra)
            facts = {"schema": SCHEMA, "about": recipe.about, "made": _now(), "blocks": blocks, "extra": extra}
            with self._writing():
                part.replace(self._array(recipe.key))
                write_json(self._facts(recipe.key), {**facts, "check": _check(recipe.key, blocks, extra)})
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _write(self, path: Path, recipe: Recipe, extra: dict[str, Any]) -> list[list[int]]:
        """Write the blocks one after the other; rows and checksum of each."""
        with self._writing():
            path.write_bytes(_header(recipe))
            file = path.open("ab", buffering=0)  # else closing it would write once more
        blocks = []
        with file:
            for block in recipe.blocks(extra):
                data = np.ascontiguousarray(block, recipe.dtype).data
                with self._writing():
                    rest = data.cast("B")
                    while rest:
                        rest = rest[file.write(rest) :]
                blocks.append([len(block), zlib.crc32(data)])
        return blocks

    def _check_space(self, recipe: Recipe) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < recipe.nbytes + _SPACE:
            ways = [
                f"make room (python -m mien.cache clear --folder {self.folder})",
                "choose another disk with dataset.cache=<folder>",
                *filter(None, [recipe.advice]),
            ]
            sizes = f"{recipe.about} take {decimal(recipe.nbytes)}, and {decimal(free)} are free"
            raise CacheError(f"{self.folder}: {sizes}; {', or '.join(ways)}")

    @contextmanager
    def _locked(self, recipe: Recipe) -> Iterator[None]:
        lock = FileLock(self.folder / f"{recipe.key}.lock")
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                log.info("waiting for another process that makes the same %s", recipe.about)
                lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Tell what goes wrong in writing as an error of the cache."""
        try:
            yield
        except (OSError, RunFolderError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise CacheError(
                f"cannot write to the cache {self.folder}: {reason}; check space and write right there, or choose "
                "another place with dataset.cache=<folder>"
            ) from error

    def _array(self, key: str) -> Path:
        return self.folder / f"{key}.npy"

    def _facts(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def key_of(lines: Iterable[str]) -> str:
    """A key that follows from all that an array depends on, given as text."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()[:32]


def open_store(cache: str) -> ArrayStore:
    """The store that ``dataset.cache`` names: ``auto`` or a folder."""
    return ArrayStore(automatic_folder() if cache == "auto" else user_path(cache))


def automatic_folder() -> Path:
    """The cache folder of ``cache=auto``: ``$MIEN_CACHE``, or the user's cache folder."""
    return Path(os.environ.get("MIEN_CACHE") or user_cache_path("mien"))


def _header(recipe: Recipe) -> bytes:
    """The first bytes of the array's file, as NumPy writes them."""
    buffer = BytesIO()
    descr = np.lib.format.dtype_to_descr(np.dtype(recipe.dtype))
    header = {"descr": descr, "fortran_order": False, "shape": recipe.shape}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue()


def _mapped(path: Path, recipe: Recipe, blocks: list[tuple[int, int]]) -> NDArray[Any] | None:
    """The array in a file, read-only, if it is the recipe's and whole."""
    header = _header(recipe)
    with path.open("rb") as file:
        same = file.read(len(header)) == header
    if not same or path.stat().st_size != len(header) + recipe.nbytes:
        return None
    array: NDArray[Any] = np.memmap(path, recipe.dtype, "r", len(header), recipe.shape)
    return array if _intact(array, blocks) else None


def _check(key: str, blocks: list[Any], extra: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps([key, blocks, extra], sort_keys=True).encode())


def _intact(array: NDArray[Any], blocks: list[tuple[int, int]]) -> bool:
    """Whether all blocks have their checksums; they are read in parallel, since zlib works without the GIL."""
    ends = np.cumsum([0, *(rows for rows, _ in blocks)]).tolist()
    if ends[-1] != len(array):
        return False
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda span: zlib.crc32(array[span[0] : span[1]].data), pairwise(ends))
        return all(crc == expected for crc, (_, expected) in zip(found, blocks, strict=True))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
