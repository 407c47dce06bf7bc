"""Several pictures at a time, whatever the detector, and several crops."""

from collections.abc import Callable, Collection, Sequence

from mien.types import FaceDetector, Faces, Image

BATCH_CROPS = 64
BATCH_BYTES = 64 * 2**20
"""Crops wait until either is reached, so that close-ups from large photos do not fill the memory."""


def detect_many(detector: FaceDetector, images: Sequence[Image]) -> list[Faces]:
    """The faces of several pictures of any sizes: together, where the detector can do that, else one by one.

    Args:
        detector: Any detector; one with a method of this name is asked for all at once.
        images: Each (H, W, 3) uint8 RGB.
    """
    together: Callable[[Sequence[Image]], list[Faces]] | None = getattr(detector, "detect_many", None)
    return [detector.detect(image) for image in images] if together is None else together(images)


def enough(crops: Collection[Image]) -> bool:
    """Whether the crops that wait are to be classified now, all together."""
    return len(crops) >= BATCH_CROPS or sum(crop.nbytes for crop in crops) >= BATCH_BYTES
