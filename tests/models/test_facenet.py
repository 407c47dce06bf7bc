"""facenet's network: its published weights as facenet-pytorch keeps them, and those of a TensorFlow graph."""

import re
import sys

import numpy as np
import PIL.Image
import pytest
import torch
from facenet_pytorch import InceptionResnetV1
from safetensors.torch import load_file
from torch import nn

from mien.config.schema import BackboneConfig, HeadConfig
from mien.errors import ConfigError, WeightsError
from mien.models import facenet_graph
from mien.models.facenet import NAME
from mien.models.factory import build_classifier

GraphDef = pytest.importorskip("tensorboard.compat.proto.graph_pb2", reason="pip install 'mien[tensorboard]'").GraphDef
DT_FLOAT = 1  # TensorFlow's number of float32
IMAGES = torch.rand(6, 3, 80, 80, generator=torch.Generator().manual_seed(0)) * 2 - 1
FILE = "20180402-114759-vggface2.pt"


def build(**changes):
    return build_classifier(BackboneConfig(NAME, image_size=80, **changes), HeadConfig("linear"), 7).eval()


def lively(network):
    """A network whose batch norms do something."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.2, 0.2)
    network.train()
    with torch.no_grad():
        for _ in range(30):
            network(IMAGES)  # moves the running statistics
    return network.eval()


@pytest.fixture(scope="module")
def network():
    return lively(InceptionResnetV1())


def features(network):
    """What facenet-pytorch's network pools, before its embedding."""
    found = []
    hook = network.avgpool_1a.register_forward_hook(lambda module, given, output: found.append(output.flatten(1)))
    with torch.no_grad():
        network(IMAGES)
    hook.remove()
    return found[0]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """PyTorch's cache folder."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def test_published_weights_are_loaded_from_their_file(network, cache):
    whole = {**network.state_dict(), "logits.weight": torch.zeros(8631, 512), "logits.bias": torch.zeros(8631)}
    torch.save(whole, cache / FILE)
    for weights in ("vggface2", str(cache / FILE)):
        found = build(weights=weights).backbone
        with torch.no_grad():
            assert torch.allclose(found(IMAGES), features(network), atol=1e-5)


def test_published_weights_that_are_damaged_or_out_of_reach(cache, monkeypatch):
    (cache / FILE).write_bytes(b"half a file")
    with pytest.raises(WeightsError, match=rf"backbone.weights=vggface2: .*{FILE} is damaged; remove it"):
        build(weights="vggface2")

    def offline(*arguments):
        raise OSError("no network")

    monkeypatch.setattr("facenet_pytorch.models.inception_resnet_v1.download_url_to_file", offline)
    with pytest.raises(WeightsError, match=r"cannot be fetched \(no network\); .* put them at .*casia-webface.pt"):
        build(weights="casia-webface")
    with pytest.raises(WeightsError, match="no file vggface3; expected none, vggface2, casia-webface, or a checkpoint"):
        build(weights="vggface3")


def test_other_channels_and_small_images():
    with pytest.raises(ConfigError, match="takes RGB images, 3 channels, got 1"):
        build(channels=1)
    with pytest.raises(ConfigError, match="inception_resnet_v1 cannot take 74 px"):
        build_classifier(BackboneConfig(NAME, image_size=74), HeadConfig("linear"), 7)


LAYERS = {
    "mixed_6a.branch0": ["1a"],
    "mixed_6a.branch1": ["0a", "0b", "1a"],
    "mixed_7a.branch0": ["0a", "1a"],
    "mixed_7a.branch1": ["0a", "1a"],
    "mixed_7a.branch2": ["0a", "0b", "1a"],
}
BLOCKS = {"repeat_1": "Repeat/block35", "repeat_2": "Repeat_1/block17", "repeat_3": "Repeat_2/block8"}


def scope(name, module):
    """What a layer of facenet-pytorch's is called in the graph."""
    kernel = "x".join(map(str, module.kernel_size))
    if stem := re.fullmatch(r"conv2d_(\d.)\.conv", name):
        return f"Conv2d_{stem[1]}_{kernel}"
    block, last = re.fullmatch(r"(.*?)\.(conv2d|branch.*)", name).groups()
    kind, _, number = block.partition(".")
    place = f"{BLOCKS[kind]}_{int(number) + 1}" if number else block.capitalize()
    if last == "conv2d":
        return f"{place}/Conv2d_1x1"
    branch, _, layer = last.removesuffix(".conv").partition(".")
    letters = LAYERS.get(f"{block}.{branch}", ["0a", "0b", "0c"] if layer else [""])
    letter = letters[int(layer or 0)]
    return f"{place}/Branch_{branch[-1]}/Conv2d_{letter}{'_' if letter else ''}{kernel}"


def constant(graph, name, values):
    node = graph.node.add(name=f"InceptionResnetV1/{name}", op="Const")
    tensor = node.attr["value"].tensor
    tensor.dtype, tensor.tensor_content = DT_FLOAT, values.astype(np.float32).tobytes()
    for size in values.shape:
        tensor.tensor_shape.dim.add(size=size)


