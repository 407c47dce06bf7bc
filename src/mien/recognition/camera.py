"""Pictures from a camera, by PyAV, which reads video files too: no further dependency is needed."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread
from types import TracebackType
from typing import Self

import av

from mien.errors import DataError
from mien.recognition.media import reason, rgb
from mien.recognition.video import Frame, VideoInfo
from mien.types import Image

Capture = Callable[[int], Iterator[Image]]
"""From a camera's number to its pictures; they end, or raise OSError or an FFmpeg error, when it is unplugged."""

_USUAL_RATE = 30.0
_SYSTEMS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
"""FFmpeg's name for the cameras of each operating system."""
_PATIENCE = 10.0
"""Seconds without a picture after which a camera counts as gone."""


class CameraReader:
    """The pictures of a camera, endless, for use in a ``with`` statement.

    The camera is read beside the caller's work, and only its newest picture is kept: who takes longer than a frame gets
    fewer pictures, not older ones.

    Args:
        index: The camera's number, 0 for the first.
        capture: Where the pictures come from.
        patience: Seconds to wait for a picture.

    Attributes:
        info: Size and rate; their number and length are unknown.
        problem: Why the pictures ended; ``None`` before.

    Raises:
        DataError: There is no such camera, or it gives no picture.
    """

    def __init__(self, index: int, capture: Capture | None = None, patience: float = _PATIENCE) -> None:
        self.index = index
        self.problem: str | None = None
        self._patience = patience
        self._changed = Condition()
        self._newest: tuple[float, Image] | None = None
        self._end: str | None = None
        self._closed = False
        Thread(target=self._run, args=(capture or open_camera,), name=f"camera {index}", daemon=True).start()
        first = self._wait(take=False)
        if first is None:
            self.close()
            raise DataError(f"camera {index}: {self._end or self._silence}")
        self._began, image = first
        self.info = VideoInfo(image.shape[1], image.shape[0], _USUAL_RATE, None, None)
        self._given = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        newest = self._wait(take=True)
        if newest is None:
            if not self._closed:
                gone = f"after {self._given} pictures: {self._end or self._silence}"
                self.problem = f"camera {self.index} ended {gone}"
            raise StopIteration
        arrived, image = newest
        self._given += 1
        return Frame(self._given - 1, arrived - self._began, image)

    def close(self) -> None:
        """Let go of the camera, as soon as its current picture is there."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def _silence(self) -> str:
        return f"no picture within {self._patience:g} s"

    def _wait(self, take: bool) -> tuple[float, Image] | None:
        """The newest picture, once there is one that was not taken; ``None`` where none will come."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._newest is not None or self._end is not None or self._closed, self._patience
            )
            newest = self._newest
            if take:
                self._newest = None
            return newest

    def _run(self, capture: Capture) -> None:
        """Keep the newest picture; in a thread of its own."""
        end = "it gives no more pictures"
        try:
            for image in capture(self.index):
                with self._changed:
                    if self._closed:
                        return
                    self._newest = (time.monotonic(), image)
                    self._changed.notify_all()
        except (av.FFmpegError, OSError, DataError) as error:
            end = reason(error)
        finally:
            with self._changed:
                self._end = end
                self._changed.notify_all()


def open_camera(index: int) -> Iterator[Image]:
    """The pictures of a camera of this computer.

    Raises:
        DataError: It cannot be opened.
        av.FFmpegError: It was unplugged.
    """
    system = _SYSTEMS.get(sys.platform)
    if system is None:
        raise DataError(f"cameras are known on {', '.join(_SYSTEMS)}; this is {sys.platform}")
    device = _device(system, index)
    # macOS refuses FFmpeg's usual 29.97 frames a second; the other systems choose the rate themselves.
    options = {"framerate": "30"} if system == "avfoundation" else {}
    try:
        container = av.open(device, "r", format=system, options=options)
    except (av.FFmpegError, OSError, ValueError) as error:
        found = ", ".join(_found(system)) or "no camera"
        raise DataError(
            f"{device} ({system}) cannot be opened: {reason(error)}; found: {found}. "
            "Plug it in, give the number of another one, or close the program that uses it"
        ) from error
    with container:
        for packet in container.demux(container.streams.video[0]):
            frames: list[av.VideoFrame] = []
            with suppress(av.error.InvalidDataError):  # one damaged picture: the next one follows
                frames = packet.decode()
            yield from map(rgb, frames)


def _device(system: str, index: int) -> str:
    """What FFmpeg calls a camera."""
    if system == "v4l2":
        return f"/dev/video{index}"
    if system == "avfoundation":
        return f"{index}:none"
    names = _found(system)
    if index >= len(names):
        raise DataError(f"there is none of this number; found: {', '.join(names) or 'no camera'}")
    return f"video={names[index]}"


def _found(system: str) -> list[str]:
    """The cameras of this computer."""
    if system == "v4l2":
        return sorted(str(path) for path in Path("/dev").glob("video*"))
    try:
        devices = av.enumerate_input_devices(system)
    except (av.FFmpegError, ValueError):
        return []
    return [device.name for device in devices if "video" in device.media_types]
