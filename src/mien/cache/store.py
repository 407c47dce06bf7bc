"""The store: one ``.npy`` file an array, mapped into memory, and one JSON beside it that says what it is.

The JSON is written last and holds a checksum of every block, so an array that was cut off, changed or damaged is
seen on opening and built anew.
"""

import hashlib
import logging
import os
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import DTypeLike, NDArray
from platformdirs import user_cache_path
from rich.filesize import decimal

from mien.errors import CacheError
from mien.files import read_json, write_json

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
    """

    key: str
    about: str
    shape: tuple[int, ...]
    dtype: DTypeLike
    blocks: Callable[[dict[str, Any]], Iterator[NDArray[Any]]]
    advice: str = ""

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, eq=False)
class Entry:
    """An array of the store.

    Attributes:
        array: Mapped from disk; writing into it changes this process's copy only.
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
        """The array, opened if it is there and whole, else built; one process builds, others wait for it.

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
                entry = self._open(recipe)
        if entry is None:
            raise CacheError(f"{self._array(recipe.key)} cannot be read back as it was written; is the disk damaged?")
        return entry

    def drop(self, key: str) -> None:
        """Remove an array; processes that have it open keep it."""
        for path in (self._facts(key), self._array(key)):  # facts first, so that nothing half removed looks whole
            path.unlink(missing_ok=True)

    def _open(self, recipe: Recipe) -> Entry | None:
        path, facts_path = self._array(recipe.key), self._facts(recipe.key)
        if not facts_path.is_file():
            return None
        try:
            facts = read_json(facts_path)
            array = np.load(path, mmap_mode="c")
            whole = (array.shape, array.dtype) == (recipe.shape, np.dtype(recipe.dtype))
            whole = whole and facts["schema"] == SCHEMA and _intact(array, facts["blocks"])
            extra = facts["extra"]
        except (OSError, EOFError, ValueError, KeyError, TypeError):  # cut off, or not what the store writes
            whole = False
        if not whole:
            log.warning("the cached %s are damaged (%s): building them again", recipe.about, path)
            return None
        with suppress(OSError):
            os.utime(facts_path)  # when it was last used
        return Entry(array, extra)

    def _build(self, recipe: Recipe) -> None:
        self._check_space(recipe)
        self.drop(recipe.key)
        extra: dict[str, Any] = {}
        part = self.folder / f"{recipe.key}.building"
        try:
            with part.open("wb") as file:
                header = {"descr": np.lib.format.dtype_to_descr(np.dtype(recipe.dtype)), "fortran_order": False}
                np.lib.format.write_array_header_1_0(file, {**header, "shape": recipe.shape})
                blocks = []
                for block in recipe.blocks(extra):
                    data = np.ascontiguousarray(block, recipe.dtype)
                    file.write(data.data)
                    blocks.append([len(data), zlib.crc32(data.data)])
            part.replace(self._array(recipe.key))
            facts = {"schema": SCHEMA, "about": recipe.about, "made": _now(), "blocks": blocks, "extra": extra}
            write_json(self._facts(recipe.key), facts)
        except OSError as error:
            raise self._unusable(error) from error
        finally:
            part.unlink(missing_ok=True)

    def _check_space(self, recipe: Recipe) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < recipe.nbytes + _SPACE:
            ways = ["make room (python -m mien.cache clear)", "choose another disk with dataset.cache=<folder>"]
            raise CacheError(
                f"{self.folder}: {recipe.about} take {decimal(recipe.nbytes)}, and {decimal(free)} are free; "
                + ", or ".join([*ways, *filter(None, [recipe.advice])])
            )

    @contextmanager
    def _locked(self, recipe: Recipe) -> Iterator[None]:
        lock = FileLock(self.folder / f"{recipe.key}.lock")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                log.info("waiting for another process that makes the same %s", recipe.about)
                lock.acquire()
        except OSError as error:
            raise self._unusable(error) from error
        try:
            yield
        finally:
            lock.release()

    def _unusable(self, error: OSError) -> CacheError:
        return CacheError(
            f"cannot write to the cache {self.folder}: {error.strerror or error}; check space and write right there, "
            "choose another place with dataset.cache=<folder>, or go without by dataset.cache=off"
        )

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
    return ArrayStore(automatic_folder() if cache == "auto" else Path(cache).expanduser())


def automatic_folder() -> Path:
    """The cache folder of ``cache=auto``: ``$MIEN_CACHE``, or the user's cache folder."""
    return Path(os.environ.get("MIEN_CACHE") or user_cache_path("mien"))


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
