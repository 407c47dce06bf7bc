"""Media files as FFmpeg sees them, by PyAV: opening, and what a file tells of its streams."""

import re
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from mien.errors import DataError
from mien.types import Image

_CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
"""Hours, minutes and seconds, as Matroska tells a stream's length."""


def open_media(path: Path) -> "av.container.InputContainer":
    """A video or sound file, opened.

    Raises:
        DataError: It is missing, empty or nothing that FFmpeg can read.
    """
    if not path.is_file():
        raise DataError(f"{path}: expected a video, found {'a folder' if path.is_dir() else 'no such file'}")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: expected a video, found an empty file")
    try:
        # Without "file:", FFmpeg would take a name such as "a:b.mp4" for an address.
        return av.open(f"file:{path}", "r", metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise DataError(
            f"{path}: expected a video, found nothing that FFmpeg can read ({reason(error)}); "
            "an MP4 file that was cut off lacks the index at its end and cannot be read either"
        ) from error


def reason(error: Exception) -> str:
    """What FFmpeg says of an error, in a few words."""
    return str(getattr(error, "strerror", None) or error)


def beginning(container: "av.container.InputContainer") -> float:
    """The time that counts as 0, in seconds: a transport stream, say, begins at any time.

    A time before 0 stays what it is: sound begins some milliseconds early, to swing in.
    """
    return max(0.0, (container.start_time or 0) / av.time_base)


def rgb(picture: av.VideoFrame, size: tuple[int, int] | None = None) -> Image:
    """A decoded frame as (H, W, 3) uint8 RGB, scaled to a width and height where that is not its own already."""
    width, height = size or (picture.width, picture.height)
    return np.asarray(picture.to_ndarray(format="rgb24", width=width, height=height), np.uint8)


def turned(pixels: Image, matrix: NDArray[np.int64]) -> Image:
    """A picture as a display matrix wants it shown, by quarter turns and mirroring.

    Args:
        pixels: (H, W, 3).
        matrix: (2, 2) of -1, 0 and 1: rows are where x and y of a stored pixel go, columns the shown x and y.

    Returns:
        A view, (H, W, 3) or (W, H, 3).
    """
    if matrix[0, 0] == 0:
        pixels = pixels.transpose(1, 0, 2)
    across, down = matrix.sum(axis=0)
    return pixels[::down, ::across]


def display_matrix(picture: av.VideoFrame) -> NDArray[np.int64]:
    """How a frame is to be turned and mirrored, rounded to quarter turns: (2, 2) of -1, 0 and 1."""
    side_data: Any = picture.side_data
    entry = side_data.get("DISPLAYMATRIX")
    if entry is None:
        return np.eye(2, dtype=np.int64)
    matrix = np.frombuffer(bytes(entry), np.int32).reshape(3, 3)[:2, :2].astype(np.int64)
    on_diagonal = abs(matrix[0, 0]) >= abs(matrix[0, 1])
    kept = np.eye(2, dtype=np.int64) if on_diagonal else np.eye(2, dtype=np.int64)[::-1]
    return np.where(matrix < 0, -1, 1) * kept


def square_size(stream: av.VideoStream, picture: av.VideoFrame) -> tuple[int, int]:
    """Width and height of a stored frame once its pixels are square: narrow pixels are spread, wide ones too."""
    aspect = stream.sample_aspect_ratio
    return (round(picture.width * aspect) if aspect else picture.width), picture.height


def video_stream(container: "av.container.InputContainer", path: Path) -> av.VideoStream:
    """The film itself, not the picture of a record's cover.

    Raises:
        DataError: There is none, or none that can be decoded.
    """
    covers = av.stream.Disposition.attached_pic
    films = [stream for stream in container.streams.video if not stream.disposition & covers]
    if not films:
        found = " and ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        raise DataError(f"{path}: expected a video, found only {found}")
    known = [stream for stream in films if stream.codec_context is not None]
    if not known:
        raise DataError(f"{path}: FFmpeg has no decoder for this video's codec")
    stream = max(known, key=lambda one: one.width * one.height)
    stream.thread_type = "AUTO"
    return stream


def duration_of(container: "av.container.InputContainer", stream: av.VideoStream) -> float | None:
    """Seconds of the video, as the file tells them; where it tells only how long all is, sound may be the longest."""
    if (own := own_duration(stream)) is not None:
        return own
    return container.duration / av.time_base if container.duration is not None else None


def own_duration(stream: av.VideoStream) -> float | None:
    """Seconds of the pictures alone; ``None`` where the file does not tell."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    told = (text for key, text in stream.metadata.items() if key == "DURATION" or key.startswith("DURATION-"))
    clocks = (_CLOCK.fullmatch(text) for text in told)  # one a language
    return next((3600 * int(clock[1]) + 60 * int(clock[2]) + float(clock[3]) for clock in clocks if clock), None)
