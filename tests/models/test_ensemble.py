"""An ensemble's probabilities are the mean of its members', whatever each of them wants to see."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from mien.config.schema import BackboneConfig, HeadConfig
from mien.data.prepare import prepare
from mien.evaluation.predict import Predictor
from mien.labels import EXPRESSIONS
from mien.models.bundle import Bundle
from mien.models.ensemble import NAME, Ensemble, Member, resized
from mien.models.factory import build_classifier
from mien.types import InputSpec

IMAGES = np.random.default_rng(0).integers(0, 256, (9, 3, 32, 32), np.uint8)
MEMBERS = (
    Member(BackboneConfig("small_cnn", image_size=32), HeadConfig("auto"), InputSpec(32)),
    Member(BackboneConfig("small_cnn", image_size=32), HeadConfig("mlp", [9], [0.1]), InputSpec(32)),
    Member(
        BackboneConfig("custom_cnn", image_size=32),
        HeadConfig("auto"),
        InputSpec(32, 3, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ),
)


def single(member, seed):
    torch.manual_seed(seed)
    network = build_classifier(member.backbone, member.head, 7)
    network(torch.randn(8, 3, 32, 32))  # moves the batch norms off their start
    network.head[-1].weight.data *= 30  # so that the members disagree
    return Bundle(network.eval(), EXPRESSIONS, member.spec, member.backbone, member.head)


@pytest.fixture
def bundles():
    return [single(member, seed) for seed, member in enumerate(MEMBERS)]


@pytest.fixture
def together(bundles):
    network = Ensemble([one.classifier for one in bundles], [one.spec for one in bundles])
    spec = InputSpec(32, 3, (0.0,) * 3, (1.0,) * 3)
    backbone = BackboneConfig(NAME, image_size=32)
    return Bundle(network.eval(), EXPRESSIONS, spec, backbone, HeadConfig("auto"), members=MEMBERS)


@pytest.mark.parametrize("flip", [False, True])
def test_the_mean_of_the_members(bundles, together, flip):
    alone = np.stack([Predictor(replace(one, flip_average=flip)).arrays(IMAGES) for one in bundles])
    found = Predictor(replace(together, flip_average=flip)).arrays(IMAGES)
    assert np.allclose(found, alone.mean(axis=0), atol=1e-6)
    assert alone.std(axis=0).max() > 0.1


def test_members_of_several_sizes_see_the_image_at_their_own(bundles):
    large = Member(BackboneConfig("small_cnn", image_size=48), HeadConfig("auto"), InputSpec(48))
    bundles.append(single(large, 3))
    specs = [one.spec for one in bundles]
    network = Ensemble([one.classifier for one in bundles], specs).eval()
    together = Bundle(network, EXPRESSIONS, InputSpec(48, 3, (0.0,) * 3, (1.0,) * 3), large.backbone, large.head)
    smooth = interpolate(torch.from_numpy(IMAGES[..., :8, :8]).float(), (128, 128), mode="bilinear").byte()
    photos = list(smooth.numpy().transpose(0, 2, 3, 1))
    alone = np.stack([Predictor(one).images(photos) for one in bundles])
    found = Predictor(together).images(photos)
    assert np.abs(found - alone.mean(axis=0)).max() < 0.003  # the smaller members' images were resized twice
    assert alone.std(axis=0).max() > 0.03


def test_resizing_is_that_of_prepared_images():
    noise = np.random.default_rng(1).integers(0, 256, (96, 96, 3), np.uint8)
    image = torch.from_numpy(noise).permute(2, 0, 1)[None] / 255
    expected = prepare(noise, 32, 3) / np.float32(255)
    assert np.abs(resized(image, 32)[0].numpy() - expected).max() < 0.01
    assert resized(image, 96) is image


def test_saved_and_loaded_it_predicts_the_same(tmp_path, together):
    folder = together.save(tmp_path)
    loaded = Bundle.load(tmp_path)
    assert np.array_equal(Predictor(loaded).arrays(IMAGES), Predictor(together).arrays(IMAGES))
    assert (loaded.members, loaded.name) == (MEMBERS, "ensemble of 2 small_cnn and custom_cnn")
    assert len(json.loads((folder / "model.json").read_text())["members"]) == 3


def test_parameters_are_those_of_all_members(bundles, together):
    counts = [one.classifier.count_parameters() for one in bundles]
    assert together.classifier.count_parameters() == (sum(n for n, _ in counts), sum(n for _, n in counts))
