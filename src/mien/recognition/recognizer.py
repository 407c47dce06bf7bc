"""A trained model put to work on pictures: find the faces, cut them out, name their expressions."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from mien.config.schema import DetectorConfig
from mien.data.readers import load_image, to_array
from mien.detection import as_ruled, build_detector, crop_face, detect_many, enough
from mien.errors import DataError, DeviceError, RunFolderError
from mien.evaluation.predict import Predictor
from mien.files import user_path
from mien.labels import LabelSet
from mien.models.bundle import Bundle, find_bundle
from mien.recognition.faces import RecognizedFace, named
from mien.types import CropRule, FaceDetector, Faces, Image

Picture = Image | PIL.Image.Image | Path | str
"""(H, W, 3) uint8 RGB, a Pillow image, or the path of an image file."""


class Recognizer:
    """Finds the faces of pictures and names their expressions.

    Args:
        predictor: The classifier.
        detector: Finds the faces.
        crop: How they are cut out; the model's own rule.

    Examples:
        >>> recognizer = Recognizer.load("outputs/default")  # doctest: +SKIP
        >>> [(face.label, face.probability) for face in recognizer("photo.jpg")]  # doctest: +SKIP
        [('happiness', 0.93), ('neutral', 0.71)]
    """

    def __init__(self, predictor: Predictor, detector: FaceDetector, crop: CropRule) -> None:
        self.predictor, self.detector, self.crop = predictor, as_ruled(detector, crop), crop

    @classmethod
    def load(cls, model: str | Path, detector: str | DetectorConfig = "mtcnn", device: str = "auto") -> "Recognizer":
        """Open a trained model.

        Args:
            model: A run folder or a bundle.
            detector: ``mtcnn``, ``haar``, ``whole_image`` (pictures that are faces already), or a whole config.
            device: ``auto`` (a GPU where there is one), ``cpu``, ``gpu``, or torch's spelling, such as ``cuda:1``.

        Raises:
            RunFolderError: There is no bundle, or one of another schema.
            WeightsError: Its weights do not fit its network.
            ConfigError: The detector is unknown, or a setting of it is out of range.
            DeviceError: The device is not there.
        """
        chosen = find_device(device)
        bundle = Bundle.load(find_model(model))
        config = DetectorConfig(detector) if isinstance(detector, str) else detector
        return cls(Predictor(bundle, chosen), build_detector(config, chosen), bundle.crop)

    @property
    def labels(self) -> LabelSet:
        """The classes, in the order of all probabilities."""
        return self.predictor.labels

    def __call__(self, image: Picture) -> list[RecognizedFace]:
        """The faces of one picture, best detection first; an empty list where there is none.

        Raises:
            DataError: The file cannot be read, or this is no (H, W, 3) uint8 RGB array.
        """
        return self.many([image])[0]

    def many(self, images: Sequence[Picture]) -> list[list[RecognizedFace]]:
        """The faces of several pictures of any sizes, found and classified in batches.

        All pictures are held at once: pass long lists in parts.

        Raises:
            DataError: As for one.
        """
        pictures = [as_image(image) for image in images]
        found = self.detect(pictures)
        probabilities = self.classify(pictures, found)
        return [named(faces, rows, self.labels) for faces, rows in zip(found, probabilities, strict=True)]

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """The faces of several pictures, without their expressions."""
        return detect_many(self.detector, images) if images else []

    def classify(self, images: Sequence[Image], found: Sequence[Faces]) -> list[NDArray[np.float32]]:
        """The probabilities, (N, K) a picture, of the faces found in it.

        A face's result does not depend on the others.
        """
        crops: list[Image] = []
        rows = [np.zeros((0, len(self.labels)), np.float32)]
        for crop in self._crops(images, found):
            crops.append(crop)
            if enough(crops):
                rows.append(self.predictor.faces(crops))
                crops.clear()
        rows.append(self.predictor.faces(crops))
        ends = np.cumsum([len(faces) for faces in found])
        return np.split(np.concatenate(rows), ends[:-1]) if len(found) else []

    def _crops(self, images: Sequence[Image], found: Sequence[Faces]) -> Iterator[Image]:
        for image, faces in zip(images, found, strict=True):
            for box, landmarks in zip(faces.boxes, faces.landmarks, strict=True):
                yield crop_face(image, box, landmarks, self.crop)


def find_model(model: str | Path) -> Path:
    """The bundle's folder.

    Raises:
        RunFolderError: There is none.
    """
    path = user_path(model)
    if not path.exists():
        raise RunFolderError(
            f"model={path} is not there; expected a run folder or a bundle. "
            "`python train.py` trains a first model into outputs/default"
        )
    return find_bundle(path)


def find_device(name: str) -> str:
    """A device in torch's spelling.

    Args:
        name: ``auto``, ``cpu``, ``gpu``, or torch's spelling already.

    Raises:
        DeviceError: This machine does not have it.
    """
    import torch

    gpus = torch.cuda.device_count()
    if name == "auto":
        return "cuda" if gpus else "cpu"
    wanted = "cuda" if name == "gpu" else name
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise DeviceError(f"unknown device {name!r}; expected auto, cpu, gpu or torch's spelling: {error}") from error
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise DeviceError(f"device {name!r}: PyTorch finds {gpus} GPU(s) here; use cpu or auto")
    return wanted


def as_image(picture: Picture) -> Image:
    """Any picture as (H, W, 3) uint8 RGB, upright.

    Raises:
        DataError: The file cannot be read, or this is no such array.
    """
    if isinstance(picture, str | Path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)  # from 89 megapixels on
            return load_image(user_path(picture))
    if isinstance(picture, PIL.Image.Image):
        return to_array(picture)
    if (
        not isinstance(picture, np.ndarray)
        or picture.dtype != np.uint8
        or picture.ndim != 3
        or picture.shape[2] != 3
        or not picture.size
    ):
        got = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
        raise DataError(f"expected a picture as uint8 (H, W, 3) RGB array, Pillow image or path, got {got}")
    return picture
