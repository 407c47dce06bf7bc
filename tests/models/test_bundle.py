"""A bundle gives back the model that was saved, and refuses what it is not."""

import json
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
import torch
from torchvision.transforms.functional import ten_crop

from mien.config.schema import BackboneConfig, HeadConfig
from mien.data.prepare import prepare
from mien.errors import RunFolderError, WeightsError
from mien.evaluation.predict import Predictor
from mien.labels import EXPRESSIONS
from mien.models.bundle import Bundle
from mien.models.factory import build_classifier, input_spec
from mien.models.normalise import Normalise
from mien.models.views import Views
from mien.types import CropRule

CONFIG = BackboneConfig("small_cnn", image_size=32)
RULE = CropRule(0.2, True, "repeat")
IMAGES = np.random.default_rng(0).integers(0, 256, (9, 3, 32, 32), np.uint8)


@pytest.fixture
def bundle():
    torch.manual_seed(0)
    classifier = build_classifier(CONFIG, HeadConfig("auto"), 7)
    classifier(torch.randn(8, 3, 32, 32))  # moves the batch norms off their start
    return Bundle(classifier.eval(), EXPRESSIONS, input_spec(CONFIG), CONFIG, HeadConfig("auto"), RULE)


def test_saved_and_loaded_it_predicts_the_same(tmp_path, bundle):
    bundle.save(tmp_path)
    for path in (tmp_path, tmp_path / "bundle"):
        loaded = Bundle.load(path)
        assert (loaded.labels, loaded.spec, loaded.crop) == (bundle.labels, bundle.spec, bundle.crop)
        assert np.array_equal(Predictor(loaded).arrays(IMAGES), Predictor(bundle).arrays(IMAGES))


def test_saving_again_replaces_the_whole(tmp_path, bundle):
    bundle.save(tmp_path)
    bundle.save(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["bundle", "model.json", "model.safetensors"]


def test_a_result_does_not_depend_on_the_batch(bundle):
    predictor = Predictor(bundle)
    together = predictor.arrays(IMAGES)
    order = np.random.default_rng(1).permutation(9)
    assert np.allclose(together[order], predictor.arrays(IMAGES[order]), atol=1e-6)
    alone = np.concatenate([predictor.arrays(IMAGES[i : i + 1]) for i in range(9)])
    assert np.allclose(together, alone, atol=1e-6)


def test_flip_averaging_is_the_same_for_mirror_images(bundle):
    predictor = Predictor(replace(bundle, flip_average=True))
    assert np.allclose(predictor.arrays(IMAGES), predictor.arrays(IMAGES[..., ::-1].copy()), atol=1e-6)


LARGER = np.random.default_rng(0).integers(0, 256, (9, 3, 40, 40), np.uint8)


def test_ten_crops_are_the_mean_over_torchvisions(bundle):
    bundle.classifier.head[-1].weight.data *= 100  # so that the crops differ in their probabilities
    found = Predictor(replace(bundle, ten_crop=40)).arrays(LARGER)
    normalise = Normalise(bundle.spec)
    with torch.no_grad():
        crops = [bundle.classifier(normalise(crop)) for crop in ten_crop(torch.from_numpy(LARGER), [32, 32])]
    expected = torch.stack([logits.softmax(1) for logits in crops]).mean(0)
    assert np.allclose(found, expected.numpy(), atol=1e-6)
    assert not np.allclose(found, torch.stack(crops).mean(0).softmax(1).numpy(), atol=1e-3)


def test_ten_crops_do_not_depend_on_the_batch_nor_on_a_mirror(bundle):
    predictor = Predictor(replace(bundle, ten_crop=40))
    together = predictor.arrays(LARGER)
    alone = np.concatenate([predictor.arrays(LARGER[i : i + 1]) for i in range(9)])
    assert np.allclose(together, alone, atol=1e-6)
    assert np.allclose(together, predictor.arrays(LARGER[..., ::-1].copy()), atol=1e-6)


def test_for_ten_crops_photos_and_faces_are_prepared_larger(bundle):
    predictor = Predictor(replace(bundle, ten_crop=40))
    photos = [np.kron(image.transpose(1, 2, 0), np.ones((2, 2, 1), np.uint8)) for image in LARGER]
    prepared = np.stack([prepare(photo, 40, 3) for photo in photos])
    assert np.array_equal(predictor.images(photos), predictor.arrays(prepared))
    assert np.array_equal(predictor.faces(photos), predictor.arrays(prepared))


def test_test_time_augmentation_is_saved_and_older_bundles_have_no_ten_crops(tmp_path, bundle):
    folder = replace(bundle, flip_average=True, ten_crop=40).save(tmp_path)
    assert Bundle.load(tmp_path).views == Views(32, flip=True, ten_crop=40)
    facts = json.loads((folder / "model.json").read_text())
    del facts["ten_crop"]
    (folder / "model.json").write_text(json.dumps(facts))
    assert Bundle.load(tmp_path).views == Views(32, flip=True)


def test_photos_of_any_size_go_the_same_way_as_prepared_ones(bundle):
    photos = [image.transpose(1, 2, 0) for image in IMAGES]
    assert np.array_equal(Predictor(bundle).images(photos), Predictor(bundle).arrays(IMAGES))
    assert Predictor(bundle).images([]).shape == (0, 7)


def test_what_is_no_bundle(tmp_path, bundle):
    with pytest.raises(RunFolderError, match=r"neither a bundle .* nor a finished run"):
        Bundle.load(tmp_path)
    folder = bundle.save(tmp_path)
    facts = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(facts | {"schema": 9}))
    with pytest.raises(RunFolderError, match="expected schema 1, got 9"):
        Bundle.load(tmp_path)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"margin": 0.3}, CropRule(0.3)),
        (RULE.to_dict(), RULE),
        ({}, CropRule(0.0, align=False, edge="clip", border=0.0, preprocess="standard")),
    ],
)
def test_crop_rules_of_older_bundles_are_read(tmp_path, bundle, written, expected):
    folder = bundle.save(tmp_path)
    facts = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(facts | {"crop": written}))
    assert Bundle.load(tmp_path).crop == expected


@pytest.mark.parametrize("written", [{"edge": "mirror"}, {"preprocess": "study_c"}, {"tilt": 3}])
def test_a_crop_rule_of_another_version_is_refused(tmp_path, bundle, written):
    folder = bundle.save(tmp_path)
    facts = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(facts | {"crop": written}))
    with pytest.raises(RunFolderError, match="no crop rule that this version of mien knows"):
        Bundle.load(tmp_path)


def test_faces_of_study_a_are_squeezed_and_all_others_prepared_as_in_training(bundle):
    crops = [np.random.default_rng(n).integers(0, 256, (40 + n, 61, 3), np.uint8) for n in range(3)]
    assert np.array_equal(Predictor(bundle).faces(crops), Predictor(bundle).images(crops))
    assert Predictor(bundle).faces([]).shape == (0, 7)
    predictor = Predictor(replace(bundle, crop=CropRule(preprocess="study_a")))
    squeezed = np.stack([np.asarray(PIL.Image.fromarray(crop).resize((32, 32), 0)) for crop in crops])
    assert np.array_equal(predictor.faces(crops), predictor.arrays(squeezed.transpose(0, 3, 1, 2)))
    assert not np.allclose(predictor.faces(crops), predictor.images(crops))


def test_weights_that_do_not_fit(tmp_path, bundle):
    folder = bundle.save(tmp_path)
    facts = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(facts | {"labels": ["a", "b"]}))
    with pytest.raises(WeightsError, match="the weights do not fit the network"):
        Bundle.load(tmp_path)
