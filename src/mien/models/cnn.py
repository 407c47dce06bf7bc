"""The convolutional networks that are mien's own: two published ones, layer for layer, and a small quick one."""

from torch import Tensor, nn

from mien.config.schema import BackboneConfig
from mien.models.backbone import Backbone, HeadSpec


def custom_cnn(config: BackboneConfig) -> Backbone:
    """Study A's own network: three 3x3 convolutions, two poolings, and (as its head) linear 1024, ReLU, dropout 0.2.

    At its 64 px the features are 256 x 16 x 16 = 65,536.
    """
    trunk = nn.Sequential(
        nn.Conv2d(config.channels, 64, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(64, 128, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(128, 256, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    )
    num_features = 256 * (config.image_size // 4) ** 2
    return Backbone(trunk, nn.Flatten(), num_features, HeadSpec((1024,), (0.2,)))


def fer_vgg(config: BackboneConfig) -> Backbone:
    """Study B's network (TensorFlow 2, 48x48 gray), with Keras' initialisation and batch-norm constants.

    Four blocks of two 3x3 convolutions, each block ending in max pooling and dropout 0.5; the first convolution is
    'valid' and has an L2 penalty of 0.01 on its kernel. Its head is 512-256-128 with dropout 0.4, 0.4, 0.5.
    """
    layers: list[nn.Module] = [nn.Conv2d(config.channels, 64, 3), nn.ReLU(inplace=True)]
    layers += [nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(inplace=True), _keras_norm(64), *_block_end()]
    for before, after in ((64, 128), (128, 256), (256, 512)):
        for channels in (before, after):
            layers += [nn.Conv2d(channels, after, 3, padding=1), nn.ReLU(inplace=True), _keras_norm(after)]
        layers += _block_end()
    trunk = nn.Sequential(*layers)
    for module in trunk:
        if isinstance(module, nn.Conv2d):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias) if module.bias is not None else None
    num_features = 512 * ((config.image_size - 2) // 16) ** 2
    head = HeadSpec((512, 256, 128), (0.4, 0.4, 0.5), glorot=True)
    return Backbone(trunk, nn.Flatten(), num_features, head, l2={"0.weight": 0.01})


def _keras_norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with Keras' defaults: momentum 0.99 (PyTorch counts the other way round), epsilon 0.001."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _block_end() -> list[nn.Module]:
    return [nn.MaxPool2d(2), nn.Dropout(0.5)]


def small_cnn(config: BackboneConfig) -> Backbone:
    """The default network: quick on a laptop's processor. A stem and three residual stages of 32, 64, 128 and 256."""
    trunk = nn.Sequential()
    trunk.add_module("stem", nn.Sequential(*_conv_norm(config.channels, 32, stride=2), nn.ReLU(inplace=True)))
    for stage, (before, after) in enumerate(((32, 64), (64, 128), (128, 256)), start=1):
        trunk.add_module(f"stage{stage}", _Residual(before, after))
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Backbone(trunk, pool, 256, HeadSpec())


def _conv_norm(before: int, after: int, stride: int = 1) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    return nn.Conv2d(before, after, 3, stride, padding=1, bias=False), nn.BatchNorm2d(after)


class _Residual(nn.Module):
    """Two 3x3 convolutions with a shortcut; halves height and width (He et al. 2016, basic block)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *_conv_norm(before, after, stride=2), nn.ReLU(inplace=True), *_conv_norm(after, after)
        )
        self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride=2, bias=False), nn.BatchNorm2d(after))
        self.activation = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:
        output: Tensor = self.activation(self.branch(maps) + self.shortcut(maps))
        return output
