"""Python processes that read images, for where threads would wait for each other.

They are plain subprocesses of ``python -m mien.data.workers``, not :mod:`multiprocessing`'s: those run the user's
script a second time where it has no ``if __name__ == "__main__"``, and cannot start from an interactive session.
"""

import os
import pickle
import signal
import subprocess
import sys
from types import TracebackType
from typing import IO

import numpy as np
from numpy.typing import NDArray

from mien.data.prepare import BadImages, prepare_many
from mien.data.readers import ImageReader


class Worker:
    """A process that reads and prepares images of one reader; a context manager that ends it.

    Args:
        reader: The reader; it is sent over once.
        size: Side of the prepared images in pixels.
        channels: 3 or 1.
    """

    def __init__(self, reader: ImageReader, size: int, channels: int) -> None:
        path = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)  # noqa: PTH100  (entries may be "")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mien.data.workers"],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._greeting: tuple[ImageReader, int, int] | None = (reader, size, channels)

    def prepare(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.uint8], BadImages]:
        """As :func:`mien.data.prepare.prepare_many`, in the other process."""
        try:
            if self._greeting is not None:  # sent here, since a large reader is only taken once the process runs
                _send(self._process.stdin, self._greeting)
                self._greeting = None
            _send(self._process.stdin, indices)
            images, bad = pickle.load(self._process.stdout)  # type: ignore[arg-type]  # a pipe, as asked for
        except (EOFError, BrokenPipeError):
            raise RuntimeError("a process that reads images has died; its error stands above") from None
        return images, bad

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


def serve(source: IO[bytes], target: IO[bytes]) -> None:
    """Answer every array of positions that comes in with what :func:`prepare_many` makes of it, until the pipe ends."""
    reader, size, channels = pickle.load(source)
    while True:
        try:
            indices = pickle.load(source)
        except EOFError:
            return
        _send(target, prepare_many(reader, indices, size, channels))


def _send(pipe: IO[bytes] | None, value: object) -> None:
    assert pipe is not None  # the process was started with one
    pickle.dump(value, pipe, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    serve(sys.stdin.buffer, sys.stdout.buffer)
