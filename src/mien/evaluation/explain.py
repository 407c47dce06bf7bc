"""Grad-CAM: the places of an image that spoke for a class.

Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017;
carried out by captum, the optional extra ``explain``.
"""

from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.errors import ConfigError
from mien.models.backbone import Backbone
from mien.models.bundle import Bundle
from mien.models.ensemble import Ensemble
from mien.models.factory import Classifier
from mien.models.normalise import Normalise
from mien.types import Image, InputSpec

_CELLS = 4
"""Least rows and columns of the maps that are explained; the last ones of small inputs often have 2 x 2 or 1 x 1."""
_BATCH = 16


def check_explainable(network: Classifier | Ensemble, spec: InputSpec) -> Classifier:
    """Refuse before work starts what could not be drawn at its end.

    Returns:
        The network, which is a single one.

    Raises:
        ConfigError: captum is not installed, the network has no feature maps, or it is an ensemble.
    """
    if isinstance(network, Ensemble):
        raise ConfigError(["report.explain=true: an ensemble has no last layer of its own; explain one of its members"])
    if find_spec("captum") is None:
        raise ConfigError(["report.explain=true: needs captum; pip install mien[explain], or report.explain=false"])
    maps_layer(network.backbone, spec)
    return network


class Explainer:
    """Heat maps of a model's decisions.

    Explained is the plain view of an image (its centre, where ten crops are averaged; not its mirror image), at the
    last layer whose maps still have 4 x 4 cells: the very last ones of a 64 px image would tell nothing of the place.

    Args:
        bundle: The model; its in-place activations are switched to copying ones, which changes no result.
        device: Where it runs, in torch's spelling.

    Raises:
        ConfigError: The network has no feature maps, as transformers have none, it is an ensemble, or captum is not
            installed.
    """

    def __init__(self, bundle: Bundle, device: str = "cpu") -> None:
        network = check_explainable(bundle.classifier, bundle.spec)
        from captum.attr import LayerGradCam

        self.views, self.device = bundle.views, torch.device(device)
        self.normalise = Normalise(bundle.spec).to(self.device)
        classifier = network.to(self.device).eval()
        for module in classifier.modules():
            if hasattr(module, "inplace"):
                module.inplace = False  # type: ignore[assignment]  # it would change maps behind captum's back
        layer, self.cells = maps_layer(classifier.backbone, bundle.spec)
        self._grad_cam = LayerGradCam(classifier, layer)

    def maps(self, images: NDArray[np.uint8], classes: NDArray[np.int64]) -> NDArray[np.float32]:
        """What speaks for a class in each image.

        Args:
            images: (N, C, P, P) uint8 as prepared for prediction.
            classes: (N,) indices of the classes to explain.

        Returns:
            (N, S, S) float32 of the network's input size, 0..1; each map's largest value is 1, or 0 where nothing
            speaks for the class.
        """
        pairs = zip(_split(torch.from_numpy(images)), _split(torch.from_numpy(classes)), strict=True)
        found = torch.cat([self._batch(*pair) for pair in pairs])
        return (found / found.amax((1, 2), keepdim=True).clamp(min=torch.finfo().tiny)).numpy()

    def _batch(self, images: Tensor, classes: Tensor) -> Tensor:
        from captum.attr import LayerAttribution

        inputs = self.normalise(
            self.views.centre(images.to(self.device))
        ).requires_grad_()  # else nothing of a frozen one
        coarse = self._grad_cam.attribute(inputs, classes.to(self.device), relu_attributions=True).detach()
        fine: Tensor = LayerAttribution.interpolate(coarse, inputs.shape[2:], "bilinear")
        return fine.squeeze(1).float().cpu()

    def seen(self, images: NDArray[np.uint8]) -> list[Image]:
        """What is explained of prepared images (N, C, P, P), for show: N pictures (S, S, 3)."""
        pixels = self.views.centre(torch.from_numpy(images)).permute(0, 2, 3, 1).numpy()
        return list(np.broadcast_to(pixels, (*pixels.shape[:3], 3)))


def maps_layer(backbone: Backbone, spec: InputSpec) -> tuple[nn.Module, int]:
    """The last layer or block of a network whose square feature maps have 4 x 4 cells or more, and its rows of cells.

    Raises:
        ConfigError: There is none.
    """
    sides: dict[nn.Module, int] = {}

    def note(module: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] == output.shape[3] >= _CELLS:
            sides.pop(module, None)  # a layer that is used twice counts where it was last
            sides[module] = output.shape[2]

    hooks = [module.register_forward_hook(note) for module in _stages(backbone.trunk)]
    device, training = next(backbone.parameters()).device, backbone.training
    backbone.eval()
    try:
        with torch.no_grad():
            backbone(torch.zeros(1, spec.channels, spec.size, spec.size, device=device))
    finally:
        backbone.train(training)
        for hook in hooks:
            hook.remove()
    if not sides:
        raise ConfigError(
            [
                f"report.explain=true: the backbone has no feature maps of {_CELLS} x {_CELLS} cells at "
                f"{spec.size} px; take a convolutional network, a larger backbone.image_size, or report.explain=false"
            ]
        )
    return list(sides.items())[-1]


def _stages(module: nn.Module) -> Iterator[nn.Module]:
    """A network's layers and blocks in a row: what lies inside a block, beside its shortcut say, is none of them."""
    for child in module.children():
        if isinstance(child, nn.Sequential):
            yield from _stages(child)
        else:
            yield child


def _split(values: Tensor) -> tuple[Tensor, ...]:
    return torch.split(values, _BATCH)
