"""Decoding of whole parts, in parallel, before training starts: into memory, or once for all into the cache."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import Any

import numpy as np
import PIL
import psutil
from numpy.typing import NDArray
from rich.filesize import decimal

from mien.cache.store import ArrayStore, Recipe, key_of, open_store
from mien.config.schema import DatasetConfig, OnBadImage
from mien.data.chunks import chunks
from mien.data.layout import listed
from mien.data.prepare import BadImages
from mien.data.readers import FileReader, ImageReader, Selection
from mien.data.source import Part
from mien.errors import CacheError, DataError
from mien.types import InputSpec, SplitName

log = logging.getLogger(__name__)

_VERSION = 2  # of the decoding; to be raised whenever the same file comes out as other pixels


@dataclass(frozen=True, eq=False)
class Decoded:
    """The images of a part, prepared.

    Attributes:
        pixels: (M, C, S, S) uint8, 0..255, in memory or mapped from the cache; images of other parts may be among them.
        rows: (N,) int64, which of them are the part's.
        part: Their keys and labels.
    """

    pixels: NDArray[np.uint8]
    rows: NDArray[np.int64]
    part: Part

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, where: int | slice | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images of the part, copied."""
        return self.pixels[self.rows[where]]


@dataclass(frozen=True)
class Decoder:
    """Decodes parts.

    Attributes:
        spec: What the network wants to see.
        on_bad_image: What to do with images that cannot be read.
        workers: Images decoded at a time; 0: one a core.
        cache: ``auto`` (the user's cache folder; without it where that cannot be used), ``off``, or a folder.
    """

    spec: InputSpec
    on_bad_image: OnBadImage = OnBadImage.error
    workers: int = 0
    cache: str = "off"

    @classmethod
    def of(cls, config: DatasetConfig, spec: InputSpec) -> "Decoder":
        """A decoder as the config asks for."""
        return cls(spec, config.on_bad_image, config.workers, config.cache)

    def decode(self, part: Part) -> Decoded:
        """Decode one part.

        Raises:
            DataError: Images cannot be read and are not to be skipped, or none can be read.
            CacheError: The cache folder asked for cannot be used.
        """
        return self.decode_parts({SplitName.TEST: part})[SplitName.TEST]

    def decode_parts(self, parts: Mapping[SplitName, Part], train_size: int | None = None) -> dict[SplitName, Decoded]:
        """Decode several parts, and tell the bad images of all of them together.

        Args:
            parts: The parts.
            train_size: Side of the decoded train images in pixels; ``None``: that of the spec.

        Raises:
            DataError: Images cannot be read and are not to be skipped, or none can be read.
            CacheError: The cache folder asked for cannot be used.
        """
        done: dict[tuple[int, int], tuple[NDArray[np.uint8], BadImages]] = {}
        found: dict[SplitName, tuple[Decoded, BadImages]] = {}
        for split, part in parts.items():
            side = train_size if split is SplitName.TRAIN and train_size is not None else self.spec.size
            reader, rows = whole(part.reader) if self.cache != "off" else (part.reader, np.arange(len(part)))
            if (id(reader), side) not in done:
                done[id(reader), side] = self._pixels(reader, side)
            pixels, bad = done[id(reader), side]
            found[split] = _without(Decoded(pixels, rows, part), bad)
        self._judge([entry for _, bad in found.values() for entry in bad], sum(map(len, parts.values())))
        for images, bad in found.values():
            if not len(images):
                raise DataError(f"none of {len(bad)} images can be read, such as {bad[0][1]}")
        return {split: images for split, (images, _) in found.items()}

    def _pixels(self, reader: ImageReader, side: int) -> tuple[NDArray[np.uint8], BadImages]:
        """All images of a reader, (N, C, side, side), and those that cannot be read."""
        if self.cache == "off":
            return self._in_memory(reader, side)
        try:
            return self._cached(open_store(self.cache), reader, side)
        except CacheError as error:
            if self.cache != "auto":
                raise
            log.warning("%s\ngoing on without a cache", error)
            return self._in_memory(reader, side)

    def _in_memory(self, reader: ImageReader, side: int) -> tuple[NDArray[np.uint8], BadImages]:
        shape = (len(reader), self.spec.channels, side, side)
        needed, free = int(np.prod(shape)), psutil.virtual_memory().available
        if needed > free:
            raise DataError(
                f"the decoded images take {decimal(needed)}, and {decimal(free)} of memory are free; "
                "dataset.cache=<folder on a large disk> streams them from there"
            )
        images, bad, start = np.empty(shape, np.uint8), [], 0
        for pixels, unread in chunks(reader, side, self.spec.channels, self.workers):
            images[start : start + len(pixels)] = pixels
            start += len(pixels)
            bad += unread
        return images, bad

    def _cached(self, store: ArrayStore, reader: ImageReader, side: int) -> tuple[NDArray[np.uint8], BadImages]:
        entry = store.get(self._recipe(reader, side))
        return entry.array, [(index, reason) for index, reason in entry.extra["bad"]]

    def _recipe(self, reader: ImageReader, side: int) -> Recipe:
        channels, workers = self.spec.channels, self.workers

        def key() -> str:
            how = f"images {_VERSION} Pillow {PIL.__version__} {channels} x {side} x {side}"
            return key_of([how, *(reader.state(index) for index in range(len(reader)))])

        def blocks(extra: dict[str, Any]) -> Any:
            bad: BadImages = []
            for pixels, unread in chunks(reader, side, channels, workers):
                yield pixels
                bad += unread
            if key() != before:
                raise DataError("images of the data set were changed while they were read; run the command again")
            extra["bad"] = bad

        before = key()
        about = f"{len(reader)} images of {place(reader)}, {side} px, {'gray' if channels == 1 else 'RGB'}"
        shape = (len(reader), channels, side, side)
        advice = "go without by dataset.cache=off"
        return Recipe(before, about, shape, np.uint8, blocks, advice, partial(still_bad, reader))

    def _judge(self, bad: BadImages, total: int) -> None:
        """Raise or warn where there are bad images."""
        if not bad:
            return
        text = f"{len(bad)} of {total} images cannot be read"
        lines = listed([reason for _, reason in bad], shown=len(bad))
        if self.on_bad_image is OnBadImage.error:
            raise DataError(
                f"{text}; mend or remove them, or go on without them by dataset.on_bad_image=skip:\n{lines}"
            )
        log.warning("%s and are skipped:\n%s", text, lines)


