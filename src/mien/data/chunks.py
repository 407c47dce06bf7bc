"""The images of a reader, prepared in parallel, a chunk at a time and in order."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from mien.data.prepare import BadImages, prepare_many
from mien.data.readers import ImageReader
from mien.data.workers import Worker
from mien.environment import cores

_CHUNK = 64  # images a task

Prepared = tuple[NDArray[np.uint8], BadImages]
"""(n, C, S, S) uint8 and the images among them that cannot be read."""


def chunks(reader: ImageReader, size: int, channels: int, workers: int) -> Iterator[Prepared]:
    """Prepare all images of a reader; only some chunks are held at a time.

    Args:
        reader: The images.
        size: Side of the prepared images in pixels.
        channels: 3 or 1.
        workers: Images decoded at a time; 0: one a core.
    """
    starts = range(0, len(reader), _CHUNK)
    count = min(workers or cores(), max(len(starts), 1))
    with _preparer(reader, size, channels, count) as run, progress(len(reader), "decoding images") as advance:
        pool = ThreadPoolExecutor(count)
        waiting: deque[Future[Prepared]] = deque()
        try:
            for start in starts:
                waiting.append(pool.submit(run, np.arange(start, min(start + _CHUNK, len(reader)))))
                if len(waiting) > 4 * count:
                    yield _next(waiting, advance)
            while waiting:
                yield _next(waiting, advance)
        finally:
            pool.shutdown(cancel_futures=True)


def _next(waiting: deque[Future[Prepared]], advance: Callable[[int], None]) -> Prepared:
    pixels, bad = waiting.popleft().result()
    advance(len(pixels))
    return pixels, bad


@contextmanager
def _preparer(
    reader: ImageReader, size: int, channels: int, count: int
) -> Iterator[Callable[[NDArray[np.int64]], Prepared]]:
    """A function that prepares chunks and may be called from ``count`` threads at a time."""
    if len(reader) < reader.process_from or count == 1:
        yield partial(prepare_many, reader, size=size, channels=channels)
        return
    with ExitStack() as stack:
        idle: SimpleQueue[Worker] = SimpleQueue()
        for _ in range(count):
            idle.put(stack.enter_context(Worker(reader, size, channels)))

        def run(indices: NDArray[np.int64]) -> Prepared:
            worker = idle.get()
            try:
                return worker.prepare(indices)
            finally:
                idle.put(worker)

        yield run


@contextmanager
def progress(total: int, text: str) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal; gives what moves it on."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(text, total=total)
        yield partial(bar.advance, task)