@pytest.fixture(scope="module")
def path(network, tmp_path_factory):
    """The network as a graph, its batch norms merged."""
    graph, modules = GraphDef(), dict(network.named_modules())
    for name, module in modules.items():
        if not isinstance(module, nn.Conv2d):
            continue
        weight, bias, where = module.weight.detach(), module.bias, scope(name, module)
        if name.endswith(".conv"):
            norm = modules[f"{name.removesuffix('.conv')}.bn"]
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            weight, bias = weight * scale.detach().view(-1, 1, 1, 1), norm.bias - norm.running_mean * scale
        constant(graph, f"{where}/weights", weight.numpy().transpose(2, 3, 1, 0))
        constant(graph, f"{where}/{'Conv2D_bn_offset' if name.endswith('.conv') else 'biases'}", bias.detach().numpy())
    constant(graph, "Bottleneck/weights", np.zeros((1792, 512)))
    place = tmp_path_factory.mktemp("graph") / "graph.pb"
    place.write_bytes(graph.SerializeToString())
    return place


@pytest.fixture
def faces(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    for n in range(4):
        pixels = np.random.default_rng(n).integers(0, 256, (90, 90, 3), np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"{n}.png")
    return folder


def test_a_graph_becomes_weights_that_compute_the_same(network, path, faces, tmp_path, capsys):
    target = tmp_path / "facenet.safetensors"
    facenet_graph.CONVERSION.run([str(path), str(faces), str(target)])
    assert f"backbone=inception_resnet_v1 backbone.weights={target}" in capsys.readouterr().out
    backbone = build(weights=str(target)).backbone
    with torch.no_grad():
        found = backbone(IMAGES)
    expected = features(network)
    assert torch.allclose(found, expected, atol=1e-4 * expected.abs().max())
    assert expected.std(0).max() > 0.01
    assert all(torch.equal(value, backbone.trunk.state_dict()[key]) for key, value in load_file(target).items())


def test_in_training_it_computes_the_same_on_the_images_that_it_was_taken_apart_with(path):
    trunk = build().backbone.trunk
    trunk.load_state_dict(facenet_graph.trunk_state(facenet_graph.read_graph(path), IMAGES))
    with torch.no_grad():
        plain = trunk.eval()(IMAGES)
        assert torch.allclose(trunk.train()(IMAGES), plain, atol=1e-3 * plain.abs().max())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no graph", "expected a TensorFlow graph, got"),
        (b"", r"the graph is no Inception-ResNet v1: 132 layers differ, such as \['block8.branch0'"),
        (None, "graph.pb: No such file"),
    ],
)
def test_another_graph_or_no_graph(content, message, faces, tmp_path, capsys):
    if content is not None:
        (tmp_path / "graph.pb").write_bytes(content)
    with pytest.raises(SystemExit):
        facenet_graph.CONVERSION.run([str(tmp_path / "graph.pb"), str(faces), str(tmp_path / "out.safetensors")])
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("Conv2d_1a_3x3/BatchNorm/beta", (32,), "Conv2d_1a_3x3: expected weights and one offset, with the batch norm"),
        ("Conv2d_1a_3x3/weights", (3, 3, 3, 31), r"convolution 0: expected weights of \(32, 3, 3, 3\), got \(31, "),
        ("Block8/Conv2d_1x1/weights", (1, 1, 384, 9), "no Inception-ResNet v1: block8.conv2d: .*size mismatch"),
    ],
)
def test_a_graph_that_differs_in_a_layer(path, tmp_path, name, shape, message):
    graph = GraphDef.FromString(path.read_bytes())
    constant(graph, name, np.zeros(shape))  # the last of a name counts
    (tmp_path / "graph.pb").write_bytes(graph.SerializeToString())
    with pytest.raises(WeightsError, match=f"(?s){message}"):
        facenet_graph.trunk_state(facenet_graph.read_graph(tmp_path / "graph.pb"), IMAGES)


def test_a_constant_that_is_cut_off(path, tmp_path):
    graph = GraphDef.FromString(path.read_bytes())
    graph.node[0].attr["value"].tensor.tensor_content = b"12345"
    (tmp_path / "graph.pb").write_bytes(graph.SerializeToString())
    with pytest.raises(WeightsError, match="expected a TensorFlow graph, got"):
        facenet_graph.read_graph(tmp_path / "graph.pb")


def test_without_tensorboard(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.graph_pb2", None)
    with pytest.raises(WeightsError, match=r"needs tensorboard: pip install 'mien\[tensorboard\]'"):
        facenet_graph.read_graph(path)


@pytest.mark.parametrize(
    ("output", "message"),
    [("out.pt", r"expected an output \*.safetensors, got .*out.pt"), ("graph.pb/out.safetensors", "graph.pb")],
)
def test_an_output_that_cannot_be(path, faces, tmp_path, capsys, output, message):
    (tmp_path / "graph.pb").write_bytes(path.read_bytes())
    with pytest.raises(SystemExit):
        facenet_graph.CONVERSION.run([str(tmp_path / "graph.pb"), str(faces), str(tmp_path / output)])
    assert re.search(message, capsys.readouterr().err)