def skipped(parts: Mapping[SplitName, Part], decoded: Mapping[SplitName, Decoded]) -> dict[SplitName, int]:
    """How many images of each decoded part could not be read, where there are some."""
    return {split: lost for split, images in decoded.items() if (lost := len(parts[split]) - len(images))}


def whole(reader: ImageReader) -> tuple[ImageReader, NDArray[np.int64]]:
    """The reader behind a selection, so that all cuts of a data set share one cached array, and the rows chosen."""
    if isinstance(reader, Selection):
        return reader.reader, reader.indices
    return reader, np.arange(len(reader))


def _without(images: Decoded, bad: BadImages) -> tuple[Decoded, BadImages]:
    """The images that can be read, and those of the part that cannot."""
    reasons = dict(bad)
    lost = np.isin(images.rows, list(reasons))
    if not lost.any():
        return images, []
    kept = np.flatnonzero(~lost)
    left = Decoded(images.pixels, images.rows[kept], images.part.take(kept))
    return left, [(row, reasons[row]) for row in images.rows[lost].tolist()]


def still_bad(reader: ImageReader, extra: dict[str, Any]) -> bool:
    """Whether the images that could not be read still cannot; they may be mended without a trace, by chmod say."""
    for index, _ in extra["bad"]:
        with suppress(DataError):
            reader.read(index)
            return False
    return True


def place(reader: ImageReader) -> str:
    """Where the images are from, for people: a folder or a table."""
    inner: ImageReader | None = getattr(reader, "reader", None)
    if inner is not None:  # a selection or the like
        return place(inner)
    members: Mapping[str, ImageReader] = getattr(reader, "readers", {})
    if members:  # a mix
        return " and ".join(map(place, members.values()))
    if isinstance(reader, FileReader):
        first, last = (PurePath(path).parts[:-1][:1] for path in (reader.paths[0], reader.paths[-1]))
        return "/".join((reader.root.name, *(first if first == last else ())))
    return reader.key(0).rpartition(":")[0]
