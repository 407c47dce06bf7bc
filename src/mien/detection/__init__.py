"""Finding faces in whole photos: detectors by name, and the crop that follows. Importing it loads no torch."""

from collections.abc import Callable

from mien.config.schema import DetectorConfig
from mien.detection.crop import crop_face
from mien.detection.mtcnn import MtcnnDetector
from mien.detection.whole_image import WholeImageDetector
from mien.errors import ConfigError, nearest
from mien.types import FaceDetector

__all__ = ["DETECTORS", "MtcnnDetector", "WholeImageDetector", "build_detector", "crop_face"]


def _mtcnn(config: DetectorConfig, device: str) -> FaceDetector:
    return MtcnnDetector(min_face_size=config.min_face_size, min_score=config.min_score, device=device)


def _whole_image(config: DetectorConfig, device: str) -> FaceDetector:
    del config, device  # it has no settings and computes nothing
    return WholeImageDetector()


DETECTORS: dict[str, Callable[[DetectorConfig, str], FaceDetector]] = {"mtcnn": _mtcnn, "whole_image": _whole_image}
"""The detectors by their name in the config."""


def build_detector(config: DetectorConfig, device: str = "cpu") -> FaceDetector:
    """The detector that the config names.

    Args:
        config: Name and settings.
        device: Where its networks run, in torch's spelling: ``cpu``, ``cuda``, ``cuda:1``.

    Raises:
        ConfigError: The name is unknown, or a setting is out of range; all problems at once.
    """
    problems = []
    if config.name not in DETECTORS:
        problems.append(f"detector.name={config.name}: unknown detector; {nearest(config.name, DETECTORS)}")
    if not 0 <= config.min_score <= 1:
        problems.append(f"detector.min_score={config.min_score}: expected a score in 0..1")
    if config.min_face_size < 1:
        problems.append(f"detector.min_face_size={config.min_face_size}: expected at least 1 pixel")
    if not config.margin > -1:
        problems.append(f"detector.margin={config.margin}: expected more than -1 (0: the box itself, 0.2: 20 % larger)")
    if problems:
        raise ConfigError(problems)
    return DETECTORS[config.name](config, device)
