"""Training on detected faces, from config to bundle; and one way from a face to its probabilities."""

from dataclasses import replace

import numpy as np
import pandas as pd
import PIL.Image
import pytest
import skimage.data
import torch

from mien.config.evaluate import EvaluateConfig
from mien.config.schema import (
    BackboneConfig,
    CropConfig,
    DatasetConfig,
    DetectorConfig,
    DrawnConfig,
    HeadConfig,
    ScenesConfig,
    TrainerConfig,
)
from mien.data.decode import Decoder
from mien.data.readers import FileReader
from mien.data.source import Part
from mien.detection import MtcnnDetector, crop_face
from mien.detection.face_reader import FaceFinder
from mien.endtoend import run_end_to_end
from mien.errors import ConfigError
from mien.evaluation.evaluate import evaluate
from mien.evaluation.predict import Predictor
from mien.labels import EXPRESSIONS
from mien.models.bundle import Bundle
from mien.models.factory import build_classifier, input_spec
from mien.pipeline import evaluate_model, run
from mien.types import CropRule, Scene, SplitName
from tiny import small_config

ALIGNED = CropRule(0.1, align=True, edge="repeat")


def settings(tmp_path, **dataset):
    data = DatasetConfig("drawn_faces", batch_size=8, drawn=DrawnConfig(28, 14, 14, size=64), **dataset)
    return small_config(
        dataset=replace(data, faces="detected", cache=str(tmp_path / "cache")),
        crop=CropConfig(0.1, True, "repeat"),
        trainer=TrainerConfig(max_epochs=1, accelerator="cpu"),
        scenes=ScenesConfig("drawn", count=2),
    )


def asked(tmp_path, config):
    """An evaluation of the run on its own data."""
    return EvaluateConfig(
        run=str(tmp_path / "run"),
        dataset=config.dataset,
        detector=config.detector,
        scenes=ScenesConfig("none"),
        accelerator="cpu",
    )


def test_a_model_trains_on_detected_faces(tmp_path, caplog):
    config = settings(tmp_path)
    with caplog.at_level("INFO", "mien"):
        result = run(config, tmp_path / "run")
    for split, count in (("train", 28), ("validation", 14), ("test", 14)):
        assert f"of {count} images; the others are taken whole" in caplog.text.split(f"{split}: a face was found in")[1]
    bundle = Bundle.load(tmp_path / "run")
    assert bundle.crop == ALIGNED
    evaluation = asked(tmp_path, config)
    assert evaluate_model(evaluation, tmp_path / "again").test == result.test
    given = replace(evaluation, dataset=replace(config.dataset, faces="given"))
    evaluate_model(given, tmp_path / "given")
    tables = [pd.read_parquet(tmp_path / folder / "predictions.parquet") for folder in ("run", "again", "given")]
    assert [table["key"].tolist() for table in tables] == [tables[0]["key"].tolist()] * 3
    probabilities = [table.filter(like="p_").to_numpy() for table in tables]
    assert np.array_equal(probabilities[0], probabilities[1])
    assert not np.allclose(probabilities[0], probabilities[2], atol=1e-4)


def test_study_as_bundle_is_not_scored_on_detected_faces(tmp_path):
    config = replace(settings(tmp_path), crop=CropConfig(preprocess="study_a"))
    given = replace(config, dataset=replace(config.dataset, faces="given"), scenes=ScenesConfig("none"))
    run(given, tmp_path / "run")
    assert Bundle.load(tmp_path / "run").crop == CropRule(preprocess="study_a")
    with pytest.raises(ConfigError, match=r"dataset.faces=detected: the model has crop.preprocess=study_a; use given"):
        evaluate_model(asked(tmp_path, config), tmp_path / "again")


@pytest.fixture(scope="module")
def bundle():
    torch.manual_seed(0)
    config = BackboneConfig("small_cnn", image_size=48)
    classifier = build_classifier(config, HeadConfig("auto"), 7).eval()
    with torch.no_grad():
        classifier.head[-1].weight *= 300  # an untrained network hardly tells images apart
    return Bundle(classifier, EXPRESSIONS, input_spec(config), config, HeadConfig("auto"), ALIGNED)


@pytest.fixture(scope="module")
def photos():
    """The astronaut upright and tilted."""
    photo = PIL.Image.fromarray(skimage.data.astronaut()[:360, 40:420])
    return [np.asarray(photo.rotate(angle, PIL.Image.Resampling.BICUBIC)) for angle in (0, 20, -15)]


class Photos:
    name, labels, tight = "photos", EXPRESSIONS, True

    def __init__(self, photos):
        self.photos = photos

    def __len__(self):
        return len(self.photos)

    def __iter__(self):
        return (Scene(str(n), photo, np.array([3])) for n, photo in enumerate(self.photos))


def test_an_aligned_face_has_the_same_probabilities_wherever_it_is_classified(bundle, photos, tmp_path):
    detector = MtcnnDetector()
    finder = FaceFinder(detector, DetectorConfig("mtcnn"))
    for n, photo in enumerate(photos):
        PIL.Image.fromarray(photo).save(tmp_path / f"{n}.png")
    reader = FileReader(tmp_path, [f"{n}.png" for n in range(len(photos))])
    found = finder.find(reader, ALIGNED.border)
    # Here both are given the faces that training found; that they see the same is tested below.
    predictor = Predictor(bundle)
    crops = [
        crop_face(photo, row[:4], row[4:].reshape(5, 2), ALIGNED) for photo, row in zip(photos, found, strict=True)
    ]
    alone = np.concatenate([predictor.faces([crop]) for crop in crops])
    assert np.allclose(predictor.faces(crops), alone, atol=1e-5)
    parts = finder.cut_out({SplitName.TEST: Part(reader, np.full(len(photos), 3))}, ALIGNED)
    decoded = Decoder(bundle.spec).decode(parts[SplitName.TEST])
    trained = evaluate(decoded, EXPRESSIONS, predictor).predictions.filter(like="p_").to_numpy()
    assert np.allclose(trained, alone, atol=1e-5)

    def detected(image):
        faces = detector.detect(image)
        row = next(row for photo, row in zip(photos, found, strict=True) if photo is image)
        return replace(faces, boxes=row[None, :4], scores=faces.scores[:1], landmarks=row[None, 4:].reshape(1, 5, 2))

    stage = type("Detector", (), {"name": "found", "detect": staticmethod(detected)})()
    records = run_end_to_end(Photos(photos), stage, predictor.faces, EXPRESSIONS, bundle.crop).faces
    assert np.allclose([face.probabilities for face in records], alone, atol=1e-5)
    assert np.abs(alone[0] - alone[1]).max() > 1e-2  # the photos are no copies of each other


def test_alignment_undoes_a_tilt(bundle, photos):
    detector, levels = MtcnnDetector(), []
    for photo in photos:
        faces = detector.detect(photo)
        crop = crop_face(photo, faces.boxes[0], faces.landmarks[0], ALIGNED)
        eyes = detector.detect(np.pad(crop, ((40, 40), (40, 40), (0, 0)), mode="edge")).landmarks[0][:2]
        levels.append(np.degrees(np.arctan2(*(eyes[1] - eyes[0])[::-1])))
    assert np.abs(levels).max() < 5
