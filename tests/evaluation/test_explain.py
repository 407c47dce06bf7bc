"""Grad-CAM over every backbone, and against its definition."""

import importlib.util

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from mien.config.schema import BackboneConfig, HeadConfig
from mien.errors import ConfigError
from mien.evaluation.explain import Explainer, check_explainable, maps_layer
from mien.labels import EXPRESSIONS
from mien.models.backbone import Backbone
from mien.models.bundle import Bundle
from mien.models.factory import BACKBONES, Classifier, build_classifier, input_spec
from mien.types import InputSpec
from tiny import composed


def bundle(config, **more):
    torch.manual_seed(0)
    classifier = build_classifier(config, HeadConfig("auto"), 7).eval()
    return Bundle(classifier, EXPRESSIONS, input_spec(config), config, HeadConfig("auto"), **more)


def images(channels, size, n=7):
    return np.random.default_rng(0).integers(0, 256, (n, channels, size, size), np.uint8)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_can_be_explained(name):
    """Seven classes of one image: a random network's map may be empty for one class, not for all."""
    config = composed(f"backbone={name}", *["backbone.model=mobilenetv3_small_050"] * (name == "timm")).backbone
    explainer, size = Explainer(bundle(config)), config.image_size
    maps = explainer.maps(images(config.channels, size, 1).repeat(7, 0), np.arange(7))
    assert explainer.cells >= 4
    assert (maps.shape, maps.dtype) == ((7, size, size), np.float32)
    assert np.isfinite(maps).all()
    assert maps.min() >= 0
    assert np.ptp(maps, (1, 2)).max() > 0.1
    assert set(maps.max((1, 2)).round(5)) <= {0.0, 1.0}


def linear(channels=1):
    """Two maps of the image, their mean, and two classes: all can be computed by hand."""
    trunk = nn.Sequential(nn.Conv2d(channels, 2, 1, bias=False), nn.ReLU(inplace=True))
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    classifier = Classifier(Backbone(trunk, pool, 2), nn.Linear(2, 2, bias=False), 2)
    with torch.no_grad():
        trunk[0].weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1).repeat(1, channels, 1, 1))
        classifier.head.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    spec = InputSpec(4, channels, (0.5,) * channels, (0.5,) * channels)
    return Bundle(classifier.eval(), EXPRESSIONS, spec, BackboneConfig("small_cnn"), HeadConfig("auto"))


def test_the_map_is_the_positive_part_of_the_gradient_times_the_maps():
    """Class 0 looks at what is brighter than the mean, class 1 at what is darker; the brightest is 1."""
    image = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4) * 17  # 0, 17, ..., 255
    light, dark = Explainer(linear()).maps(image.repeat(2, 0), np.array([0, 1]))
    unit = image[0, 0] / 127.5 - 1
    assert light == pytest.approx(np.maximum(unit, 0), abs=1e-6)
    assert dark == pytest.approx(np.maximum(-unit, 0), abs=1e-6)


def test_a_map_with_nothing_for_the_class_is_empty():
    assert Explainer(linear()).maps(np.zeros((1, 1, 4, 4), np.uint8), np.array([0])).max() == 0


def test_maps_do_not_depend_on_the_batch_and_gray_images_have_some():
    gray = bundle(BackboneConfig("small_cnn", image_size=32, channels=1))
    explainer, many = Explainer(gray), images(1, 32, 20)
    classes = np.arange(20) % 7
    alone = [explainer.maps(many[i : i + 1], classes[i : i + 1])[0] for i in range(20)]
    assert np.allclose(explainer.maps(many, classes), alone, atol=1e-4)
    assert explainer.seen(many)[3].shape == (32, 32, 3)


def test_a_frozen_backbone_can_be_explained():
    frozen = bundle(BackboneConfig("small_cnn", image_size=32))
    frozen.classifier.backbone.freeze("all")
    assert Explainer(frozen).maps(images(3, 32), np.arange(7)).max() == 1


@pytest.mark.parametrize("more", [{"ten_crop": 40}, {"flip_average": True}])
def test_explained_is_the_plain_centre(more):
    config = BackboneConfig("small_cnn", image_size=32)
    side = more.get("ten_crop", 32)
    prepared, start = images(3, side), (side - 32) // 2
    centre = prepared[:, :, start : start + 32, start : start + 32]
    explainer = Explainer(bundle(config, **more))
    assert np.array_equal(explainer.maps(prepared, np.arange(7)), Explainer(bundle(config)).maps(centre, np.arange(7)))
    assert np.array_equal(np.stack(explainer.seen(prepared)), centre.transpose(0, 2, 3, 1))


def test_in_place_activations_change_no_prediction():
    vgg = bundle(BackboneConfig("fer_vgg", image_size=48))
    inputs = torch.from_numpy(images(3, 48)).float()
    with torch.no_grad():
        before = vgg.classifier(inputs)
        Explainer(vgg)
        assert torch.equal(vgg.classifier(inputs), before)


def test_the_layer_is_a_whole_block_and_looking_for_it_changes_nothing():
    resnet = bundle(BackboneConfig("resnet18", model="resnet18.tv_in1k", image_size=64)).classifier.backbone.train()
    before = {name: value.clone() for name, value in resnet.state_dict().items()}
    layer, cells = maps_layer(resnet, InputSpec(64))
    assert (layer, cells) == (resnet.trunk.layer3[1], 4)
    assert resnet.training
    assert all(torch.equal(before[name], value) for name, value in resnet.state_dict().items())


class _Tokens(nn.Module):
    """What a transformer gives: no maps."""

    def forward(self, inputs):
        return functional.adaptive_avg_pool2d(inputs, 2).flatten(2)


def test_a_network_without_maps_is_refused():
    trunk = nn.Sequential(_Tokens())
    trunk.register_parameter("weight", nn.Parameter(torch.zeros(1)))
    with pytest.raises(ConfigError, match=r"no feature maps of 4 x 4 cells at 32 px; take a convolutional network"):
        check_explainable(Classifier(Backbone(trunk, nn.Flatten(), 12), nn.Linear(12, 7), 7), InputSpec(32))


def test_without_captum_the_install_command_is_named(monkeypatch):
    monkeypatch.setattr("mien.evaluation.explain.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"report.explain=true: needs captum; pip install mien\[explain\]"):
        Explainer(bundle(BackboneConfig("small_cnn", image_size=32)))
    assert importlib.util.find_spec("captum") is not None
