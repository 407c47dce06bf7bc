"""One video, or what a camera sees: recognized, put into the table, drawn, written and shown, frame by frame."""

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rich.progress import Progress

from mien.config.recognize import RecognizeConfig
from mien.recognition.drawing import annotate_frame
from mien.recognition.films import Following, Numbered, follow
from mien.recognition.recognizer import Recognizer
from mien.recognition.show import Window
from mien.recognition.table import Done, FaceTable
from mien.recognition.video import Frame, VideoInfo
from mien.recognition.video_writer import VideoWriter


@dataclass(frozen=True)
class Film:
    """Frames to work on.

    Attributes:
        key: The source's name in tables.
        frames: One after the other.
        info: Of the frames.
        target: The annotated copy.
        sound: The file whose sound it gets; ``None`` for silence.
        live: From a camera: frames are worked on singly, and the user ends it.
    """

    key: str
    frames: Iterable[Frame]
    info: VideoInfo
    target: Path
    sound: Path | None = None
    live: bool = False


def recognize_film(
    film: Film, config: RecognizeConfig, recognizer: Recognizer, table: FaceTable, bars: Progress
) -> Done:
    """Work through a film.

    Returns:
        What there is to note of it; its state is not filled in.

    Raises:
        DataError: The encoder refuses the frames.
        RunFolderError: The copy cannot be written.
        DeviceError: There is no display for the window.
        KeyboardInterrupt: The user ended a video before its end; the copy can be played up to there.
    """
    together = 1 if film.live else config.batch_size * config.every
    how = Following(config.every, config.smooth, together)
    bar = bars.add_task(film.key, total=_length(film.info, config.max_frames))
    with ExitStack() as stack:
        stack.callback(bars.remove_task, bar)
        sinks = _Sinks(film, config, stack)
        labels: Counter[str] = Counter()
        try:
            for frame, numbered in follow(islice(film.frames, config.max_frames), recognizer, how):
                table.add(film.key, numbered, (frame.index, frame.time))
                labels.update(face.label for _, face in numbered)
                sinks.take(frame, numbered)
                bars.advance(bar)
        except KeyboardInterrupt:
            if not film.live:
                raise
    return Done(film.key, "", dict(labels), film=True, problem=sinks.problem)


class _Sinks:
    """Where annotated frames go: the copy, the window, both or nowhere."""

    def __init__(self, film: Film, config: RecognizeConfig, stack: ExitStack) -> None:
        self._window = Window(film.key) if config.show else None
        if self._window is not None:
            stack.callback(self._window.close)
        self._writer = VideoWriter(film.target, film.info, film.sound) if config.annotate else None
        if self._writer is not None:
            stack.enter_context(self._writer)

    @property
    def problem(self) -> str:
        """What is wrong with the copy; ``""`` for nothing."""
        return "" if self._writer is None else self._writer.problem or ""

    def take(self, frame: Frame, numbered: Numbered) -> None:
        """Draw a frame, write and show it.

        Raises:
            KeyboardInterrupt: The user closed the window.
        """
        if self._writer is None and self._window is None:
            return
        image = annotate_frame(frame.image, numbered)
        if self._writer is not None:
            self._writer.write(image, frame.time, frame.duration)
        if self._window is not None and not self._window.show(image):
            raise KeyboardInterrupt


def _length(info: VideoInfo, limit: int | None) -> int | None:
    """Number of frames to come, ``None`` where unknown."""
    known = info.frames
    if known is None and info.duration is not None:
        known = round(info.duration * info.fps)
    return limit if known is None else min(known, known if limit is None else limit)
