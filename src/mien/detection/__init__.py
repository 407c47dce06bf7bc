"""Finding faces in whole photos: detectors by name, and the crop that follows. Importing it loads no torch."""

from collections.abc import Callable

from mien.config.check_images import detector_problems
from mien.config.schema import DetectorConfig
from mien.detection.bordered import Bordered, as_ruled
from mien.detection.crop import crop_face, crop_rule
from mien.detection.haar import HaarDetector
from mien.detection.many import detect_many, enough
from mien.detection.mtcnn import MtcnnDetector
from mien.detection.whole_image import WholeImageDetector
from mien.errors import ConfigError, nearest
from mien.types import FaceDetector

__all__ = [
    "DETECTORS",
    "Bordered",
    "HaarDetector",
    "MtcnnDetector",
    "WholeImageDetector",
    "as_ruled",
    "build_detector",
    "crop_face",
    "crop_rule",
    "detect_many",
    "enough",
]


def _mtcnn(config: DetectorConfig, device: str) -> FaceDetector:
    least = 0.9 if config.min_score is None else config.min_score
    return MtcnnDetector(config.min_face_size, least, config.thresholds, config.factor, device)


def _haar(config: DetectorConfig, device: str) -> FaceDetector:
    del device  # OpenCV's cascade runs on the CPU
    least = 0.0 if config.min_score is None else config.min_score
    return HaarDetector(config.min_face_size, least, config.scale_factor, config.min_neighbors)


def _whole_image(config: DetectorConfig, device: str) -> FaceDetector:
    del config, device  # it has no settings and computes nothing
    return WholeImageDetector()


DETECTORS: dict[str, Callable[[DetectorConfig, str], FaceDetector]] = {
    "haar": _haar,
    "mtcnn": _mtcnn,
    "whole_image": _whole_image,
}
"""The detectors by their name in the config."""


def build_detector(config: DetectorConfig, device: str = "cpu") -> FaceDetector:
    """The detector that the config names.

    Args:
        config: Name and settings.
        device: Where its networks run, in torch's spelling: ``cpu``, ``cuda``, ``cuda:1``.

    Raises:
        ConfigError: The name is unknown, or a setting is out of range; all problems at once.
    """
    problems = list(detector_problems(config))
    if config.name not in DETECTORS:
        problems.insert(0, f"detector.name={config.name}: unknown detector; {nearest(config.name, DETECTORS)}")
    if problems:
        raise ConfigError(problems)
    return DETECTORS[config.name](config, device)
