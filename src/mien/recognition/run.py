"""The work of ``recognize.py``: everything that the source names, one after the other, and what is left to say."""

import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from rich.progress import Progress

from mien.config.recognize import RecognizeConfig
from mien.errors import ConfigError, DataError
from mien.files import printable
from mien.labels import LabelSet
from mien.recognition.camera import CameraReader
from mien.recognition.drawing import annotate_photo, save_picture
from mien.recognition.faces import RecognizedFace
from mien.recognition.filming import Film, recognize_film
from mien.recognition.photos import Photo, read_photos
from mien.recognition.progress import progress_bar
from mien.recognition.recognizer import Recognizer, find_model
from mien.recognition.results import claim, target_names
from mien.recognition.sources import ANNOTATED, Kind, SourceFile, Sources
from mien.recognition.table import Done, FaceTable
from mien.recognition.video import VideoReader
from mien.recognition.video_writer import partial_path
from mien.runs import owned
from mien.types import Image

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of the source.

    Attributes:
        folder: Of the results.
        table: The table of faces.
        done: All finished files, those of earlier starts too.
        labels: The model's classes.
        before: How many of them were finished before this start.
        problems: What could not be read, or not to its end; those of earlier starts too.
        ignored: Number of files that are neither photo nor video.
    """

    folder: Path
    table: Path
    done: list[Done]
    labels: LabelSet
    before: int = 0
    problems: list[str] = field(default_factory=list)
    ignored: int = 0


def recognize(config: RecognizeConfig, sources: Sources, folder: Path, command: str = "") -> Outcome:
    """Recognize all that there is and is not done yet.

    Args:
        config: Settings.
        sources: What ``config.source`` stands for.
        folder: Where the results go.
        command: How this was started, for the records.

    Raises:
        MienError: There is no such model or device, the folder is another recognition's or cannot be written to, or
            the camera cannot be opened. Files that cannot be read are told in the outcome.
        KeyboardInterrupt: By the user; the table of what was done has been written.
    """
    if config.show and sources.camera is None and all(file.kind is Kind.PHOTO for file in sources.files):
        raise ConfigError(["show=true: a live window is for a video or a camera, and the source holds none"])
    bundle = find_model(config.model)
    recognizer = Recognizer.load(bundle, config.detector, config.accelerator)
    with owned(folder):
        claim(folder, config, sources, bundle, command)
        # Each start of a camera is a source of its own, and stays; files that are gone do not.
        states = {file.key: file.state for file in sources.files} if sources.camera is None else None
        with FaceTable(folder, recognizer.labels, states) as table, progress_bar() as bars:
            before = len(table.done)
            work = _Work(config, folder, recognizer, table, bars)
            try:
                work.do(sources)
            finally:
                path = table.write(config.table)
        done = list(table.done.values())
        problems = [*work.problems, *(entry.problem for entry in done if entry.problem)]
        return Outcome(folder, path, done, recognizer.labels, before, problems, sources.ignored)


class _Work:
    """One run through the sources."""

    def __init__(
        self, config: RecognizeConfig, folder: Path, recognizer: Recognizer, table: FaceTable, bars: Progress
    ) -> None:
        self.config, self.annotated = config, folder / ANNOTATED
        self.recognizer, self.table, self.bars = recognizer, table, bars
        self.problems: list[str] = []

    def do(self, sources: Sources) -> None:
        """Photos first, since they are quick, then videos; or the camera."""
        if sources.camera is not None:
            self._camera(sources.camera)
            return
        targets = {key: self.annotated / name for key, name in target_names(sources.files).items()}
        for copy in {entry.copy for entry in self.table.forgotten} - {"", *(e.copy for e in self.table.done.values())}:
            (self.annotated / copy).unlink(missing_ok=True)
        left = [file for file in sources.files if file.key not in self.table.done]
        bar = self.bars.add_task("files", total=len(left), visible=len(left) > 1)
        with ThreadPoolExecutor(thread_name_prefix="mien-copies") as pool:
            for batch in read_photos([file for file in left if file.kind is Kind.PHOTO], self.config.batch_size):
                self._photos(batch, targets, pool)
                self.bars.advance(bar, len(batch))
        for file in left:
            if file.kind is Kind.VIDEO:
                self._video(file, targets[file.key])
                self.bars.advance(bar)

    def _photos(self, batch: Sequence[Photo], targets: dict[str, Path], pool: ThreadPoolExecutor) -> None:
        """Recognize, draw and note one batch."""
        for photo in batch:
            if photo.problem:
                self._problem(photo.problem, targets[photo.file.key])
            if photo.note:
                log.warning("%s", photo.note)
        readable = [(photo.file, photo.image) for photo in batch if photo.image is not None]
        found = self.recognizer.many([image for _, image in readable])
        if self.config.annotate:
            copies = [
                pool.submit(_copy, image, faces, targets[file.key])
                for (file, image), faces in zip(readable, found, strict=True)
            ]
            for copy in copies:
                copy.result()
        for (file, _), faces in zip(readable, found, strict=True):
            self.table.add(file.key, enumerate(faces), None)
            labels = dict(Counter(face.label for face in faces))
            self.table.finish(Done(file.key, file.state, labels, copy=self._name(targets[file.key])))

    def _video(self, file: SourceFile, target: Path) -> None:
        """Recognize one video; where it cannot be read that is told, and the others go on."""
        try:
            with VideoReader(file.path) as reader:
                sound = None if self.config.max_frames else file.path
                done = self._film(Film(file.key, reader, reader.info, target, sound))
                problem = printable("; ".join(filter(None, (reader.problem, done.problem))))
                self._finish(replace(done, state=file.state, problem=problem, copy=self._name(target)))
        except DataError as error:
            self.table.drop()
            partial_path(target).unlink(missing_ok=True)
            self._problem(printable(str(error)), target)

    def _camera(self, index: int) -> None:
        """Recognize what a camera sees, until it ends, the window is closed, or Ctrl-C is pressed."""
        key = f"camera-{index}-{datetime.now():%Y%m%d-%H%M%S}"  # each start is a source of its own
        with CameraReader(index) as reader:
            done = self._film(Film(key, reader, reader.info, self.annotated / f"{key}.mp4", live=True))
            self._finish(replace(done, problem=reader.problem or ""))

    def _film(self, film: Film) -> Done:
        return recognize_film(film, self.config, self.recognizer, self.table, self.bars)

    def _finish(self, done: Done) -> None:
        if done.problem:
            log.warning("%s", done.problem)  # kept with it, and so told at the end
        self.table.finish(done)

    def _name(self, target: Path) -> str:
        """What is noted of a copy."""
        return target.relative_to(self.annotated).as_posix() if self.config.annotate else ""

    def _problem(self, text: str, target: Path) -> None:
        """What could not be read is told at once and again at the end; a copy of what it was before is removed."""
        target.unlink(missing_ok=True)
        self.problems.append(text)
        log.warning("%s", text)


def _copy(image: Image, faces: Sequence[RecognizedFace], target: Path) -> None:
    """Write the annotated copy of a photo."""
    save_picture(annotate_photo(image, faces), target)
