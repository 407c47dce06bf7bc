"""Builders by name: the config's ``backbone`` and ``head`` become a classifier."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mien.config.schema import BackboneConfig, HeadConfig
from mien.errors import ConfigError, nearest
from mien.models.backbone import Backbone, HeadSpec
from mien.models.cnn import custom_cnn, fer_vgg, small_cnn
from mien.models.facenet import inception_resnet_v1
from mien.models.fer2013 import resnet18_small, vgg19_small, vgg_4_blocks
from mien.models.heads import build_head
from mien.models.timm_trunk import timm_trunk
from mien.models.weights import imagenet_statistics, load_weights
from mien.types import InputSpec

BACKBONES: dict[str, Callable[[BackboneConfig], Backbone]] = {
    "custom_cnn": custom_cnn,
    "fer_vgg": fer_vgg,
    "resnet18_small": resnet18_small,
    "small_cnn": small_cnn,
    "vgg19_small": vgg19_small,
    "vgg_4_blocks": vgg_4_blocks,
    "efficientnet_lite0": timm_trunk,
    "efficientnet_lite1": timm_trunk,
    "efficientnet_lite2": timm_trunk,
    "inception_resnet_v1": inception_resnet_v1,
    "inception_v3": timm_trunk,
    "mobilenet_v1": timm_trunk,
    "resnet18": timm_trunk,
    "resnet50": timm_trunk,
    "vgg16": timm_trunk,
    "vgg19": timm_trunk,
    "timm": timm_trunk,
}
"""Every network by the name it has in the config."""


class Classifier(nn.Module):
    """Backbone and head: (B, C, H, W) normalised floats to (B, K) logits."""

    def __init__(self, backbone: Backbone, head: nn.Module, num_classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.num_classes = num_classes

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) to (B, K)."""
        logits: Tensor = self.head(self.backbone(images))
        return logits

    def count_parameters(self) -> tuple[int, int]:
        """All parameters, and the trainable ones."""
        sizes = [(p.numel(), p.requires_grad) for p in self.parameters()]
        return sum(n for n, _ in sizes), sum(n for n, trainable in sizes if trainable)


def input_spec(config: BackboneConfig) -> InputSpec:
    """What this backbone wants to see, known before it is built.

    Raises:
        ConfigError: ``mean`` and ``std`` do not have one value a channel.
    """
    mean, std = config.mean, config.std
    if mean is None or std is None:
        default_mean, default_std = imagenet_statistics(config)
        mean = default_mean if mean is None else mean
        std = default_std if std is None else std
    if not len(mean) == len(std) == config.channels:
        raise ConfigError(
            [f"backbone.mean and backbone.std: expected {config.channels} values each, got {mean} and {std}"]
        )
    return InputSpec(config.image_size, config.channels, tuple(mean), tuple(std))


def build_classifier(backbone: BackboneConfig, head: HeadConfig, num_classes: int, load: bool = True) -> Classifier:
    """Build the network, load its weights and freeze what is to be frozen.

    Args:
        backbone: Its config.
        head: The head's config; ``auto`` takes the one that belongs to the backbone.
        num_classes: K, the width of the logits.
        load: False leaves ``weights`` aside, for a network whose weights come from a bundle.

    Raises:
        ConfigError: An unknown name, or an image too small for the network.
        WeightsError: Weights that cannot be had or do not fit.
    """
    if backbone.name not in BACKBONES:
        raise ConfigError([f"backbone.name: unknown backbone {backbone.name!r}; {nearest(backbone.name, BACKBONES)}"])
    body = BACKBONES[backbone.name](backbone)
    _try_out(body, backbone)
    if load:
        with torch.random.fork_rng(devices=[]):  # fetching draws random numbers, a cached file does not
            load_weights(body, backbone)
    body.freeze(backbone.freeze, backbone.freeze_batchnorm)
    natural = head.name == "auto"
    spec = body.natural_head if natural else HeadSpec(*_layers(head))
    return Classifier(body, build_head(spec, body.num_features, num_classes), num_classes)


def _try_out(body: Backbone, config: BackboneConfig) -> None:
    """Pass one image, so that a size which the network cannot take shows before work starts."""
    try:
        with torch.no_grad():
            features = body.eval()(torch.zeros(1, config.channels, config.image_size, config.image_size))
    except RuntimeError as error:
        raise ConfigError(
            [
                f"backbone.image_size: {config.model or config.name} cannot take {config.image_size} px; try a larger "
                f"size, or the one that the network was made for ({error})"
            ]
        ) from error
    body.train()
    if tuple(features.shape) != (1, body.num_features):
        raise ConfigError(
            [f"backbone: expected (1, {body.num_features}) features of {config.name}, got {tuple(features.shape)}"]
        )


def _layers(head: HeadConfig) -> tuple[tuple[int, ...], tuple[float, ...]]:
    if head.name == "linear":
        return (), ()
    if head.name == "mlp":
        return tuple(head.hidden), tuple(head.dropout)
    raise ConfigError([f"head.name: unknown head {head.name!r}; {nearest(head.name, ('auto', 'linear', 'mlp'))}"])
