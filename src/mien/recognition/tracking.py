"""Which face is which from frame to frame, and where it is between detections.

The method is SORT (Bewley et al. 2016, arXiv:1602.00763): a Kalman filter of constant velocity foretells every track's
box, the Hungarian method pairs boxes and detections by their overlap. Unlike SORT's, the filter also carries the five
landmarks, and its smoothed state is what is reported.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.endtoend.match import iou_matrix, match_boxes
from mien.types import Faces

_ACCELERATION = 0.003
"""How much a face's speed changes from one frame to the next (standard deviation), in sides of the face a frame."""
_FIRST_SPEED = 0.1
"""How fast a face is when it is first seen (standard deviation), in its sides a frame."""


@dataclass(frozen=True)
class Track:
    """A face that is followed.

    Attributes:
        id: Its number, 0 for the first face; no other face gets it.
        box: (4,) float32 xyxy pixels, smoothed.
        score: Of its last detection, 0..1.
        landmarks: (5, 2) float32 xy pixels, smoothed; NaN where the detector gives none.
    """

    id: int
    box: NDArray[np.float32]
    score: float
    landmarks: NDArray[np.float32]


class Tracker:
    """Follows faces through a video: one call of :meth:`update` or :meth:`predict` a frame.

    Args:
        max_age: Frames without a detection after which a track is given up; a face that comes back later is a new one.
        min_iou: Smallest overlap of a detection with the place foretold for a track.
        noise: How far the detector's boxes jitter (standard deviation), as a share of the face's side: the more, the
            smoother and the slower are the reported boxes. 0: they are the detected ones. MTCNN's, on one still photo
            moved and with sensor noise, had 0.013.
        coast: How often in a row a detector may miss a face and its track is reported all the same; a face that was
            seen only once is not.
    """

    def __init__(self, max_age: int = 30, min_iou: float = 0.3, noise: float = 0.02, coast: int = 1) -> None:
        self.max_age, self.min_iou, self.noise, self.coast = max_age, min_iou, noise, coast
        self._paths: list[_Path] = []
        self._next_id = 0

    def update(self, faces: Faces) -> list[Track]:
        """Go on by one frame in which faces were looked for.

        Args:
            faces: What the detector found.

        Returns:
            Every detected face, and those just missed (see ``coast``), by their id.
        """
        self._step()
        measured = np.hstack([faces.boxes, faces.landmarks.reshape(len(faces), 10)]).astype(np.float64)
        new = set(range(len(faces)))
        for path, match in zip(self._paths, self._matches(faces.boxes), strict=True):
            if match is None:
                path.miss()
            else:
                new.remove(match)
                path.correct(measured[match], float(faces.scores[match]), self.noise**2)
        self._paths = [path for path in self._paths if path.age <= self.max_age]
        for face in sorted(new):
            self._paths.append(_Path(self._next_id, measured[face], float(faces.scores[face]), self.noise**2))
            self._next_id += 1
        return self._tracks()

    def predict(self) -> list[Track]:
        """Go on by one frame in which nobody looked for faces: where the tracks should be, by their id."""
        self._step()
        return self._tracks()

    def _step(self) -> None:
        for path in self._paths:
            path.step()

    def _matches(self, boxes: NDArray[np.float32]) -> list[int | None]:
        """For each track the index of its detection, ``None`` where it was missed."""
        foretold = np.array([path.mean[0, :4] for path in self._paths], np.float32).reshape(-1, 4)
        return match_boxes(iou_matrix(foretold, boxes), self.min_iou)

    def _tracks(self) -> list[Track]:
        return [path.track() for path in self._paths if path.missed <= (self.coast if path.seen > 1 else 0)]


class _Path:
    """A track's Kalman filter: 14 numbers (box and landmarks), each with its speed a frame, and one covariance.

    They share it because all have the same noise, counted in sides of the face; gains then depend on neither.
    """

    def __init__(self, number: int, measured: NDArray[np.float64], score: float, noise: float) -> None:
        self.id, self.score = number, score
        self.age, self.missed, self.seen = 0, 0, 1
        self.mean = np.stack([measured, np.zeros_like(measured)])
        self.covariance = np.diag([noise, _FIRST_SPEED**2])

    def step(self) -> None:
        """Foretell the next frame."""
        self.age += 1
        self.mean[0] += self.mean[1]
        forward = np.array([[1.0, 1.0], [0.0, 1.0]])
        drift = _ACCELERATION**2 * np.array([[1 / 3, 1 / 2], [1 / 2, 1.0]])  # of a speed that changes all the time
        self.covariance = forward @ self.covariance @ forward.T + drift

    def correct(self, measured: NDArray[np.float64], score: float, noise: float) -> None:
        """Take in a detection, (14,) pixels; ``noise`` is its variance in square sides."""
        self.age, self.missed, self.score = 0, 0, score
        self.seen += 1
        gain = self.covariance[:, 0] / (self.covariance[0, 0] + noise)
        self.mean += np.outer(gain, measured - self.mean[0])
        self.covariance -= np.outer(gain, self.covariance[0])

    def miss(self) -> None:
        """Nothing was detected: the face moves on, but its size stays, which would run away."""
        self.missed += 1
        for axis in (0, 1):
            self.mean[1, axis::2] = self.mean[1, [axis, axis + 2]].mean()

    def track(self) -> Track:
        """What is reported."""
        state = self.mean[0].astype(np.float32)
        return Track(self.id, state[:4], self.score, state[4:].reshape(5, 2))
