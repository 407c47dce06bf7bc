"""Checks that look at several settings at once. They only collect; the door raises all problems together."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mien.config.evaluate import EvaluateConfig
from mien.config.schema import (
    BackboneConfig,
    Config,
    DatasetConfig,
    DetectorConfig,
    HeadConfig,
    LossConfig,
    OptimizerConfig,
    ProtocolConfig,
    ScenesConfig,
    ScheduleConfig,
    TrainerConfig,
)
from mien.errors import nearest

_MONITORS = ("accuracy", "loss", "macro_recall")
_PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed")


def problems_of(config: Config) -> list[str]:
    """Everything that is wrong with a config, as sentences that begin with the key."""
    return [
        *dataset_problems(config.dataset),
        *_backbone(config.backbone),
        *_features(config),
        *_head(config.head),
        *_augment(config),
        *_loss(config.loss),
        *_optimizer(config.optimizer),
        *_schedule(config.schedule),
        *protocol_problems(config.protocol),
        *_selection(config),
        *_trainer(config.trainer),
        *_choice("logger.mode", config.logger.mode, ("auto", "online", "offline")),
        *_choice("resume", config.resume, ("auto", "never")),
        *_range("seed", config.seed, 0, 2**32 - 1),
        *photo_problems(config.detector, config.scenes),
    ]


def _choice(key: str, value: str, known: Iterable[str]) -> Iterator[str]:
    names = tuple(known)
    if value not in names:
        yield f"{key}: unknown value {value!r}; {nearest(value, names)}"


def _range(key: str, value: float | None, low: float, high: float = float("inf")) -> Iterator[str]:
    if value is not None and not low <= value <= high:
        limit = f"{low:g} or more" if high == float("inf") else f"{low:g} to {high:g}"
        yield f"{key}: expected {limit}, got {value:g}"


def dataset_problems(c: DatasetConfig) -> Iterator[str]:
    """What is wrong with a data set's settings."""
    yield from _range("dataset.batch_size", c.batch_size, 1)
    yield from _range("dataset.validation_fraction", c.validation_fraction, 0.01, 0.9)
    yield from _range("dataset.test_fraction", c.test_fraction, 0.01, 0.9)
    yield from _range("dataset.workers", c.workers, 0)
    yield from _range("dataset.split_seed", c.split_seed, 0)
    yield from _range("dataset.drawn.seed", c.drawn.seed, 0)
    yield from _range("dataset.drawn.size", c.drawn.size, 8)
    yield from _range("dataset.decode_size", c.decode_size, 8)
    yield from _range("dataset.drawn.label_noise", c.drawn.label_noise, 0, 1)
    for split in ("train", "validation", "test"):
        yield from _range(f"dataset.drawn.{split}", getattr(c.drawn, split), 7)
    if c.cache.lower() in ("", "false", "no", "none", "null") or (c.cache.lower() == "off" and c.cache != "off"):
        yield f"dataset.cache: expected auto, off or a folder, got {c.cache!r}; in YAML quote it: cache: 'off'"
    if c.version is not None and c.name != "micro_expressions":
        yield f"dataset.version: {c.name} has no versions, got {c.version!r}; leave it out"


def _backbone(c: BackboneConfig) -> Iterator[str]:
    yield from _range("backbone.image_size", c.image_size, 8, 2048)
    yield from _choice("backbone.pool", c.pool, ("auto", "avg", "grid"))
    if c.channels not in (1, 3):
        yield f"backbone.channels: expected 1 (gray) or 3 (RGB), got {c.channels}"
    if c.name == "timm" and c.model is None:
        yield "backbone.model: backbone=timm needs a name, such as backbone.model=mobilenetv3_small_100"
    if c.weights not in ("none", "imagenet") and not Path(c.weights).is_file():
        yield f"backbone.weights: expected none, imagenet or a checkpoint's path; there is no file {c.weights!r}"
    if c.weights == "imagenet" and c.model is None:
        yield f"backbone.weights: there are no ImageNet weights of {c.name}; use none, or another backbone"
    if c.freeze != "none" and c.weights == "none":
        yield f"backbone.freeze={c.freeze} would keep random weights; set backbone.weights, or backbone.freeze=none"


def _features(config: Config) -> Iterator[str]:
    backbone, views = config.backbone, config.backbone.cache_features.views
    yield from _range("backbone.cache_features.views", views, 0)
    if views and backbone.freeze != "all":
        yield "backbone.cache_features: only a frozen backbone's features stay the same; set backbone.freeze=all"
    if views and (config.augment.mixup or config.augment.cutmix):
        yield "backbone.cache_features: images cannot be mixed behind the backbone; set augment.mixup and cutmix to 0"
    if views and config.dataset.cache == "off":
        yield "backbone.cache_features: needs a cache; set dataset.cache=auto or a folder"


def _head(c: HeadConfig) -> Iterator[str]:
    yield from _choice("head.name", c.name, ("auto", "linear", "mlp"))
    if c.name == "mlp" and len(c.hidden) != len(c.dropout):
        yield f"head: expected one dropout a hidden layer, got hidden={c.hidden} and dropout={c.dropout}"
    for width in c.hidden:
        yield from _range("head.hidden", width, 1)
    for dropout in c.dropout:
        yield from _range("head.dropout", dropout, 0, 0.99)


