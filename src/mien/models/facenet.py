"""``backbone=inception_resnet_v1``: facenet-pytorch's network, which has learned to tell persons apart by their faces.

Source: Schroff et al. 2015, "FaceNet: a unified embedding for face recognition and clustering", CVPR; the network is
Inception-ResNet v1 of Szegedy et al. 2016, trained by David Sandberg, ported to PyTorch by Tim Esler.
"""

from collections import OrderedDict
from itertools import takewhile
from pathlib import Path

from torch import Tensor, nn

from mien.config.schema import BackboneConfig
from mien.errors import ConfigError, WeightsError
from mien.models.backbone import Backbone

NAME = "inception_resnet_v1"
FEATURES = 1792
PUBLISHED = {"vggface2": "20180402-114759-vggface2.pt", "casia-webface": "20180408-102900-casia-webface.pt"}
"""The sets of faces that facenet-pytorch publishes weights of, and what it calls their files."""


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


def published_state(faces: str) -> dict[str, Tensor]:
    """The published weights of the whole network; facenet-pytorch fetches them once, into a cache folder.

    Args:
        faces: One of :data:`PUBLISHED`.

    Raises:
        WeightsError: They cannot be fetched, or their file is damaged.
    """
    from facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1, get_torch_home

    file = Path(get_torch_home()) / "checkpoints" / PUBLISHED[faces]
    kept = file.is_file()
    try:
        return dict(InceptionResnetV1(pretrained=faces).state_dict())
    except Exception as error:  # of the network, of the file system, or of reading the file
        if kept:
            raise WeightsError(f"backbone.weights={faces}: {file} is damaged; remove it ({error})") from error
        raise WeightsError(
            f"backbone.weights={faces}: facenet-pytorch's weights cannot be fetched ({error}); connect to the internet "
            f"once, or put them at {file}, give backbone.weights=<path of a checkpoint>, or start from random ones "
            "with backbone.weights=none"
        ) from error
