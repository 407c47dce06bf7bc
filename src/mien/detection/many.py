"""Several pictures at a time, whatever the detector."""

from collections.abc import Callable, Sequence

from mien.types import FaceDetector, Faces, Image


def detect_many(detector: FaceDetector, images: Sequence[Image]) -> list[Faces]:
    """The faces of several pictures of any sizes: together, where the detector can do that, else one by one.

    Args:
        detector: Any detector; one with a method of this name is asked for all at once.
        images: Each (H, W, 3) uint8 RGB.
    """
    together: Callable[[Sequence[Image]], list[Faces]] | None = getattr(detector, "detect_many", None)
    return [detector.detect(image) for image in images] if together is None else together(images)
