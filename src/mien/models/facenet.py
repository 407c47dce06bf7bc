"""``backbone=inception_resnet_v1``: facenet-pytorch's network, which has learned to tell persons apart by their faces.

Source: Schroff et al. 2015, "FaceNet: a unified embedding for face recognition and clustering", CVPR; the network is
Inception-ResNet v1 of Szegedy et al. 2016, trained by David Sandberg, ported to PyTorch by Tim Esler.
"""

from collections import OrderedDict
from itertools import takewhile

from torch import nn

from mien.config.schema import BackboneConfig
from mien.errors import ConfigError
from mien.models.backbone import Backbone

NAME = "inception_resnet_v1"
FEATURES = 1792


def inception_resnet_v1(config: BackboneConfig) -> Backbone:
    """The network up to its average pooling, without the embedding; its layers have facenet-pytorch's names.

    Args:
        config: ``channels`` is 3; images have 75 px or more.

    Raises:
        ConfigError: Other channels.
    """
    if config.channels != 3:
        raise ConfigError([f"backbone.channels: {NAME} takes RGB images, 3 channels, got {config.channels}"])
    return Backbone(trunk(), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), FEATURES)


def trunk() -> nn.Sequential:
    """(B, 3, H, W), ``(x - 0.5) / 0.5``, to (B, 1792, h, w); randomly initialised."""
    from facenet_pytorch import InceptionResnetV1

    layers = takewhile(lambda layer: layer[0] != "avgpool_1a", InceptionResnetV1().named_children())
    return nn.Sequential(OrderedDict(layers))
