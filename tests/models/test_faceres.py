"""The graph's network, taken apart and put together again, computes what it did (padded as timm's is)."""

import json

import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from mien.config.schema import BackboneConfig, HeadConfig
from mien.errors import WeightsError
from mien.models import faceres
from mien.models.factory import build_classifier
from mien.models.merged import Layer, some_images
from mien.models.timm_trunk import create

IMAGES = torch.rand(6, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def network():
    """A MobileNet v1 with batch norms that do something."""
    torch.manual_seed(0)
    model = create(BackboneConfig("mobilenet_v1", model=faceres.MODEL))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.2, 0.2)
    for _ in range(30):
        model(IMAGES)  # moves the running statistics
    return model.eval()


class Graph:
    """A TensorFlow.js graph in the making."""

    def __init__(self):
        self.nodes, self.manifest, self.data = [], [], b""

    def constant(self, name, values, half=False):
        kind = {"quantization": {"dtype": "float16"}} if half else {}
        self.manifest.append({"name": name, "shape": list(values.shape), "dtype": "float32", **kind})
        self.data += values.astype(np.float16 if half else np.float32).tobytes()
        self.nodes.append({"name": name, "op": "Const"})
        return name

    def node(self, op, name, *inputs):
        self.nodes.append({"name": name, "op": op, "input": list(inputs)})
        return name

    def write(self, path):
        content = {"modelTopology": {"node": self.nodes}, "weightsManifest": [{"weights": self.manifest}]}
        path.write_text(json.dumps(content))
        path.with_suffix(".bin").write_bytes(self.data)
        return path


def merged(model):
    """The graph of a network, its batch norms merged as in the package: those of depthwise ones stand by themselves."""
    graph = Graph()
    last = graph.node("Placeholder", "input")
    modules = list(model.modules())
    convolutions = [module for module in modules if isinstance(module, nn.Conv2d)]
    norms = [module for module in modules if isinstance(module, nn.BatchNorm2d)]
    for n, (convolution, norm) in enumerate(zip(convolutions, norms, strict=True)):
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        bias = graph.constant(f"b{n}", (norm.bias - norm.running_mean * scale).detach().numpy())
        weight = convolution.weight.detach()
        if convolution.groups > 1:
            kernel = graph.constant(f"k{n}", weight.numpy().transpose(2, 3, 0, 1))
            last = graph.node("DepthwiseConv2dNative", f"c{n}", last, kernel)
            last = graph.node("Mul", f"m{n}", last, graph.constant(f"s{n}", scale.detach().numpy()))
        else:
            weight = weight * scale.detach().view(-1, 1, 1, 1)
            weight = weight.flip(1) / 127.5 if n == 0 else weight  # blue, green, red; 0..255
            kernel = graph.constant(f"k{n}", weight.numpy().transpose(2, 3, 1, 0))
            last = graph.node("Conv2D", f"c{n}", last, kernel)
        last = graph.node("Relu", f"r{n}", graph.node("Add", f"a{n}", last, bias))
    return graph


@pytest.fixture
def path(network, tmp_path, monkeypatch):
    monkeypatch.setattr(faceres, "_MEAN", (127.5,) * 3)  # then gray, which the network pads with, is 0 before and after
    return merged(network).write(tmp_path / "faceres.json")


def loaded(state):
    model = create(BackboneConfig("mobilenet_v1", model=faceres.MODEL))
    model.load_state_dict(state)
    return model


@torch.no_grad()
def test_the_network_computes_the_same(network, path):
    other = torch.rand(2, 3, 64, 64) * 2 - 1
    for images in (IMAGES, other):  # the batch norms may come from any images
        found = loaded(faceres.backbone_state(faceres.read_layers(path), images)).eval()
        assert torch.allclose(found(other), network(other), atol=1e-4)


@torch.no_grad()
def test_in_training_it_computes_the_same_on_the_images_that_it_was_taken_apart_with(path):
    model = loaded(faceres.backbone_state(faceres.read_layers(path), IMAGES))
    plain = model.eval()(IMAGES)
    assert torch.allclose(model.train()(IMAGES), plain, atol=1e-3)
    assert plain.std() > 0.01


def test_the_first_layer_takes_rgb():
    """Blue, green and red in 0..255 less their means, against red, green and blue in -1..1."""
    weight = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(1))
    first = faceres._of_rgb(Layer(weight, torch.ones(4)))
    rgb = torch.rand(1, 3, 9, 9)
    bgr = (rgb * 255).flip(1) - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    expected = functional.conv2d(bgr, weight, torch.ones(4))
    assert torch.allclose(functional.conv2d((rgb - 0.5) / 0.5, first.weight, first.bias), expected, atol=1e-2)


def test_half_precision_is_read(tmp_path):
    graph = Graph()
    kernel = graph.constant("k", np.full((3, 3, 2, 4), 0.25), half=True)
    graph.node("Add", "a", graph.node("Conv2D", "c", "input", kernel), graph.constant("b", np.arange(4.0)))
    (layer,) = faceres.read_layers(graph.write(tmp_path / "g.json"))
    assert layer.weight.shape == (4, 2, 3, 3)
    assert layer.weight.dtype == torch.float32
    assert layer.weight.unique().tolist() == [0.25]
    assert layer.bias.tolist() == [0, 1, 2, 3]


@pytest.fixture
def faces(tmp_path):
    folder = tmp_path / "faces" / "fear"
    folder.mkdir(parents=True)
    for n in range(3):
        pixels = np.random.default_rng(n).integers(0, 256, (20 + n, 30, 3), np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"{n}.png")
    return folder.parent


def test_the_command_makes_a_file_that_the_backbone_loads(path, faces, tmp_path, capsys):
    target = tmp_path / "out.safetensors"
    faceres.CONVERSION.run([str(path), str(faces), str(target)])
    assert f"backbone=mobilenet_v1 backbone.weights={target}" in capsys.readouterr().out
    config = BackboneConfig("mobilenet_v1", model=faceres.MODEL, weights=str(target), image_size=64)
    trunk = build_classifier(config, HeadConfig("linear"), 7).backbone.trunk.state_dict()
    assert all(torch.equal(value, trunk[key]) for key, value in load_file(target).items())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.with_suffix(".bin").unlink(), "faceres.bin: No such file"),
        (lambda path: path.with_suffix(".bin").write_bytes(b"123"), "expected a TensorFlow.js graph of HSE-FaceRes"),
        (lambda path: path.write_text("{"), "expected a TensorFlow.js graph of HSE-FaceRes"),
        (lambda path: path.write_text("[]"), "expected a TensorFlow.js graph of HSE-FaceRes"),
    ],
)
def test_damaged_files(path, faces, tmp_path, capsys, spoil, message):
    spoil(path)
    with pytest.raises(SystemExit):
        faceres.CONVERSION.run([str(path), str(faces), str(tmp_path / "out.safetensors")])
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.safetensors").exists()


def test_another_network_or_no_images(faces, tmp_path):
    layer = Layer(torch.zeros(32, 3, 5, 5), torch.zeros(32))
    with pytest.raises(WeightsError, match="expected 27 convolutions, got 1"):
        faceres.backbone_state([layer], IMAGES)
    with pytest.raises(WeightsError, match="expected a folder of face images, got 0 images"):
        some_images(tmp_path / "nothing")
    (faces / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(WeightsError, match=r"broken.jpg cannot be read as an image"):
        some_images(faces)
