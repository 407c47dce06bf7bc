"""Checks that look at several settings at once. They only collect; the door raises all problems together."""

from collections.abc import Iterator

from mien.config.check_images import (
    SPLITS,
    choice,
    crop_problems,
    dataset_problems,
    detector_problems,
    in_range,
    no_data_problems,
    photo_problems,
)
from mien.config.check_protocol import MONITORS, protocol_problems
from mien.config.check_search import search_problems
from mien.config.check_sweep import launcher_problems
from mien.config.evaluate import EvaluateConfig
from mien.config.loggers import logger_problems
from mien.config.recognize import TABLE_FORMATS, RecognizeConfig
from mien.config.schema import (
    BackboneConfig,
    Config,
    HeadConfig,
    LossConfig,
    OptimizerConfig,
    ScheduleConfig,
    TrainerConfig,
)

_PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed")


def problems_of(config: Config) -> list[str]:
    """Everything that is wrong with a config, as sentences that begin with the key."""
    return [
        *no_data_problems(config.dataset),
        *dataset_problems(config.dataset),
        *_backbone(config.backbone),
        *_features(config),
        *_head(config.head),
        *_augment(config),
        *_loss(config.loss),
        *_optimizer(config.optimizer),
        *_schedule(config.schedule),
        *protocol_problems(config),
        *_trainer(config.trainer),
        *logger_problems(config.logger),
        *choice("resume", config.resume, ("auto", "never")),
        *in_range("seed", config.seed, 0, 2**32 - 1),
        *photo_problems(config.detector, config.scenes),
        *crop_problems(config.crop),
        *_crops_of_study_a(config),
        *launcher_problems(config.launcher, config.trainer),
        *search_problems(config),
    ]


def _backbone(c: BackboneConfig) -> Iterator[str]:
    yield from in_range("backbone.image_size", c.image_size, 8, 2048)
    yield from choice("backbone.pool", c.pool, ("auto", "avg", "grid"))
    if c.channels not in (1, 3):
        yield f"backbone.channels: expected 1 (gray) or 3 (RGB), got {c.channels}"
    if c.name == "timm" and c.model is None:
        yield "backbone.model: backbone=timm needs a name, such as backbone.model=mobilenetv3_small_100"
    if c.weights == "imagenet" and c.model is None:
        others = "vggface2, casia-webface, none" if c.name == "inception_resnet_v1" else "none"
        yield f"backbone.weights: there are no ImageNet weights of {c.name}; use {others}, or another backbone"
    if c.freeze != "none" and c.weights == "none":
        yield f"backbone.freeze={c.freeze} would keep random weights; set backbone.weights, or backbone.freeze=none"


def _features(config: Config) -> Iterator[str]:
    backbone, views = config.backbone, config.backbone.cache_features.views
    yield from in_range("backbone.cache_features.views", views, 0)
    if views and backbone.freeze != "all":
        yield "backbone.cache_features: only a frozen backbone's features stay the same; set backbone.freeze=all"
    if views and (config.augment.mixup or config.augment.cutmix):
        yield "backbone.cache_features: images cannot be mixed behind the backbone; set augment.mixup and cutmix to 0"
    if views and (config.protocol.ten_crop or config.augment.repeats > 1):
        yield "backbone.cache_features: has views of its own; set protocol.ten_crop=0 and augment.repeats=1"
    if views and config.dataset.cache == "off":
        yield "backbone.cache_features: needs a cache; set dataset.cache=auto or a folder"


def _head(c: HeadConfig) -> Iterator[str]:
    yield from choice("head.name", c.name, ("auto", "linear", "mlp"))
    if c.name == "mlp" and len(c.hidden) != len(c.dropout):
        yield f"head: expected one dropout a hidden layer, got hidden={c.hidden} and dropout={c.dropout}"
    for width in c.hidden:
        yield from in_range("head.hidden", width, 1)
    for dropout in c.dropout:
        yield from in_range("head.dropout", dropout, 0, 0.99)


def _augment(config: Config) -> Iterator[str]:
    c = config.augment
    yield from choice("augment.interpolation", c.interpolation, ("bilinear", "nearest"))
    yield from choice("augment.padding", c.padding, ("border", "reflection", "zeros"))
    yield from in_range("augment.rotate", c.rotate, 0, 180)
    yield from in_range("augment.crop", c.crop, 0, 0.9)
    yield from in_range("augment.scale", c.scale, 0, 0.9)
    yield from in_range("augment.repeats", c.repeats, 1, 100)
    side = config.dataset.decode_size or config.protocol.ten_crop
    if c.cut and side <= config.backbone.image_size:
        yield "augment.cut: images come no larger than the network's input; set dataset.decode_size to a larger side"
    shares = ("shift", "flip", "brightness", "contrast", "gray", "blur", "low_resolution", "jpeg", "erase")
    for key in (*shares, "mixup", "cutmix"):
        yield from in_range(f"augment.{key}", getattr(c, key), 0, 1)
    if c.mixup + c.cutmix > 1:
        yield f"augment.mixup + augment.cutmix: expected a sum of 1 at most, got {c.mixup:g} + {c.cutmix:g}"
    if not 0 < c.mix_alpha < float("inf"):
        yield f"augment.mix_alpha: expected a number above 0, got {c.mix_alpha:g}"
    if config.loss.name == "focal" and (c.mixup or c.cutmix):
        yield "loss=focal takes no mixed labels; use loss=cross_entropy, or set augment.mixup and augment.cutmix to 0"


def _loss(c: LossConfig) -> Iterator[str]:
    yield from in_range("loss.label_smoothing", c.label_smoothing, 0, 0.99)
    yield from in_range("loss.gamma", c.gamma, 0)
    if c.name == "focal" and c.label_smoothing:
        yield "loss.label_smoothing: the focal loss has none; use loss=cross_entropy or set it to 0"


