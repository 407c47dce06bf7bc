"""OpenCV's cascade behind the detectors' protocol."""

import sys

import cv2
import numpy as np
import pytest
import skimage.data

from mien.config.schema import DetectorConfig
from mien.detection import HaarDetector, MtcnnDetector, build_detector
from mien.endtoend.match import iou_matrix
from mien.errors import ConfigError
from tiny import composed


def opencv_alone(image):
    """Study B's call, on a gray picture."""
    cascade = cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_frontalface_default.xml")
    return cascade.detectMultiScale(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), 1.1, 3, minSize=(20, 20))


@pytest.fixture(scope="module")
def image():
    """The astronaut in two sizes: finds of 35, 9 and 5 windows."""
    face = skimage.data.astronaut()
    return np.hstack([np.pad(face[::3, ::3], ((0, 341), (0, 0), (0, 0)), mode="edge"), face])


def test_it_finds_what_opencv_finds_with_study_bs_settings(image):
    faces = HaarDetector().detect(image)
    expected = [[x, y, x + w, y + h] for x, y, w, h in opencv_alone(image).tolist()]
    assert len(expected) > 1
    assert sorted(faces.boxes.tolist()) == sorted(expected)
    assert (faces.boxes.dtype, faces.scores.dtype, faces.landmarks.dtype) == (np.float32,) * 3
    assert np.isnan(faces.landmarks).all()


def test_the_best_comes_first_and_is_the_face(image):
    faces = HaarDetector().detect(image)
    assert (np.diff(faces.scores) <= 0).all()
    assert iou_matrix(faces.boxes[:1], MtcnnDetector().detect(image).boxes)[0, 0] > 0.5
    assert np.allclose(faces.scores, [35 / 36, 9 / 10, 5 / 6])


def test_settings_take_effect(image):
    all_faces = HaarDetector().detect(image)
    some = HaarDetector(min_score=0.89).detect(image)
    assert (len(some), len(all_faces)) == (2, 3)
    assert np.array_equal(some.boxes, all_faces.boxes[:2])
    assert len(HaarDetector(min_face_size=400).detect(image)) == 0
    assert len(HaarDetector(min_neighbors=1).detect(image)) > len(all_faces)
    other = HaarDetector(scale_factor=1.5).detect(image)
    assert sorted(other.boxes.tolist()) != sorted(all_faces.boxes.tolist())


def test_its_config_file_is_study_bs():
    config = composed("detector=haar").detector
    assert config == DetectorConfig("haar")  # what Recognizer.load takes
    detector = build_detector(config)
    assert (detector.scale_factor, detector.min_neighbors, detector.min_face_size) == (1.1, 3, 20)
    assert detector.min_score == 0


@pytest.mark.parametrize("size", [(240, 320), (1, 1), (19, 400), (20, 20), (10, 2000)])
def test_without_a_face_it_gives_empty_arrays(size):
    faces = HaarDetector().detect(np.full((*size, 3), 127, np.uint8))
    assert (faces.boxes.shape, faces.scores.shape, faces.landmarks.shape) == ((0, 4), (0,), (0, 5, 2))


def test_without_opencv_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ConfigError, match=r'detector.name=haar needs OpenCV.*pip install "opencv-python-headless<5"'):
        build_detector(DetectorConfig("haar"))
