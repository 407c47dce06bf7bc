"""One contract for every backbone, and the published networks layer for layer."""

import numpy as np
import pytest
import torch
from torch import nn

from mien.config.schema import BackboneConfig, HeadConfig
from mien.errors import ConfigError
from mien.models.factory import BACKBONES, build_classifier, input_spec
from mien.models.normalise import Normalise
from mien.types import InputSpec

MODELS = {
    "efficientnet_lite0": ("tf_efficientnet_lite0.in1k", 64, "auto", 1280),
    "efficientnet_lite1": ("tf_efficientnet_lite1.in1k", 64, "auto", 1280),
    "efficientnet_lite2": ("tf_efficientnet_lite2.in1k", 64, "auto", 1280),
    "inception_resnet_v1": (None, 80, "auto", 1792),
    "inception_v3": ("inception_v3.tv_in1k", 96, "auto", 2048),
    "mobilenet_v1": ("mobilenetv1_100.ra4_e3600_r224_in1k", 64, "auto", 1024),
    "resnet18": ("resnet18.tv_in1k", 64, "auto", 512),
    "resnet50": ("resnet50.tv_in1k", 64, "auto", 2048),
    "vgg16": ("vgg16.tv_in1k", 64, "avg", 512),
    "vgg19": ("vgg19.tv_in1k", 64, "grid", 25088),
    "timm": ("mobilenetv3_small_050", 64, "auto", 1024),
    "custom_cnn": (None, 64, "auto", 65536),
    "fer_vgg": (None, 48, "auto", 2048),
    "resnet18_small": (None, 44, "auto", 512),
    "small_cnn": (None, 64, "auto", 256),
    "vgg19_small": (None, 44, "auto", 512),
    "vgg_4_blocks": (None, 40, "auto", 2048),
}


def config(name, **changes):
    model, size, pool, _ = MODELS[name]
    return BackboneConfig(name, model=model, image_size=size, pool=pool, **changes)


def test_every_backbone_is_tested():
    assert set(MODELS) == set(BACKBONES)


@pytest.mark.parametrize("name", BACKBONES)
def test_the_contract(name):
    classifier = build_classifier(config(name), HeadConfig("auto"), 7).eval()
    spec = input_spec(config(name))
    images = torch.randint(0, 256, (2, spec.channels, spec.size, spec.size), dtype=torch.uint8)
    inputs = Normalise(spec)(images)
    with torch.no_grad():
        features, logits = classifier.backbone(inputs), classifier(inputs)
        alone = classifier(inputs[:1])
    assert features.shape == (2, MODELS[name][3])
    assert classifier.backbone.num_features == MODELS[name][3]
    assert logits.shape == (2, 7)
    assert (alone[0] - logits[0]).abs().max() < 1e-4 * logits.abs().max().clamp(min=1)


def test_custom_cnn_is_study_as():
    classifier = build_classifier(config("custom_cnn"), HeadConfig("auto"), 7)
    convolutions = (3 * 64 + 64 * 128 + 128 * 256) * 9 + 64 + 128 + 256
    assert classifier.count_parameters() == (convolutions + 65536 * 1024 + 1024 + 1024 * 7 + 7,) * 2
    assert [type(layer).__name__ for layer in classifier.head] == ["Linear", "ReLU", "Dropout", "Linear"]
    assert classifier.head[2].p == 0.2


def test_fer_vgg_is_study_bs():
    classifier = build_classifier(config("fer_vgg", channels=1), HeadConfig("auto"), 7)
    widths = [m.out_channels for m in classifier.backbone.trunk if isinstance(m, nn.Conv2d)]
    assert widths == [64, 64, 128, 128, 256, 256, 512, 512]
    assert [m.p for m in classifier.head if isinstance(m, nn.Dropout)] == [0.4, 0.4, 0.5]
    assert [m.out_features for m in classifier.head if isinstance(m, nn.Linear)] == [512, 256, 128, 7]
    first = classifier.backbone.trunk[0]
    assert first.padding == (0, 0)
    with torch.no_grad():
        assert float(classifier.backbone.penalty()) == pytest.approx(0.01 * float(first.weight.square().sum()))


def parameters(name, channels, **changes):
    return build_classifier(config(name, channels=channels, **changes), HeadConfig("auto"), 7).count_parameters()[0]


