"""Fitting: parts in, the weights of the chosen epoch out. Continues what an interrupted run left in its folder."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from timm.layers import convert_sync_batchnorm

from mien.augment import Augment
from mien.config.schema import Config, TrainerConfig
from mien.errors import ConfigError
from mien.mix import Mix
from mien.models.factory import Classifier
from mien.models.normalise import Normalise
from mien.models.views import Views
from mien.optim.losses import build_loss
from mien.optim.optimizers import build_optimizer
from mien.optim.schedules import Length, build_schedule
from mien.results import SelectionScore
from mien.runs import METRICS_FILE
from mien.training.allocator import keep_freed_memory
from mien.training.checkpoints import BEST, FOLDER, LAST, Checkpoints, Watch
from mien.training.data import ExpressionData
from mien.training.history import History
from mien.training.module import STOPPED, ExpressionModule
from mien.training.precision import resolve_precision
from mien.training.team import part
from mien.training.trainer import build_trainer, pick_accelerator
from mien.types import InputSpec
from mien.world import cores, is_first_process, world

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunPlace:
    """Where a run keeps its files, and who watches it.

    Attributes:
        folder: The run folder.
        watch: Gets the row of every epoch in the first process, once it stands in ``metrics.csv`` and its checkpoint is
            saved: an error that it raises ends the training, and nothing is lost.
    """

    folder: Path
    watch: Watch | None = None


@dataclass(frozen=True)
class Fitted:
    """What training leaves beside the weights.

    Attributes:
        epochs: Epochs trained.
        seconds: Time they took, those before an interruption included.
        selection: What the epoch was chosen by.
        is_main: Whether this is the process that goes on to the test.
    """

    epochs: int
    seconds: float
    selection: SelectionScore | None
    is_main: bool


def fit(config: Config, classifier: Classifier, spec: InputSpec, data: ExpressionData, run: RunPlace) -> Fitted:
    """Train, and load the weights of the epoch that the protocol chooses into ``classifier``, in the first process.

    Args:
        config: The experiment.
        classifier: Trained in place.
        spec: Its input.
        data: Training images and selection split.
        run: Where files and curves go.

    Raises:
        MienError: Training diverged, or what watches the epochs ended it.
        KeyboardInterrupt: It was interrupted; the same call continues it.
    """
    torch.manual_seed(config.seed)
    if not torch.cuda.is_available() or config.trainer.accelerator == "cpu":
        keep_freed_memory()
    history = History(run.folder / METRICS_FILE, config.trainer.max_epochs, writes=is_first_process())
    trainer = build_trainer(
        settled(config.trainer, classifier), Checkpoints(run.folder, history, config.protocol, run.watch)
    )
    _log_processes(config)
    length = _length(config.trainer, data.steps(trainer.world_size))
    module = build_module(config, classifier, spec, length, data, history.append)
    last = run.folder / FOLDER / LAST
    if last.is_file():
        log.info("continuing after epoch %d of %d", len(history.rows), config.trainer.max_epochs)
    try:
        if not _is_over(last):
            trainer.fit(module, data, ckpt_path=last if last.is_file() else None, weights_only=True)
    except SystemExit:  # what Lightning makes of Ctrl+C
        raise KeyboardInterrupt from None
    part()
    if trainer.is_global_zero:
        load_checkpoint(classifier, run.folder / FOLDER / (BEST if config.protocol.checkpoint == "best" else LAST))
    return Fitted(len(history.rows), history.seconds(), history.best(config.protocol), trainer.is_global_zero)


def build_module(
    config: Config,
    classifier: Classifier,
    spec: InputSpec,
    length: Length,
    data: ExpressionData,
    on_epoch: Callable[[dict[str, float]], None],
) -> ExpressionModule:
    """The LightningModule with all its parts."""
    if config.trainer.sync_batchnorm and world().size > 1:
        convert_sync_batchnorm(classifier)  # timm's; PyTorch's drops the activations of timm's norms
        classifier.backbone.freeze(config.backbone.freeze, config.backbone.freeze_batchnorm)  # the norms are others now
    if config.trainer.channels_last:
        classifier.to(memory_format=torch.channels_last)
    num_classes = classifier.num_classes
    counts = data.train_images.per_class(num_classes)
    optimizer = build_optimizer(
        config.optimizer, classifier.backbone, classifier.head, fused=config.trainer.gradient_clip is None
    )
    schedule = build_schedule(config.schedule, optimizer, length)
    return ExpressionModule(
        classifier=classifier,
        augment=Augment(config.augment, spec.size),
        normalise=Normalise(spec, config.trainer.channels_last),
        views=Views(spec.size, ten_crop=config.protocol.ten_crop),
        mix=Mix(config.augment, num_classes),
        loss=build_loss(config.loss, counts),
        optimizer=optimizer,
        schedule=schedule,
        plateau_monitor=f"val_{config.schedule.monitor}",
        num_classes=num_classes,
        seed=config.seed,
        on_features=data.on_features,
        held_out=tuple(data.held_out),
        graph_batch=_graph_batch(config, spec) if not data.on_features else None,
        on_epoch=on_epoch,
    )


def _graph_batch(config: Config, spec: InputSpec) -> tuple[int, ...] | None:
    """The shape of the batches whose passes are CUDA graphs; ``None``: they are not."""
    alone_on_gpu = pick_accelerator(config.trainer.accelerator) == "gpu" and world().size == 1
    if not (config.trainer.cuda_graphs and alone_on_gpu):
        return None
    return (config.dataset.batch_size * config.augment.repeats, spec.channels, spec.size, spec.size)


def settled(config: TrainerConfig, classifier: Classifier) -> TrainerConfig:
    """The config with ``precision=auto`` decided for this machine and network."""
    device = "cuda" if pick_accelerator(config.accelerator) == "gpu" else "cpu"
    return replace(config, precision=resolve_precision(config.precision, device, classifier))


def _log_processes(config: Config) -> None:
    """Say how many images make a step, and that the learning rate does not follow from it."""
    size, images, lr = world().size, config.dataset.batch_size, config.optimizer.lr
    if size == 1 or not is_first_process():
        return
    log.info(
        "%d processes take %d images a step each, %d in all; optimizer.lr=%g is used as it is given, not scaled with "
        "them (scaled linearly it would be %g)",
        *(size, images, size * images, lr, size * lr),
    )
    if pick_accelerator(config.trainer.accelerator) == "cpu" and world().local_size > cores():
        log.warning("%d processes share %d core(s): fewer would be faster", world().local_size, cores())


def _length(config: TrainerConfig, steps: int) -> Length:
    limit = config.limit_train_batches
    if isinstance(limit, int):
        steps = min(steps, limit)
    elif limit is not None:
        steps = int(steps * limit)
        if steps == 0:
            raise ConfigError([f"trainer.limit_train_batches={limit}: leaves no batch of an epoch"])
    return Length(config.max_epochs, steps)


def _is_over(last: Path) -> bool:
    """Whether early stopping ended the run before it was interrupted."""
    return last.is_file() and bool(torch.load(last, map_location="cpu", weights_only=True).get(STOPPED))


def load_checkpoint(classifier: Classifier, path: Path) -> None:
    """Load the classifier's weights out of a Lightning checkpoint."""
    state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    prefix = "classifier."
    own = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    classifier.load_state_dict(own)
