"""Faces through the frames of a video or camera: found in batches, followed between, their expressions smoothed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from mien.recognition.faces import RecognizedFace, named
from mien.recognition.recognizer import Recognizer
from mien.recognition.smoothing import ProbabilitySmoother
from mien.recognition.tracking import Track, Tracker
from mien.recognition.video import Frame
from mien.types import Faces

BATCH_BYTES = 256 * 2**20
"""Frames worked on together take no more memory, however many they may be."""

Numbered = list[tuple[int, RecognizedFace]]
"""The faces of a frame, each with the number of its track."""


@dataclass(frozen=True)
class Following:
    """How faces are followed.

    Attributes:
        every: Faces are looked for in each ``every``-th frame, from the first on.
        smooth: Time constant of the smoothing in seconds; 0: none.
        together: Frames worked on together; a live picture lags so many behind.
    """

    every: int = 1
    smooth: float = 0.0
    together: int = 1


def follow(frames: Iterable[Frame], recognizer: Recognizer, how: Following) -> Iterator[tuple[Frame, Numbered]]:
    """The frames in order, each with its faces; between detections the faces are where their tracks foretell them.

    Every face is classified in every frame, and its probabilities are smoothed over time.

    Args:
        frames: Of one video.
        recognizer: Finds faces and names expressions.
        how: Settings.
    """
    tracker, smoother = Tracker(), ProbabilitySmoother(how.smooth)
    for group in _groups(frames, how.together):
        found = iter(recognizer.detect([frame.image for frame in group if frame.index % how.every == 0]))
        tracks = [tracker.update(next(found)) if frame.index % how.every == 0 else tracker.predict() for frame in group]
        faces = [_as_faces(seen) for seen in tracks]
        rows = recognizer.classify([frame.image for frame in group], faces)
        for frame, seen, there, probabilities in zip(group, tracks, faces, rows, strict=True):
            smooth = [
                smoother.update(track.id, frame.time, row) for track, row in zip(seen, probabilities, strict=True)
            ]
            shown = named(there, smooth, recognizer.labels)
            yield frame, list(zip((track.id for track in seen), shown, strict=True))


def _groups(frames: Iterable[Frame], together: int) -> Iterator[list[Frame]]:
    """The frames in groups; each is emptied when the next is asked for, so that memory holds only one."""
    group: list[Frame] = []
    for frame in frames:
        group.append(frame)
        if len(group) >= together or len(group) * frame.image.nbytes >= BATCH_BYTES:
            yield group
            group.clear()
    if group:
        yield group


def _as_faces(tracks: list[Track]) -> Faces:
    if not tracks:
        return Faces.none()
    return Faces(
        np.stack([track.box for track in tracks]),
        np.array([track.score for track in tracks], np.float32),
        np.stack([track.landmarks for track in tracks]),
    )
