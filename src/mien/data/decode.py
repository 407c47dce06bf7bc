"""Decoding of a whole part into one array, in parallel, before training starts."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from mien.config.schema import OnBadImage
from mien.data.layout import listed
from mien.data.prepare import BadImages, prepare, prepare_many
from mien.data.readers import ImageReader
from mien.data.source import Part
from mien.data.workers import Worker
from mien.errors import DataError
from mien.types import InputSpec, SplitName

__all__ = ["decode", "decode_parts", "prepare"]

logger = logging.getLogger(__name__)

_CHUNK = 64  # images a task

Prepare = Callable[[NDArray[np.int64]], tuple[NDArray[np.uint8], BadImages]]


def decode(
    part: Part, spec: InputSpec, on_bad_image: OnBadImage, workers: int, size: int | None = None
) -> tuple[NDArray[np.uint8], Part]:
    """Decode all images of a part.

    Args:
        part: The part.
        spec: What the network wants to see.
        on_bad_image: What to do with images that cannot be read.
        workers: Images decoded at a time; 0: one a core.
        size: Side of the decoded images in pixels; ``None``: that of ``spec``.

    Returns:
        (N, C, S, S) uint8, 0..255, and the part that they are: ``part`` without the images that were skipped.

    Raises:
        DataError: Images cannot be read and are not to be skipped, or none can be read.
    """
    images, bad = _decode(part, spec, workers, size)
    _judge(bad, len(part), on_bad_image)
    return _without(images, part, bad)


def decode_parts(
    parts: Mapping[SplitName, Part],
    spec: InputSpec,
    on_bad_image: OnBadImage,
    workers: int,
    train_size: int | None = None,
) -> dict[SplitName, tuple[NDArray[np.uint8], Part]]:
    """Decode several parts as :func:`decode` does one, and tell the bad images of all of them together.

    Args:
        parts: The parts.
        spec: What the network wants to see.
        on_bad_image: What to do with images that cannot be read.
        workers: Images decoded at a time; 0: one a core.
        train_size: Side of the decoded train images in pixels; ``None``: that of ``spec``.

    Raises:
        DataError: Images cannot be read and are not to be skipped, or none can be read.
    """
    sizes = {SplitName.TRAIN: train_size}
    decoded = {split: _decode(part, spec, workers, sizes.get(split)) for split, part in parts.items()}
    bad = [entry for _, entries in decoded.values() for entry in entries]
    _judge(bad, sum(len(part) for part in parts.values()), on_bad_image)
    return {split: _without(images, parts[split], entries) for split, (images, entries) in decoded.items()}


def cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _decode(part: Part, spec: InputSpec, workers: int, size: int | None) -> tuple[NDArray[np.uint8], BadImages]:
    side = spec.size if size is None else size
    images = np.empty((len(part), spec.channels, side, side), np.uint8)
    chunks = [np.arange(start, min(start + _CHUNK, len(part))) for start in range(0, len(part), _CHUNK)]
    bad: BadImages = []
    count = min(workers or cores(), max(len(chunks), 1))
    with _preparer(part.reader, side, spec.channels, count) as run, _progress(len(part)) as advance:
        pool = ThreadPoolExecutor(count)
        try:
            for chunk, (pixels, unread) in zip(chunks, pool.map(run, chunks), strict=True):
                images[chunk] = pixels
                bad += unread
                advance(len(chunk))
        finally:
            pool.shutdown(cancel_futures=True)
    return images, bad


@contextmanager
def _preparer(reader: ImageReader, size: int, channels: int, count: int) -> Iterator[Prepare]:
    """A function that prepares chunks and may be called from ``count`` threads at a time."""
    if len(reader) < reader.process_from or count == 1:
        yield partial(prepare_many, reader, size=size, channels=channels)
        return
    with ExitStack() as stack:
        idle: SimpleQueue[Worker] = SimpleQueue()
        for _ in range(count):
            idle.put(stack.enter_context(Worker(reader, size, channels)))

        def run(indices: NDArray[np.int64]) -> tuple[NDArray[np.uint8], BadImages]:
            worker = idle.get()
            try:
                return worker.prepare(indices)
            finally:
                idle.put(worker)

        yield run


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("decoding images", total=total)
        yield partial(bar.advance, task)


def _judge(bad: BadImages, total: int, on_bad_image: OnBadImage) -> None:
    """Raise or warn where there are bad images."""
    if not bad:
        return
    text = f"{len(bad)} of {total} images cannot be read"
    lines = listed([reason for _, reason in bad], shown=len(bad))
    if on_bad_image is OnBadImage.error:
        raise DataError(f"{text}; mend or remove them, or go on without them by dataset.on_bad_image=skip:\n{lines}")
    logger.warning("%s and are skipped:\n%s", text, lines)


def _without(images: NDArray[np.uint8], part: Part, bad: BadImages) -> tuple[NDArray[np.uint8], Part]:
    """The images and the part without the bad ones."""
    if not bad:
        return images, part
    if len(bad) == len(part):
        raise DataError(f"none of {len(part)} images can be read, such as {bad[0][1]}")
    kept = np.setdiff1d(np.arange(len(part)), [index for index, _ in bad])
    return images[kept], part.take(kept)
