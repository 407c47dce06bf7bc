"""A tiny model of random weights, and a detector whose finds are known: white squares on black."""

from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
import scipy.ndimage
import torch
from squares import picture

from mien.config.recognize import RecognizeConfig
from mien.config.schema import BackboneConfig, DetectorConfig, HeadConfig
from mien.detection import DETECTORS, build_detector
from mien.evaluation.predict import Predictor
from mien.labels import EXPRESSIONS
from mien.models.bundle import Bundle
from mien.models.factory import build_classifier, input_spec
from mien.recognition.recognizer import Recognizer
from mien.recognition.run import recognize
from mien.recognition.sources import find_sources
from mien.types import CropRule, Faces

SHARES = np.float32([[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.35, 0.8], [0.65, 0.8]])
"""Where a square's landmarks are, as shares of its width and height."""


class SquareDetector:
    """Finds squares of at least 6 pixels that are brighter than half; the score is their brightness.

    Attributes:
        calls: Number of pictures of each call.
    """

    name = "squares"

    def __init__(self):
        self.calls = []

    def detect(self, image):
        return self.detect_many([image])[0]

    def detect_many(self, images):
        self.calls.append(len(images))
        return [self._detect(image) for image in images]

    def _detect(self, image):
        parts, _ = scipy.ndimage.label(image.min(axis=2) > 127)
        spans = [(y, x) for y, x in scipy.ndimage.find_objects(parts) if min(y.stop - y.start, x.stop - x.start) >= 6]
        if not spans:
            return Faces.none()
        boxes = np.float32([(x.start, y.start, x.stop, y.stop) for y, x in spans])
        scores = np.float32([image[y, x].mean() / 255 for y, x in spans])
        sides = boxes[:, None, 2:] - boxes[:, None, :2]
        return Faces(boxes, scores, boxes[:, None, :2] + SHARES * sides)


@pytest.fixture
def squares(monkeypatch):
    """The detector ``squares``, known by its name."""
    detector = SquareDetector()
    monkeypatch.setitem(DETECTORS, "squares", lambda config, device: detector)
    return detector


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """The folder of a run with a bundle."""
    torch.manual_seed(3)
    backbone, head = BackboneConfig("small_cnn", image_size=16), HeadConfig("auto")
    classifier = build_classifier(backbone, head, 7)
    classifier(20 * torch.randn(8, 3, 16, 16))  # moves the batch norms off their start
    folder = tmp_path_factory.mktemp("model")
    Bundle(classifier.eval(), EXPRESSIONS, input_spec(backbone), backbone, head, CropRule(0.2)).save(folder)
    return folder


@pytest.fixture(scope="session")
def opened(model):
    """The model's predictor and crop rule, opened once for all: that takes longer than most tests."""
    bundle = Bundle.load(model)
    return Predictor(bundle), bundle.crop


@pytest.fixture
def start(model, opened, squares, tmp_path, monkeypatch):
    """Runs a recognition of ``source`` into tmp_path/results."""

    def load(cls, bundle, detector, device):
        return cls(opened[0], build_detector(detector), opened[1])

    monkeypatch.setattr(Recognizer, "load", classmethod(load))

    def begin(source, **changes):
        config = RecognizeConfig(str(model), str(source), DetectorConfig("squares"), accelerator="cpu")
        config = replace(config, **changes)
        folder = tmp_path / "results"
        return recognize(config, find_sources(config.source, config.recursive, folder), folder, "python recognize.py")

    return begin


@pytest.fixture
def album(tmp_path):
    """Three photos with 1, 0 and 2 faces, a text, and a file that is no image."""
    root = tmp_path / "album"
    (root / "sub").mkdir(parents=True)
    PIL.Image.fromarray(picture((10, 20))).save(root / "a.png")
    PIL.Image.fromarray(picture()).save(root / "b.jpg")
    PIL.Image.fromarray(picture((40, 5), (5, 40), size=(90, 70), seed=1)).save(root / "sub" / "c.bmp")
    (root / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    (root / "notes.txt").write_text("x")
    return root
