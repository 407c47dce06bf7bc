"""Reading video: one upright frame after the other with its true time, in memory that does not grow with the length."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np

from mien.errors import DataError
from mien.recognition.media import (
    beginning,
    display_matrix,
    duration_of,
    open_media,
    own_duration,
    reason,
    rgb,
    square_size,
    turned,
    video_stream,
)
from mien.types import Image

_USUAL_RATE = 25.0
"""Frames a second of a video that does not tell its rate."""
_TICKS = 1000
"""From here on a rate is the unit of the file's clock, which some browsers' recordings give for it."""
_SHORT = 0.5
"""A video that ends this many seconds before its announced end was cut off; rounding and sound explain less."""


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before it is read.

    Attributes:
        width: Of every frame, upright and with square pixels.
        height: Of every frame.
        fps: Frames a second, on average where they come irregularly.
        frames: How many there are; ``None`` where the file does not tell.
        duration: Seconds; ``None`` where the file does not tell.
    """

    width: int
    height: int
    fps: float
    frames: int | None
    duration: float | None


@dataclass(frozen=True)
class Frame:
    """One picture of a video.

    Attributes:
        index: Its number, from 0.
        time: When it is shown, in seconds from the video's beginning; larger than that of the frame before.
        image: (H, W, 3) uint8 RGB, upright.
        duration: How many seconds it is shown; 0 where that is not known.
    """

    index: int
    time: float
    image: Image
    duration: float = 0.0


class VideoReader:
    """The frames of a video file, one at a time, for use in a ``with`` statement.

    A video that is damaged or cut off gives all frames that can be decoded; :attr:`problem` then tells what was wrong.

    Args:
        path: Any file that FFmpeg can read.

    Attributes:
        info: Size, rate and length.
        problem: A sentence on damage met so far; ``None`` where there was none.

    Raises:
        DataError: No video can be read from the file: none of its frames, to be exact.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._container = open_media(path)
        try:
            self._stream = video_stream(self._container, path)
            self._damage, self._first_damage = 0, ""
            self._read, self._last, self._until, self._ended = 0, -inf, 0.0, False
            pictures = self._pictures()
            first = next(pictures, None)
            if first is None:
                raise DataError(f"{path}: not one frame of this video can be decoded {self._first_damage}".rstrip())
            self._turn = display_matrix(first)
            self._size = square_size(self._stream, first)
            self.info = self._describe()
            sounds = self._container.streams.best("audio") is not None  # and may be longer than the pictures
            self._announced = own_duration(self._stream) if sounds else self.info.duration
        except BaseException:
            self.close()
            raise
        self._shift = beginning(self._container)
        self._frames = self._all(chain([first], pictures))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        return next(self._frames)

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    @property
    def problem(self) -> str | None:
        """What was wrong with the file, as far as it has been read."""
        parts = []
        if self._damage:
            parts.append(f"{self._damage} damaged pieces, the first {self._first_damage}")
        if self._cut_off:
            parts.append(f"it ends at {self._until:.1f} s of {self.info.duration:.1f} s: the file may be cut off")
        return f"{self.path}: " + "; ".join(parts) if parts else None

    @property
    def _cut_off(self) -> bool:
        """Whether all that can be read has been read, and it is less than the file announces."""
        announced, frames = self._announced, self.info.frames
        less = announced is not None and self._until < announced - _SHORT
        return self._ended and less and (frames is None or self._read < frames)

    def _describe(self) -> VideoInfo:
        width, height = self._size
        if self._turn[0, 0] == 0:
            width, height = height, width
        rate = self._stream.average_rate or self._stream.guessed_rate
        fps = float(rate) if rate and 0 < rate < _TICKS else _USUAL_RATE
        duration = duration_of(self._container, self._stream)
        return VideoInfo(width, height, fps, self._stream.frames or None, duration)

    def _pictures(self) -> Iterator[av.VideoFrame]:
        """Every frame that can be decoded, in the order in which they are shown."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                self._note(reason(error))
                yield from self._decoded(None)
                return
            if packet is None:
                return
            yield from self._decoded(packet)

    def _decoded(self, packet: "av.Packet[av.VideoStream] | None") -> list[av.VideoFrame]:
        """The frames that a packet completes; after ``None`` or an empty packet those still in the decoder."""
        try:
            frames = self._stream.decode(packet)
        except av.FFmpegError as error:
            self._note(reason(error))
            return []
        if (packet is not None and packet.is_corrupt) or any(frame.is_corrupt for frame in frames):
            self._note("a part is missing or does not fit")
        return frames

    def _note(self, what: str) -> None:
        self._damage += 1
        if not self._first_damage:
            self._first_damage = f"after {max(self._last, 0.0):.1f} s ({what})"

    def _all(self, pictures: Iterator[av.VideoFrame]) -> Iterator[Frame]:
        for index, picture in enumerate(pictures):
            self._read += 1
            self._last = self._time(picture)
            duration = float(picture.duration * (picture.time_base or 0)) or 1 / self.info.fps
            self._until = self._last + max(1 / self.info.fps, duration)
            image = turned(rgb(picture, self._size), self._turn)
            yield Frame(index, self._last, np.ascontiguousarray(image), duration)
        self._ended = True

    def _time(self, picture: av.VideoFrame) -> float:
        """When a frame is shown; where its time is missing or runs backwards, as long after the last as usual."""
        usual = max(0.0, self._last + 1 / self.info.fps)
        if picture.pts is None or picture.time_base is None:
            return usual
        time = float(picture.pts * picture.time_base) - self._shift
        return time if time > self._last else usual
