"""Detectors on a real, public-domain photo and on pictures without a face."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from mien.config.schema import DetectorConfig
from mien.detection import DETECTORS, MtcnnDetector, WholeImageDetector, build_detector
from mien.endtoend.match import iou_matrix
from mien.errors import ConfigError


@pytest.fixture(scope="module")
def mtcnn():
    return MtcnnDetector()


def test_mtcnn_finds_the_astronaut(mtcnn):
    faces = mtcnn.detect(skimage.data.astronaut())
    assert len(faces) == 1
    expected = np.float32([[181, 62, 268, 172]])
    assert iou_matrix(faces.boxes, expected)[0, 0] > 0.95
    assert faces.scores[0] > 0.99
    assert {faces.boxes.dtype, faces.scores.dtype, faces.landmarks.dtype} == {np.dtype(np.float32)}
    left, top, right, bottom = faces.boxes[0]
    x, y = faces.landmarks[0].T
    assert ((left < x) & (x < right) & (top < y) & (y < bottom)).all()
    assert x[0] < x[1]  # the viewer's left eye first
    assert max(y[:2]) < y[2] < min(y[3:])  # eyes above nose above mouth


def test_mtcnn_gives_the_best_score_first(mtcnn):
    face = skimage.data.astronaut()[:250, 100:350]
    noise = np.random.default_rng(0).normal(0, 40, face.shape)
    worse = np.clip(face + noise, 0, 255).astype(np.uint8)
    faces = mtcnn.detect(np.hstack([worse, face]))
    assert len(faces) == 2
    assert faces.scores[0] >= faces.scores[1]


def test_mtcnn_settings_take_effect():
    image = skimage.data.astronaut()
    assert len(MtcnnDetector(min_score=1.0).detect(image)) == 0
    assert len(MtcnnDetector(min_face_size=300).detect(image)) == 0


@pytest.mark.parametrize("size", [(240, 320), (1, 1), (19, 400), (20, 20), (10, 2000), (2000, 10), (25, 2000)])
def test_mtcnn_without_a_face_gives_empty_arrays(mtcnn, size):
    faces = mtcnn.detect(np.full((*size, 3), 127, np.uint8))
    assert (faces.boxes.shape, faces.scores.shape, faces.landmarks.shape) == ((0, 4), (0,), (0, 5, 2))


def test_mtcnn_on_noise_does_not_crash(mtcnn):
    rng = np.random.default_rng(0)
    for size in [(50, 50), (33, 150), (150, 21), (120, 121)]:
        assert len(mtcnn.detect(rng.integers(0, 256, (*size, 3), dtype=np.uint8))) == 0


def test_whole_image_is_one_face():
    faces = WholeImageDetector().detect(np.zeros((30, 40, 3), np.uint8))
    assert faces.boxes.tolist() == [[0, 0, 40, 30]]
    assert faces.scores.tolist() == [1]
    assert np.isnan(faces.landmarks).all()


def test_every_registered_detector_is_built_and_bears_its_name():
    assert set(DETECTORS) == {"haar", "mtcnn", "whole_image"}
    for name in DETECTORS:
        assert build_detector(DetectorConfig(name=name)).name == name


def test_unknown_detector_names_the_nearest():
    with pytest.raises(ConfigError, match=r"detector.name=mtcn: unknown detector; did you mean 'mtcnn'\?"):
        build_detector(DetectorConfig(name="mtcn"))


def test_all_bad_settings_are_listed():
    wrong = DetectorConfig("mtcnnn", 90, 0, thresholds=[0.6, 0.7], factor=1, scale_factor=1, min_neighbors=-1)
    with pytest.raises(ConfigError, match="7 problems") as caught:
        build_detector(wrong)
    keys = ("name", "min_score", "min_face_size", "factor", "scale_factor", "min_neighbors", "thresholds")
    assert [re.split("[:=]", problem)[0] for problem in caught.value.problems] == [f"detector.{key}" for key in keys]


def test_importing_detection_loads_no_torch():
    code = "import sys, mien.detection; sys.exit(any(m in sys.modules for m in ('torch', 'facenet_pytorch', 'cv2')))"
    assert (
        subprocess.run([sys.executable, "-c", code], check=False, env=os.environ | {"PYTHONPATH": _path()}).returncode
        == 0
    )


def _path():
    import mien

    return str(Path(mien.__file__).parents[1])
