"""The networks of published FER2013 recipes, for crops of 40 and 44 pixels, with PyTorch's own initialisation.

The recipes around them are in ``experiments/fer2013_scratch``.
"""

from typing import Any

from torch import nn

from mien.config.schema import BackboneConfig
from mien.models.backbone import Backbone, HeadSpec


def vgg_4_blocks(config: BackboneConfig) -> Backbone:
    """The VGG of Khaireddin and Chen 2021 (github.com/usef-kh/fer): four blocks of two 3x3 convolutions.

    Its head is 4096-4096 with dropout 0.2; at its 40 px the features are 512 x 2 x 2.
    """
    trunk = _vgg(config.channels, (64, 2), (128, 2), (256, 2), (512, 2))
    return Backbone(trunk, nn.Flatten(), 512 * (config.image_size // 16) ** 2, HeadSpec((4096, 4096), (0.2, 0.2)))


def vgg19_small(config: BackboneConfig) -> Backbone:
    """VGG19 with batch norm in github.com/WuJie1010/Facial-Expression-Recognition.Pytorch: no wide layers.

    Its head is dropout 0.5 and one linear layer; at its 44 px the features are 512 x 1 x 1.
    """
    trunk = _vgg(config.channels, (64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
    return Backbone(trunk, nn.Flatten(), 512 * (config.image_size // 32) ** 2, HeadSpec(input_dropout=0.5))


def resnet18_small(config: BackboneConfig) -> Backbone:
    """ResNet18 with a stem for small images (3x3, stride 1, no pooling), as in the repository of :func:`vgg19_small`.

    There the average is taken over 4 x 4 cells, which at 44 px leaves the last two rows and columns of 6 x 6 unused;
    so it is here. Its head is dropout 0.5 and one linear layer; ``head=linear`` goes without the dropout.
    """
    from timm.models.resnet import BasicBlock, ResNet

    trunk: Any = ResNet(BasicBlock, [2, 2, 2, 2], num_classes=0, in_chans=config.channels, global_pool="")
    trunk.conv1 = nn.Conv2d(config.channels, 64, 3, padding=1, bias=False)
    trunk.maxpool = nn.Identity()
    for module in trunk.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    cells = -(-config.image_size // 8)
    pool = nn.Sequential(nn.AvgPool2d(4), nn.Flatten())
    return Backbone(trunk, pool, 512 * (cells // 4) ** 2, HeadSpec(input_dropout=0.5))


def _vgg(channels: int, *blocks: tuple[int, int]) -> nn.Sequential:
    """Blocks of so many maps and so many 3x3 convolutions with batch norm and ReLU, each ending in max pooling."""
    layers: list[nn.Module] = []
    for width, convolutions in blocks:
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)
