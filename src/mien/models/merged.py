"""Batch norms that were merged into convolutions, taken apart again, so that such a network can be trained further.

Graphs made for use hold each convolution with the scale and offset of its batch norm in it. Training needs the norm by
itself. Any mean and variance will do for what the network computes, since scale and offset are chosen to match; those
of the convolution's own output over some images make it compute the same in training, as far as data resemble them.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from mien.errors import MienError, WeightsError
from mien.files import atomic_path

_IMAGES, _SIZE = 512, 112
_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")

Graph = TypeVar("Graph")


@dataclass(frozen=True)
class Layer:
    """A convolution with its merged batch norm: ``(O, I, k, k)`` weights and ``(O,)`` biases."""

    weight: Tensor
    bias: Tensor


def take_apart(
    network: nn.Module,
    convolutions: Sequence[nn.Conv2d],
    norms: Sequence[nn.BatchNorm2d],
    layers: Sequence[Layer],
    images: Tensor,
) -> dict[str, Tensor]:
    """Fill a network's convolutions and batch norms with merged layers, and give its state dict.

    Args:
        network: The network, all its other weights in place; left in eval mode.
        convolutions: Those that have a batch norm, without a bias of their own.
        norms: The batch norm of each.
        layers: What each pair is to compute.
        images: (N, 3, S, S) as the network wants them, over which means and variances are taken.

    Raises:
        WeightsError: The layers are not those of this network.
    """
    if len(layers) != len(convolutions):
        raise WeightsError(f"expected {len(convolutions)} convolutions, got {len(layers)}")
    for number, (convolution, layer) in enumerate(zip(convolutions, layers, strict=True)):
        expected, found = tuple(convolution.weight.shape), tuple(layer.weight.shape)
        if found != expected:
            raise WeightsError(f"convolution {number}: expected weights of {expected}, got {found}")
    network.eval()
    for convolution, norm, layer in zip(convolutions, norms, layers, strict=True):
        convolution.weight.data.copy_(layer.weight)
        norm.bias.data.copy_(layer.bias)
        _standardise(norm, torch.zeros_like(layer.bias), torch.ones_like(layer.bias))
    for norm, (mean, variance) in zip(norms, _moments(network, convolutions, images), strict=True):
        norm.bias.data += mean
        _standardise(norm, mean, variance)
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _standardise(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """Give a batch norm statistics, and the scale that makes up for their variance."""
    norm.load_state_dict({"running_mean": mean, "running_var": variance}, strict=False)
    norm.weight.data.copy_((variance + norm.eps).sqrt())


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


@dataclass(frozen=True)
class Conversion(Generic[Graph]):
    """A command that makes a backbone's weights of a graph and a folder of face images.

    Attributes:
        module: What is run, as ``python -m <module>``.
        about: Its help.
        graph: What the graph's file is called.
        backbone: Whose weights it makes.
        read: Reads the graph's file.
        state: Takes the graph and some images to a state dict.
    """

    module: str
    about: str | None
    graph: str
    backbone: str
    read: Callable[[Path], Graph]
    state: Callable[[Graph, Tensor], dict[str, Tensor]]

    def run(self, arguments: list[str] | None = None) -> None:
        """Convert the weights; ``arguments`` are those of the process where they are not given."""
        whole = argparse.RawDescriptionHelpFormatter
        parser = argparse.ArgumentParser(f"python -m {self.module}", description=self.about, formatter_class=whole)
        parser.add_argument("graph", type=Path, help=self.graph)
        parser.add_argument("images", type=Path, help="a folder of face images, such as the train part of a data set")
        parser.add_argument("output", type=Path, help="the weights to write, *.safetensors")
        options = parser.parse_args(arguments)
        if options.output.suffix != ".safetensors":
            parser.error(f"expected an output *.safetensors, got {options.output}")
        try:
            state = self.state(self.read(options.graph), some_images(options.images))
            with atomic_path(options.output) as path:
                save_file(state, path)
        except MienError as error:
            parser.error(str(error))
        sys.stdout.write(f"python train.py backbone={self.backbone} backbone.weights={options.output}\n")
