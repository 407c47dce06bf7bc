"""OpenCV's Haar cascade (Viola and Jones 2001, doi:10.1109/CVPR.2001.990517) for frontal faces."""

from pathlib import Path
from types import ModuleType

import numpy as np

from mien.errors import ConfigError
from mien.types import Faces, Image

_CASCADE = "haarcascade_frontalface_default.xml"


class HaarDetector:
    """Frontal faces, without landmarks, by a boosted cascade over an image pyramid.

    The defaults are those of study B. The cascade gives no probability: a face's score is ``n / (n + 1)`` for n
    overlapping finds, of which a face needs more than ``min_neighbors``. It orders the faces, and 0.9 means nine finds.

    Args:
        min_face_size: Smallest face in pixels.
        min_score: Faces with a lower score are dropped, 0..1; 0 keeps all, as study B does.
        scale_factor: Each level of the pyramid is this much smaller than the one before.
        min_neighbors: Overlapping finds that do not make a face yet.

    Raises:
        ConfigError: OpenCV is not installed.
    """

    name = "haar"

    def __init__(
        self, min_face_size: int = 20, min_score: float = 0.0, scale_factor: float = 1.1, min_neighbors: int = 3
    ) -> None:
        self._cv2 = _opencv()
        path = Path(self._cv2.data.haarcascades) / _CASCADE
        self._cascade = self._cv2.CascadeClassifier(str(path))
        self.min_face_size, self.min_score = min_face_size, min_score
        self.scale_factor, self.min_neighbors = scale_factor, min_neighbors

    def detect(self, image: Image) -> Faces:
        """The faces of one picture, best first.

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            Square boxes of whole pixels within the picture; landmarks are NaN.
        """
        # detectMultiScale3 has other scores, but does not hold min_neighbors against the number of finds.
        found, counts = self._cascade.detectMultiScale2(
            self._cv2.cvtColor(image, self._cv2.COLOR_RGB2GRAY),
            scaleFactor=self.scale_factor,
            minNeighbors=self.min_neighbors,
            minSize=(self.min_face_size, self.min_face_size),
        )
        if not len(found):
            return Faces.none()
        scores = (counts / (counts + 1)).astype(np.float32)
        best_first = np.argsort(-scores, kind="stable")
        kept = best_first[scores[best_first] >= self.min_score]
        left, top, width, height = found[kept].astype(np.float32).T
        boxes = np.stack([left, top, left + width, top + height], axis=1)
        return Faces(boxes, scores[kept], np.full((len(kept), 5, 2), np.nan, np.float32))


def _opencv() -> ModuleType:
    try:
        import cv2  # optional: most experiments do without
    except ImportError as error:
        advice = 'pip install "opencv-python-headless<5"'
        raise ConfigError([f"detector.name=haar needs OpenCV, which cannot be imported ({error}): {advice}"]) from error
    return cv2
