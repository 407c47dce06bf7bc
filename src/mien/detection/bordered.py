"""A border around pictures for detectors that are at a loss where a face runs over the picture's edge."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import PIL.Image

from mien.detection.many import detect_many
from mien.detection.whole_image import WholeImageDetector
from mien.types import CropRule, FaceDetector, Faces, Image

GRAY = 127


@dataclass(frozen=True)
class Bordered:
    """Another detector, which is shown pictures with a gray border, and enlarged where they are small.

    MTCNN's networks learned from faces with their surroundings. Of a face that fills its picture they put box and
    landmarks far off: on 300 training images of micro_expressions by 28 % of the distance between the eyes (median;
    15 % on fer2013), against 3 % with a border of a quarter of the side (``bench/border.py``).

    Attributes:
        detector: The other detector.
        border: Width on each side, as a share of the picture's shorter side.
        shorter: Pictures whose shorter side has fewer pixels are enlarged to that, as far as ``longer`` allows.
        longer: Most pixels of the longer side of an enlarged picture.
    """

    detector: FaceDetector
    border: float = 0.25
    shorter: int = 120
    longer: int = 640

    @property
    def name(self) -> str:
        """That of the other detector."""
        return self.detector.name

    def detect(self, image: Image) -> Faces:
        """The faces of one (H, W, 3) uint8 RGB picture in its own pixels, best first."""
        return self.detect_many([image])[0]

    def detect_many(self, images: Sequence[Image]) -> list[Faces]:
        """As :meth:`detect`, for several pictures of any sizes."""
        found = detect_many(self.detector, [self._shown(image) for image in images])
        return [self._back(faces, image) for faces, image in zip(found, images, strict=True)]

    def _scale(self, image: Image) -> float:
        sides: tuple[int, ...] = image.shape[:2]
        return max(1.0, min(self.shorter / min(sides), self.longer / max(sides)))

    def _width(self, image: Image) -> int:
        """Of the border, in pixels of the enlarged picture."""
        sides: tuple[int, ...] = image.shape[:2]
        return round(self.border * self._scale(image) * min(sides))

    def _shown(self, image: Image) -> Image:
        scale, width = self._scale(image), self._width(image)
        if scale > 1:
            size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
            image = np.asarray(PIL.Image.fromarray(image).resize(size, PIL.Image.Resampling.BICUBIC))
        return np.pad(image, ((width, width), (width, width), (0, 0)), constant_values=GRAY)

    def _back(self, faces: Faces, image: Image) -> Faces:
        scale, width = np.float32(self._scale(image)), np.float32(self._width(image))
        return Faces((faces.boxes - width) / scale, faces.scores, (faces.landmarks - width) / scale)


def as_ruled(detector: FaceDetector, rule: CropRule) -> FaceDetector:
    """The detector that sees photos as a model's crop rule asks: with its border, if there is one.

    The whole picture as a face has nothing to search, and stays as it is.
    """
    if not rule.border or isinstance(detector, WholeImageDetector):
        return detector
    return Bordered(detector, rule.border)