def _optimizer(c: OptimizerConfig) -> Iterator[str]:
    yield from in_range("optimizer.lr", c.lr, 0)
    yield from in_range("optimizer.backbone_lr", c.backbone_lr, 0)
    yield from in_range("optimizer.weight_decay", c.weight_decay, 0)
    yield from in_range("optimizer.momentum", c.momentum, 0, 1)
    if c.name == "sgd" and c.nesterov and c.momentum == 0:
        yield "optimizer.nesterov: needs a momentum above 0"


def _schedule(c: ScheduleConfig) -> Iterator[str]:
    yield from choice("schedule.monitor", c.monitor, MONITORS)
    yield from in_range("schedule.step_size", c.step_size, 1)
    yield from in_range("schedule.start_epoch", c.start_epoch, 0)
    yield from in_range("schedule.gamma", c.gamma, 0, 1)
    yield from in_range("schedule.patience", c.patience, 1)
    yield from in_range("schedule.pct_start", c.pct_start, 0, 1)
    if c.name == "onecycle" and c.pct_start == 1:
        yield "schedule.pct_start=1: expected less than 1, so that the rate can fall again"
    yield from in_range("schedule.warmup_epochs", c.warmup_epochs, 0)
    if c.warmup_epochs and c.name in ("onecycle", "plateau"):
        yield f"schedule.warmup_epochs: schedule={c.name} has none; use constant, step or cosine, or set it to 0"


def _crops_of_study_a(config: Config) -> Iterator[str]:
    if config.crop.preprocess == "study_a" and config.dataset.faces == "detected":
        yield "dataset.faces=detected: study A resized its training images otherwise; use crop.preprocess=standard"


def evaluate_problems(config: EvaluateConfig) -> list[str]:
    """Everything that is wrong with the config of an evaluation."""
    return [
        *dataset_problems(config.dataset),
        *photo_problems(config.detector, config.scenes),
        *choice("split", config.split, SPLITS),
        *choice("accelerator", config.accelerator, ("auto", "cpu", "gpu")),
        *choice("resume", config.resume, ("auto", "never")),
        *_nothing_to_score(config),
        *_nothing_to_crop(config),
        *_nothing_to_explain(config),
        *launcher_problems(config.launcher),
        *logger_problems(config.logger),
    ]


def _nothing_to_crop(config: EvaluateConfig) -> Iterator[str]:
    asked = [key for key, value in vars(config.crop).items() if value is not None]
    if asked and config.scenes.name == "none" and config.dataset.faces == "given":
        yield f"crop.{asked[0]}: no face is cut out here; pass scenes=<name>, or dataset.faces=detected"


def _nothing_to_explain(config: EvaluateConfig) -> Iterator[str]:
    if config.report.explain and config.dataset.name == "none":
        yield "report.explain=true: explains predictions on a data set; pass dataset=<name>"


def _nothing_to_score(config: EvaluateConfig) -> Iterator[str]:
    if config.dataset.name == config.scenes.name == "none":
        yield "dataset and scenes: there is nothing to score; pass dataset=<name>, scenes=<name>, or both"


def recognize_problems(config: RecognizeConfig) -> list[str]:
    """Everything that is wrong with the config of a recognition."""
    missing = {
        "model": "a run folder or a bundle, such as model=outputs/default",
        "source": "a photo, a folder, a pattern, a video or a camera's number, such as source=photo.jpg",
    }
    return [
        *(f"{key}: it needs a value; expected {hint}" for key, hint in missing.items() if not getattr(config, key)),
        *detector_problems(config.detector),
        *choice("table", config.table, TABLE_FORMATS),
        *in_range("every", config.every, 1),
        *in_range("smooth", config.smooth, 0, 60),
        *in_range("max_frames", config.max_frames, 1),
        *in_range("batch_size", config.batch_size, 1),
        *choice("accelerator", config.accelerator, ("auto", "cpu", "gpu")),
        *choice("resume", config.resume, ("auto", "never")),
    ]


def _trainer(c: TrainerConfig) -> Iterator[str]:
    yield from in_range("trainer.max_epochs", c.max_epochs, 1)
    limit = c.limit_train_batches
    if (
        limit is not None
        and not (isinstance(limit, int) and limit >= 1)
        and not (isinstance(limit, float) and 0 < limit <= 1)
    ):
        yield f"trainer.limit_train_batches: expected a whole number of batches, or a share up to 1.0, got {limit!r}"
    yield from in_range("trainer.gradient_clip", c.gradient_clip, 0)
    yield from choice("trainer.gradient_clip_by", c.gradient_clip_by, ("norm", "value"))
    yield from in_range("trainer.early_stopping", c.early_stopping, 1)
    yield from choice("trainer.accelerator", c.accelerator, ("auto", "cpu", "gpu"))
    yield from choice("trainer.strategy", c.strategy, ("auto", "ddp"))
    yield from choice("trainer.precision", c.precision, _PRECISIONS)
    if c.devices != "auto" and not (c.devices.isdigit() and int(c.devices) > 0):
        yield f"trainer.devices: expected auto or a number of devices, got {c.devices!r}"
    if c.devices == "auto" and c.strategy == "ddp" and c.accelerator == "cpu":
        yield "trainer.devices: on the CPU, say how many processes train; pass trainer.devices=2"
    yield from in_range("trainer.num_nodes", c.num_nodes, 1)
    if c.sync_batchnorm and c.accelerator == "cpu":
        yield "trainer.sync_batchnorm: PyTorch has it on GPUs only; set it to false"