def test_fer2013s_networks_have_as_many_parameters_as_by_hand():
    """3x3 convolutions with bias and batch norm (9 a b + 3 b), those of ResNet without bias (9 a b + 2 b)."""
    vgg8 = [(1, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    wide = 2048 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 7 + 7
    assert parameters("vgg_4_blocks", 1) == sum(9 * a * b + 3 * b for a, b in vgg8) + wide
    vgg16 = [(3, 64), *vgg8[1:5], *[(256, 256)] * 3, (256, 512), *[(512, 512)] * 7]
    assert parameters("vgg19_small", 3) == sum(9 * a * b + 3 * b for a, b in vgg16) + 512 * 7 + 7
    stages = (
        [(64, 64)] * 4,
        [(64, 128), *[(128, 128)] * 3],
        [(128, 256), *[(256, 256)] * 3],
        [(256, 512), *[(512, 512)] * 3],
    )
    shortcuts = sum(a * b + 2 * b for a, b in ((64, 128), (128, 256), (256, 512)))
    stem = 9 * 3 * 64 + 2 * 64
    blocks = sum(9 * a * b + 2 * b for stage in stages for a, b in stage)
    assert parameters("resnet18_small", 3) == stem + blocks + shortcuts + 512 * 7 + 7


def test_small_resnets_average_is_over_the_first_four_cells():
    """44 px give 6 x 6 cells, of which the published network averages 4 x 4; 40 px give 5 x 5."""
    backbone = build_classifier(config("resnet18_small"), HeadConfig("auto"), 7).backbone.eval()
    images = torch.rand(2, 3, 44, 44)
    with torch.no_grad():
        maps = backbone.trunk(images)
        assert maps.shape == (2, 512, 6, 6)
        assert torch.allclose(backbone(images), maps[..., :4, :4].mean((2, 3)), atol=1e-6)
        assert backbone(images[..., :40, :40]).shape == (2, 512)


@pytest.mark.parametrize("name", ["vgg19_small", "resnet18_small"])
def test_one_layer_heads_drop_half_of_the_features_unless_the_head_is_linear(name):
    natural = build_classifier(config(name), HeadConfig("auto"), 7).head
    assert [type(layer).__name__ for layer in natural] == ["Dropout", "Linear"]
    assert natural[0].p == 0.5
    assert [type(layer).__name__ for layer in build_classifier(config(name), HeadConfig("linear"), 7).head] == [
        "Linear"
    ]


def test_studies_replace_vggs_wide_layers():
    vgg = build_classifier(config("vgg19"), HeadConfig("mlp"), 7)
    assert vgg.count_parameters()[0] == 20_024_384 + 25088 * 256 + 256 + 256 * 7 + 7


@pytest.mark.parametrize("head", [HeadConfig("linear"), HeadConfig("mlp", [256], [0.2])])
def test_heads(head):
    layers = build_classifier(config("small_cnn"), head, 5).head
    assert layers[-1].out_features == 5
    assert len(layers) == (1 if head.name == "linear" else 4)


def test_frozen_means_no_gradients_and_still_batch_norms():
    classifier = build_classifier(config("resnet18"), HeadConfig("linear"), 7)
    classifier.backbone.freeze("all")
    classifier.train()
    before = {key: value.clone() for key, value in classifier.backbone.state_dict().items()}
    classifier(torch.rand(4, 3, 64, 64)).sum().backward()
    assert all(torch.equal(before[key], value) for key, value in classifier.backbone.state_dict().items())
    assert all(p.grad is None for p in classifier.backbone.parameters())
    assert classifier.count_parameters()[1] == 512 * 7 + 7


def test_study_as_frozen_batch_norms_go_on_moving_when_asked():
    classifier = build_classifier(config("resnet18"), HeadConfig("linear"), 7)
    classifier.backbone.freeze("all", batchnorm=False)
    classifier.train()
    before = classifier.backbone.trunk.bn1.running_mean.clone()
    classifier(torch.rand(4, 3, 64, 64))
    assert not torch.equal(before, classifier.backbone.trunk.bn1.running_mean)
    assert classifier.count_parameters()[1] == 512 * 7 + 7


def test_stages_are_frozen_by_name():
    classifier = build_classifier(config("small_cnn"), HeadConfig("linear"), 7)
    classifier.backbone.freeze("stem, stage1")
    classifier.train()
    trunk = classifier.backbone.trunk
    assert [trunk.get_submodule(name).training for name in ("stem", "stage1", "stage2")] == [False, False, True]
    with pytest.raises(ConfigError, match=r"no stage 'stage9'; did you mean"):
        classifier.backbone.freeze("stage9")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (BackboneConfig("resnet19"), r"unknown backbone 'resnet19'; did you mean 'resnet18'"),
        (BackboneConfig("timm", model="resnet18x"), r"timm has no model 'resnet18x'; did you mean 'resnet18"),
        (BackboneConfig("fer_vgg", image_size=16), "fer_vgg cannot take 16 px; try a larger size, or the one that the"),
        (BackboneConfig("inception_v3", "inception_v3", image_size=64), "inception_v3 cannot take 64 px"),
        (
            BackboneConfig("timm", "crossvit_9_240", image_size=64),
            r"crossvit_9_240 cannot take 64 px; .* network was made for",
        ),
    ],
)
def test_wrong_names_and_sizes(wrong, message):
    with pytest.raises(ConfigError, match=message):
        build_classifier(wrong, HeadConfig("auto"), 7)


def test_statistics_come_from_the_weights_or_are_a_half():
    assert input_spec(config("resnet18")).mean == (0.5, 0.5, 0.5)
    assert input_spec(config("resnet18", weights="imagenet")).mean == (0.485, 0.456, 0.406)
    assert input_spec(BackboneConfig("fer_vgg", channels=1, mean=[0.0], std=[1.0])).std == (1.0,)
    with pytest.raises(ConfigError, match="expected 1 values each"):
        input_spec(BackboneConfig("fer_vgg", channels=1, mean=[0.0, 1.0], std=[1.0]))


def test_normalisation_by_hand():
    spec = InputSpec(2, 1, (0.5,), (0.25,))
    images = torch.tensor([0, 51, 102, 255], dtype=torch.uint8).view(1, 1, 2, 2)
    expected = np.array([-2.0, -1.2, -0.4, 2.0])
    assert Normalise(spec)(images).flatten().numpy() == pytest.approx(expected, abs=1e-6)
    assert torch.equal(Normalise(spec)(images), Normalise(spec)(images.float() / 255))
