"""A bundle gives back the model that was saved, and refuses what it is not."""

import json

import numpy as np
import pytest
import torch

from mien.config.schema import BackboneConfig, HeadConfig
from mien.errors import RunFolderError, WeightsError
from mien.evaluation.predict import Predictor
from mien.labels import EXPRESSIONS
from mien.models.bundle import Bundle, CropRule
from mien.models.factory import build_classifier, input_spec

CONFIG = BackboneConfig("small_cnn", image_size=32)
IMAGES = np.random.default_rng(0).integers(0, 256, (9, 3, 32, 32), np.uint8)


@pytest.fixture
def bundle():
    torch.manual_seed(0)
    classifier = build_classifier(CONFIG, HeadConfig("auto"), 7)
    classifier(torch.randn(8, 3, 32, 32))  # moves the batch norms off their start
    return Bundle(classifier.eval(), EXPRESSIONS, input_spec(CONFIG), CONFIG, HeadConfig("auto"), CropRule(0.2))


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
    predictor = Predictor(bundle)
    predictor.flip_average = True
    assert np.allclose(predictor.arrays(IMAGES), predictor.arrays(IMAGES[..., ::-1].copy()), atol=1e-6)


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


def test_weights_that_do_not_fit(tmp_path, bundle):
    folder = bundle.save(tmp_path)
    facts = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(facts | {"labels": ["a", "b"]}))
    with pytest.raises(WeightsError, match="the weights do not fit the network"):
        Bundle.load(tmp_path)