def _augment(config: Config) -> Iterator[str]:
    c = config.augment
    yield from _choice("augment.interpolation", c.interpolation, ("bilinear", "nearest"))
    yield from _choice("augment.padding", c.padding, ("border", "reflection", "zeros"))
    yield from _range("augment.rotate", c.rotate, 0, 180)
    yield from _range("augment.crop", c.crop, 0, 0.9)
    yield from _range("augment.scale", c.scale, 0, 0.9)
    for key in ("shift", "flip", "brightness", "contrast", "gray", "erase", "mixup", "cutmix"):
        yield from _range(f"augment.{key}", getattr(c, key), 0, 1)
    if c.mixup + c.cutmix > 1:
        yield f"augment.mixup + augment.cutmix: expected a sum of 1 at most, got {c.mixup:g} + {c.cutmix:g}"
    if not 0 < c.mix_alpha < float("inf"):
        yield f"augment.mix_alpha: expected a number above 0, got {c.mix_alpha:g}"
    if config.loss.name == "focal" and (c.mixup or c.cutmix):
        yield "loss=focal takes no mixed labels; use loss=cross_entropy, or set augment.mixup and augment.cutmix to 0"


def _loss(c: LossConfig) -> Iterator[str]:
    yield from _range("loss.label_smoothing", c.label_smoothing, 0, 0.99)
    yield from _range("loss.gamma", c.gamma, 0)
    if c.name == "focal" and c.label_smoothing:
        yield "loss.label_smoothing: the focal loss has none; use loss=cross_entropy or set it to 0"


def _optimizer(c: OptimizerConfig) -> Iterator[str]:
    yield from _range("optimizer.lr", c.lr, 0)
    yield from _range("optimizer.backbone_lr", c.backbone_lr, 0)
    yield from _range("optimizer.weight_decay", c.weight_decay, 0)
    yield from _range("optimizer.momentum", c.momentum, 0, 1)
    if c.name == "sgd" and c.nesterov and c.momentum == 0:
        yield "optimizer.nesterov: needs a momentum above 0"


def _schedule(c: ScheduleConfig) -> Iterator[str]:
    yield from _choice("schedule.monitor", c.monitor, _MONITORS)
    yield from _range("schedule.step_size", c.step_size, 1)
    yield from _range("schedule.gamma", c.gamma, 0, 1)
    yield from _range("schedule.patience", c.patience, 1)
    yield from _range("schedule.pct_start", c.pct_start, 0, 1)
    yield from _range("schedule.warmup_epochs", c.warmup_epochs, 0)
    if c.warmup_epochs and c.name in ("onecycle", "plateau"):
        yield f"schedule.warmup_epochs: schedule={c.name} has none; use constant, step or cosine, or set it to 0"


def photo_problems(detector: DetectorConfig, scenes: ScenesConfig) -> Iterator[str]:
    """What is wrong with the settings of the end-to-end stage."""
    yield from _range("detector.min_score", detector.min_score, 0, 1)
    yield from _range("detector.margin", detector.margin, -0.9, 10)
    yield from _range("detector.min_face_size", detector.min_face_size, 1)
    yield from _range("scenes.count", scenes.count, 1)
    yield from _range("scenes.seed", scenes.seed, 0)


def evaluate_problems(config: EvaluateConfig) -> list[str]:
    """Everything that is wrong with the config of an evaluation."""
    return [
        *dataset_problems(config.dataset),
        *photo_problems(config.detector, config.scenes),
        *_choice("split", config.split, ("train", "validation", "test")),
        *_choice("accelerator", config.accelerator, ("auto", "cpu", "gpu")),
    ]


def protocol_problems(c: ProtocolConfig) -> Iterator[str]:
    """A protocol must say what it does: selection on the test split is refused under any name but ``published``."""
    yield from _choice("protocol.name", c.name, ("clean", "published"))
    yield from _choice("protocol.checkpoint", c.checkpoint, ("best", "last"))
    yield from _choice("protocol.monitor", c.monitor, _MONITORS)
    yield from _choice("protocol.selection", c.selection, ("validation", "test", "none"))
    yield from _choice("protocol.report", c.report, ("test", "validation"))
    if c.name != "published" and c.selection == c.report:
        yield (
            f"protocol.selection: choosing on the {c.report} split and reporting it is no clean protocol; "
            "use selection=validation, or protocol=published, which then stands in every table"
        )
    if c.name == "clean" and c.selection != "validation":
        yield f"protocol.selection: protocol=clean selects on validation, got {c.selection!r}"
    if c.name == "clean" and c.report != "test":
        yield f"protocol.report: protocol=clean reports the test split, got {c.report!r}"


def _selection(config: Config) -> Iterator[str]:
    yield from _choice("trainer.early_stopping_monitor", config.trainer.early_stopping_monitor, _MONITORS)
    if config.protocol.selection != "none":
        return
    needing = {
        "protocol.checkpoint=best": config.protocol.checkpoint == "best",
        "schedule=plateau": config.schedule.name == "plateau",
        "trainer.early_stopping": config.trainer.early_stopping is not None,
    }
    for key, used in needing.items():
        if used:
            yield f"{key} needs a selection split, but protocol.selection is none"


def _trainer(c: TrainerConfig) -> Iterator[str]:
    yield from _range("trainer.max_epochs", c.max_epochs, 1)
    limit = c.limit_train_batches
    if (
        limit is not None
        and not (isinstance(limit, int) and limit >= 1)
        and not (isinstance(limit, float) and 0 < limit <= 1)
    ):
        yield f"trainer.limit_train_batches: expected a whole number of batches, or a share up to 1.0, got {limit!r}"
    yield from _range("trainer.gradient_clip", c.gradient_clip, 0)
    yield from _range("trainer.early_stopping", c.early_stopping, 1)
    yield from _choice("trainer.accelerator", c.accelerator, ("auto", "cpu", "gpu"))
    yield from _choice("trainer.strategy", c.strategy, ("auto", "ddp"))
    yield from _choice("trainer.precision", c.precision, _PRECISIONS)
    if c.devices != "auto" and not (c.devices.isdigit() and int(c.devices) > 0):
        yield f"trainer.devices: expected auto or a number of devices, got {c.devices!r}"
