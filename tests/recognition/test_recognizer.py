"""The API: pictures of any kind in, typed faces out; the same probabilities as anywhere else."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from squares import picture

import mien
from mien.config.schema import DetectorConfig
from mien.detection import WholeImageDetector, crop_face, many
from mien.errors import ConfigError, DataError, DeviceError, RunFolderError
from mien.evaluation.predict import Predictor
from mien.labels import EXPRESSIONS
from mien.models.bundle import Bundle
from mien.recognition.recognizer import Recognizer


@pytest.fixture
def recognizer(opened, squares):
    return Recognizer(opened[0], squares, opened[1])


def test_three_lines(model):
    from mien import Recognizer

    recognizer = Recognizer.load(str(model), detector="whole_image")
    (face,) = recognizer(picture((10, 10)))
    assert isinstance(face, mien.RecognizedFace)
    assert face.box.tolist() == [0, 0, 80, 60]


def test_a_face_is_what_detector_and_classifier_say(recognizer, model):
    image = picture((10, 5), (50, 30))
    faces = recognizer(image)
    bundle = Bundle.load(model)
    boxes = np.float32([[10, 5, 22, 17], [50, 30, 62, 42]])
    nowhere = np.full((5, 2), np.nan, np.float32)
    expected = Predictor(bundle).faces([crop_face(image, box, nowhere, bundle.crop) for box in boxes])
    assert np.array_equal([face.box for face in faces], boxes)
    assert np.array_equal([face.probabilities for face in faces], expected)
    assert [face.label for face in faces] == [EXPRESSIONS.names[k] for k in expected.argmax(axis=1)]
    assert [face.probability for face in faces] == expected.max(axis=1).tolist()
    assert faces[0].landmarks[2].tolist() == [16, 11]
    assert faces[0].score == pytest.approx(image[5:17, 10:22].mean() / 255)


def test_no_face_is_an_empty_list(recognizer):
    assert recognizer(picture()) == []
    assert recognizer.many([]) == []


def test_many_pictures_of_unequal_sizes_are_as_each_alone(recognizer, squares, monkeypatch):
    images = [picture((3, 3)), picture(size=(9, 300)), picture((5, 5), (30, 5), (60, 40), size=(200, 100), seed=2)]
    alone = [recognizer(image) for image in images]
    squares.calls.clear()
    monkeypatch.setattr(many, "BATCH_CROPS", 3)  # cuts the third picture's faces in two batches
    together = recognizer.many(images)
    assert squares.calls == [3]
    assert [len(faces) for faces in together] == [1, 0, 3]
    for one, other in zip(alone, together, strict=True):
        for face, same in zip(one, other, strict=True):
            assert np.array_equal(face.box, same.box)
            assert np.allclose(face.probabilities, same.probabilities, atol=1e-6)


def test_arrays_images_and_paths_are_the_same(recognizer, tmp_path):
    image = picture((20, 20))
    PIL.Image.fromarray(image).save(tmp_path / "a.png")
    boxes = [
        recognizer(source)[0].probabilities
        for source in (image, PIL.Image.fromarray(image), tmp_path / "a.png", str(tmp_path / "a.png"))
    ]
    assert all(np.array_equal(boxes[0], other) for other in boxes)


def test_a_sideways_photo_is_turned_upright(recognizer, tmp_path):
    sideways = PIL.Image.fromarray(picture((40, 10), size=(80, 60)))
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise: (x, y) of 80 x 60 goes to (59 - y, x) of 60 x 80
    sideways.save(tmp_path / "a.png", exif=exif)
    with PIL.Image.open(tmp_path / "a.png") as picture_with_exif:
        for source in (tmp_path / "a.png", picture_with_exif):
            (face,) = recognizer(source)
            assert face.box.tolist() == [60 - 22, 40, 60 - 10, 52]


@pytest.mark.parametrize(("size", "side"), [((1, 1), 1), ((20_000, 10), 10), ((10, 20_000), 8), ((3, 2), 1)])
def test_tiny_and_narrow_pictures(recognizer, opened, size, side):
    faces = recognizer(picture((0, 0), size=size, side=side))
    assert len(faces) == (1 if side >= 6 else 0)
    (face,) = Recognizer(opened[0], WholeImageDetector(), opened[1])(picture(size=size))
    assert face.probabilities.sum() == pytest.approx(1)


def test_hundreds_of_faces_are_classified_in_bounded_batches(recognizer, monkeypatch):
    seen = []
    classify = recognizer.predictor.faces

    def faces(crops):
        seen.append(len(crops))
        return classify(crops)

    monkeypatch.setattr(recognizer.predictor, "faces", faces)
    image = picture(*((x, y) for x in range(4, 324, 16) for y in range(4, 324, 16)), size=(324, 324))
    assert len(recognizer(image)) == 400
    assert seen == [64] * 6 + [16]
    seen.clear()
    monkeypatch.setattr(many, "BATCH_BYTES", 3 * 14 * 14 * 3)
    recognizer(picture(*((x, 9) for x in range(4, 116, 16)), size=(120, 30)))
    assert seen == [3, 3, 1]  # of 14 x 14 pixels: side 12 and a fifth


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 4), np.uint8), 7],
)
def test_what_is_no_picture(recognizer, wrong):
    with pytest.raises(
        DataError, match=r"expected a picture as uint8 \(H, W, 3\) RGB array, Pillow image or path, got"
    ):
        recognizer(wrong)


def test_a_pillow_image_of_floats_is_refused(recognizer):
    with pytest.raises(DataError, match="floating-point pixels"):
        recognizer(PIL.Image.new("F", (8, 8)))


def test_what_cannot_be_loaded(model, tmp_path):
    with pytest.raises(RunFolderError, match=r"nowhere is not there; .* trains a first model into outputs/default"):
        Recognizer.load(tmp_path / "nowhere")
    with pytest.raises(RunFolderError, match="neither a bundle"):
        Recognizer.load(tmp_path)
    with pytest.raises(ConfigError, match="did you mean 'whole_image'"):
        Recognizer.load(model, "whole_imag")
    with pytest.raises(ConfigError, match=r"detector\.min_score"):
        Recognizer.load(model, DetectorConfig("whole_image", min_score=3))
    with pytest.raises(DeviceError, match="unknown device 'tpu9'"):
        Recognizer.load(model, "whole_image", "tpu9")
    with pytest.raises(DeviceError, match="PyTorch finds"):
        Recognizer.load(model, "whole_image", "cuda:99")


def test_importing_mien_loads_no_torch():
    code = "import sys, mien; assert 'torch' not in sys.modules; mien.Recognizer; assert 'torch' in sys.modules"
    env = os.environ | {"PYTHONPATH": str(Path(mien.__file__).parents[1])}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=env).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'Recogniser'"):
        mien.Recogniser  # noqa: B018
