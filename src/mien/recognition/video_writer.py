"""Writing an annotated video: H.264 in MP4, each frame at its own time, the source's sound beside it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from mien.errors import DataError, RunFolderError
from mien.recognition.media import reason
from mien.recognition.sound import Sound
from mien.recognition.video import VideoInfo
from mien.types import Image

_ENCODERS = {"libx264": {"crf": "20", "preset": "veryfast"}, "libopenh264": {}, "mpeg4": {}}
"""Encoders from best to worst, with their settings; which of them are there depends on how FFmpeg was built."""
_TICK = Fraction(1, 60_000)
"""Unit of time in the file: exact for 24, 25, 30, 50, 60 and 29.97 frames a second, 8 microseconds off at most."""
_FRAGMENT = 2
"""Seconds of film that a killed process loses at most, beside the few frames in its encoder."""
_MUXER = {
    # Fragments while the file grows, one index when it is whole. Their header waits for the first packets, so that it
    # can say that sound begins a little before the pictures; else all frames but the first would be late by that.
    "movflags": "hybrid_fragmented+delay_moov",
    "frag_duration": str(1_000_000 * _FRAGMENT),  # microseconds
    "flush_packets": "1",
    "movie_timescale": str(_TICK.denominator),  # the usual 1000 would round the beginning to milliseconds
    "max_interleave_delta": "1000000",  # microseconds: pictures do not wait longer for sound that has ended
}
PARTIAL = ".partial"
_DISK = {getattr(errno, name) for name in ("EACCES", "EDQUOT", "EFBIG", "EIO", "ENOENT", "ENOSPC", "EPERM", "EROFS")}
"""FFmpeg's errors that are the disk's, and so every file's; others are one video's."""
_BITS_A_PIXEL = 0.15
"""For encoders that want a bit rate rather than a quality."""


def partial_path(path: Path) -> Path:
    """Where a video is written until it is whole: ``film.partial.mp4`` for ``film.mp4``."""
    return path.with_name(f"{path.stem}{PARTIAL}{path.suffix}")


class VideoWriter:
    """Writes frames to an MP4 file as they come, for use in a ``with`` statement.

    The file grows under :func:`partial_path`, in fragments that can be played one by one, so that an interrupted or
    killed process leaves a video that ends where it was interrupted. When the block ends well, the rest of the sound is
    added, the fragments become one ordinary MP4 file, and only then it takes its name. Nothing is resumed: the next
    writer starts the partial file over. Memory holds a fragment and the file's index, some 70 bytes a packet.

    A picture of odd width or height gets one more column or row, a copy of its last: H.264 wants even numbers.

    Args:
        path: The file; a video of that name is replaced.
        info: Size and rate of the frames.
        source: The video whose sound is kept; ``None``: no sound.

    Attributes:
        encoder: FFmpeg's name of the encoder.

    Raises:
        RunFolderError: The file cannot be written: no right, no space.
        DataError: The source cannot be read, is the file to be written, or the encoder refuses this size.
    """

    def __init__(self, path: Path, info: VideoInfo, source: Path | None = None) -> None:
        if source is not None and source.resolve() in (path.resolve(), partial_path(path).resolve()):
            raise DataError(f"{path}: the annotated video would replace its source; choose another folder or name")
        self.path, self.partial = path, partial_path(path)
        self.encoder = next(name for name in _ENCODERS if name in av.codecs_available)
        self._info, self._last = info, -1
        self._sound: Sound | None = None
        with self._told():
            self.partial.parent.mkdir(parents=True, exist_ok=True)
            self.partial.touch()
            self._container = av.open(f"file:{self.partial}", "w", format="mp4", container_options=_MUXER)
        try:
            self._stream = self._video_stream()
            self._sound = None if source is None else Sound(source, self._container)
        except BaseException:
            self._abandon()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        if self._last < 0:
            self._abandon()
        elif kind is None:
            with self._told():
                self._finish(rest_of_sound=True)
                self.partial.replace(self.path)
        else:
            with suppress(av.FFmpegError, OSError):  # the first error is the one to tell
                self._finish(rest_of_sound=False)

    @property
    def problem(self) -> str | None:
        """What is wrong with the sound; ``None`` where nothing is."""
        return None if self._sound is None or self._sound.problem is None else f"{self.path}: {self._sound.problem}"

    def write(self, image: Image, time: float, duration: float = 0.0) -> None:
        """Add a frame.

        Args:
            image: (H, W, 3) uint8 RGB, of the size that ``info`` tells.
            time: When it is shown, in seconds; after the frame before.
            duration: How long, in seconds, where none follows; 0: as usual at the rate.

        Raises:
            ValueError: The picture has another size.
            RunFolderError: The disk is full.
            DataError: FFmpeg refuses the picture or the sound.
        """
        expected = (self._info.height, self._info.width, 3)
        if image.shape != expected or image.dtype != np.uint8:
            raise ValueError(f"expected a picture {expected} uint8, got {image.shape} {image.dtype}")
        even = np.pad(image, ((0, expected[0] % 2), (0, expected[1] % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), "rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        self._last = max(round(time / _TICK), self._last + 1)
        frame.pts, frame.time_base, frame.duration = self._last, _TICK, round(duration / _TICK)
        with self._told():
            self._write_sound(time)
            self._container.mux(self._stream.encode(frame))

    def _video_stream(self) -> av.VideoStream:
        """The video stream, its encoder opened so that it complains before work starts."""
        width, height = (side + side % 2 for side in (self._info.width, self._info.height))
        fps = min(max(self._info.fps, 1.0), 1000.0)
        rate = Fraction(fps).limit_denominator(1001)
        stream = self._container.add_stream(self.encoder, rate, _ENCODERS[self.encoder], time_base=_TICK)
        context = stream.codec_context
        if not isinstance(stream, av.VideoStream) or not isinstance(context, av.VideoCodecContext):
            raise TypeError(f"{self.encoder} encodes no video")
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.flags |= Flags.frame_duration
        context.gop_size, context.max_b_frames = max(1, round(_FRAGMENT * fps)), 0
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        if self.encoder != "libx264":
            context.bit_rate = round(_BITS_A_PIXEL * width * height * fps)
        try:
            context.open()
        except av.FFmpegError as error:
            size = f"{width} x {height} pixels"
            raise DataError(f"{self.path}: the encoder {self.encoder} refuses {size}: {reason(error)}") from error
        return stream

    def _finish(self, rest_of_sound: bool) -> None:
        """Write what the encoder still holds, and the index."""
        try:
            self._container.mux(self._stream.encode(None))
            if rest_of_sound:
                self._write_sound(inf)
        finally:
            self._close()

    def _write_sound(self, time: float) -> None:
        """Write the sound before a time in seconds."""
        if self._sound is not None:
            for packet in self._sound.until(time):
                self._container.mux(packet)

    def _abandon(self) -> None:
        """Leave nothing behind: no frame was written."""
        with suppress(av.FFmpegError, OSError):
            self._close()
        self.partial.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._sound is not None:
            self._sound.close()
        self._container.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell errors of the disk, and of what cannot be put into the file, in mien's words."""
        try:
            yield
        except (OSError, av.FFmpegError) as error:
            if isinstance(error, av.FFmpegError) and error.errno not in _DISK:
                raise DataError(f"{self.path}: this video's copy cannot be written: {reason(error)}") from error
            raise RunFolderError(
                f"cannot write {self.path}: {reason(error)}; check space and write right there"
            ) from error
