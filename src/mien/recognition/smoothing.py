"""Class probabilities of a tracked face, smoothed over time."""

from math import exp, isfinite

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float32]
"""(K,) float32 in 0..1, sum 1."""

_REMEMBERED = 10
"""Time constants for which a track is remembered; after them it would weigh e^-10 = 0.00005."""


class ProbabilitySmoother:
    """Exponential moving average with a time constant in seconds, apart for each track.

    The weight of what was before falls by ``e`` every ``seconds``, whatever the frame rate and however irregular the
    frames: after a sudden change the average has made 63 % of the way in that time. Tracks that get no probabilities
    for ten time constants are forgotten.

    Args:
        seconds: The time constant; 0 turns smoothing off.

    Raises:
        ValueError: ``seconds`` is negative or not a number.
    """

    def __init__(self, seconds: float = 0.3) -> None:
        if not (isfinite(seconds) and seconds >= 0):
            raise ValueError(f"expected a time constant of 0 seconds or more, got {seconds}")
        self.seconds = seconds
        self._tracks: dict[int, tuple[float, Probabilities]] = {}

    def __len__(self) -> int:
        """Number of tracks that are remembered."""
        return len(self._tracks)

    def update(self, track_id: int, time: float, probabilities: Probabilities) -> Probabilities:
        """Take in a face's probabilities and tell the smoothed ones.

        Args:
            track_id: Whose face it is.
            time: Of the frame, in seconds; not before the track's last one.
            probabilities: (K,) float32, sum 1.

        Returns:
            (K,) float32, sum 1; a track's first probabilities as they are.
        """
        if self.seconds == 0:
            return probabilities
        self._forget(time)
        smoothed = probabilities
        if track_id in self._tracks:
            before, average = self._tracks[track_id]
            kept = exp(-max(0.0, time - before) / self.seconds)
            smoothed = (kept * average + (1 - kept) * probabilities).astype(np.float32)
        self._tracks[track_id] = (time, smoothed)
        return smoothed

    def _forget(self, time: float) -> None:
        """Drop the tracks that have ended."""
        oldest = time - _REMEMBERED * self.seconds
        self._tracks = {track: entry for track, entry in self._tracks.items() if entry[0] >= oldest}
