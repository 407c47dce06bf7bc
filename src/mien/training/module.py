"""The LightningModule: one step for training and selection, built from parts it is given."""

from collections.abc import Callable, Sequence
from math import isfinite
from time import perf_counter
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from mien.augment import Augment
from mien.data.batches import Batch
from mien.errors import MienError
from mien.metrics.classification import RunningScore
from mien.mix import Mix
from mien.models.factory import Classifier
from mien.models.normalise import Normalise
from mien.models.views import Views, mean_log_probability
from mien.seeds import derive
from mien.training.graphs import graphed

STOPPED = "stopped"
Schedule = LRScheduler | ReduceLROnPlateau


class ExpressionModule(pl.LightningModule):
    """Trains a classifier of expressions.

    Args:
        classifier: The network.
        augment: Random changes of training images.
        normalise: From uint8 images to what the network sees.
        views: The views of an image of the selection split, over which its probabilities are averaged.
        mix: Blends the training images of a batch, and their labels.
        loss: Logits (B, K) and labels (B,), or soft targets (B, K) where images are mixed, to a scalar.
        optimizer: What moves the parameters.
        schedule: What moves the learning rate: after every step, or (plateau) after every epoch.
        plateau_monitor: The logged value that a plateau schedule looks at.
        num_classes: K.
        seed: The run's seed; epoch e draws its augmentation and dropout from (seed, e), so that a run that is
            continued goes on exactly as one that was never interrupted.
        on_features: Whether batches hold features of the frozen backbone instead of images.
        held_out: Names of the splits that are scored after every epoch, in the order of their loaders.
        graph_batch: (B, C, H, W) where the network's passes over such batches are to be CUDA graphs.
        on_epoch: Called with the values of every finished epoch.
    """

    def __init__(  # noqa: PLR0913 - the parts of a training, each by its name
        self,
        *,
        classifier: Classifier,
        augment: Augment,
        normalise: Normalise,
        views: Views,
        mix: Mix,
        loss: nn.Module,
        optimizer: Optimizer,
        schedule: Schedule,
        plateau_monitor: str,
        num_classes: int,
        seed: int,
        on_features: bool,
        held_out: Sequence[str] = ("val",),
        graph_batch: tuple[int, ...] | None = None,
        on_epoch: Callable[[dict[str, float]], None],
    ) -> None:
        super().__init__()
        self.classifier = classifier
        self.augment = augment
        self.normalise = normalise
        self.views = views
        self.mix = mix
        self.loss = loss
        self.optimizer, self.schedule, self.plateau_monitor = optimizer, schedule, plateau_monitor
        self.on_epoch = on_epoch
        self.seed, self.on_features, self.graph_batch = seed, on_features, graph_batch
        self.train_passes: Callable[[Tensor], Tensor] = classifier.__call__
        self.generator = torch.Generator()
        self.selected: dict[str, float] = {}
        self.started = perf_counter()
        self.scores = {name: RunningScore(num_classes) for name in ("train", *held_out)}
        self.held_out = tuple(held_out)

    def configure_optimizers(self) -> Any:
        """The optimizer with its schedule.

        Lightning moves plateau schedules only after it has saved the epoch's checkpoint, so that a continued run
        would miss a move; this module does it itself.
        """
        if isinstance(self.schedule, ReduceLROnPlateau):
            return self.optimizer
        return {"optimizer": self.optimizer, "lr_scheduler": {"scheduler": self.schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the plateau schedule's state, and whether early stopping has ended the run."""
        checkpoint[STOPPED] = bool(self.trainer.should_stop)
        if isinstance(self.schedule, ReduceLROnPlateau):
            checkpoint["plateau"] = self.schedule.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the plateau schedule's state."""
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.load_state_dict(checkpoint["plateau"])

    def on_train_start(self) -> None:
        """Capture the network's passes, before a thread that reads ahead could disturb it."""
        if self.graph_batch is not None:
            with self.trainer.precision_plugin.forward_context():
                like = self.normalise(torch.zeros(self.graph_batch, device=self.device))
                self.train_passes = graphed(self.classifier, like)

    def on_train_end(self) -> None:
        """Give back what the graphs take of the GPU's memory."""
        self.train_passes = self.classifier.__call__

    def on_train_epoch_start(self) -> None:
        """Seed this epoch's randomness, and start its clock."""
        self.started = perf_counter()
        seed = derive(self.seed, self.current_epoch, self.global_rank, 1)
        self.generator.manual_seed(seed)
        torch.manual_seed(seed)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """The loss of one augmented batch; the score counts an image that was mixed under its own label."""
        if self.on_features:
            return self._step(self._logits(batch.images), batch.labels, batch, self.scores["train"])
        repeats = self.augment.config.repeats
        images, labels = (values.repeat_interleave(repeats, 0) for values in (batch.images, batch.labels))
        with torch.autocast(images.device.type, enabled=False):  # bf16 would round the sampling grid
            inputs = self.normalise(self.augment(images.float() / 255, self.generator))
            inputs, targets = self.mix(inputs, labels, self.generator)
        batch = batch._replace(labels=labels, counted=batch.counted * repeats)
        return self._step(self._logits(inputs), targets, batch, self.scores["train"])

    def validation_step(self, batch: Batch, index: int, dataloader_idx: int = 0) -> None:
        """Score one batch of the selection split, or of the reported one.

        Where the test averages ten crops, so does this, as published ten-crop recipes choose their epoch: ten times the
        work of the centre alone. Flip averaging is left to the test.
        """
        images = batch.images
        views = [images] if self.on_features else [self.normalise(view) for view in self.views.of(images)]
        logits = mean_log_probability([self._logits(view) for view in views])
        self._step(logits, batch.labels, batch, self.scores[self.held_out[dataloader_idx]])

    def _logits(self, inputs: Tensor) -> Tensor:
        if self.on_features:
            logits: Tensor = self.classifier.head(inputs.float())
            return logits
        return self.train_passes(inputs) if self.training else self.classifier(inputs)

    def _step(self, logits: Tensor, targets: Tensor, batch: Batch, score: RunningScore) -> Tensor:
        loss: Tensor = self.loss(logits, targets) + self.classifier.backbone.penalty()
        weight, own = self._weight(batch, targets), slice(batch.counted)
        score.update(logits[own].detach(), batch.labels[own], loss.detach() * weight / (batch.weight or 1.0))
        return loss * weight

    def _weight(self, batch: Batch, targets: Tensor) -> Tensor | float:
        """The factor of a process's mean loss by which the mean over processes is that of one process with all images.

        A loss with class weights divides by the sum of its images' weights, which the processes have to add up.
        """
        classes = getattr(self.loss, "weight", None)
        if batch.weight == 1.0 and (classes is None or not torch.distributed.is_initialized()):
            return 1.0
        if classes is None:
            return batch.weight
        own = classes[targets] if targets.ndim == 1 else (targets * classes).sum(1)
        total: Tensor = (own.float().mean() * batch.counted).detach()
        mean = total / torch.distributed.get_world_size()
        torch.distributed.all_reduce(mean)
        return total.div(mean)

    def on_train_epoch_end(self) -> None:
        """Log the epoch's training scores, move a plateau schedule, and report the epoch.

        Raises:
            MienError: The loss is no longer a number.
        """
        values = {"lr": self.optimizer.param_groups[-1]["lr"]}
        values |= self._log_scores("train") | self.selected
        if not isfinite(values["train_loss"]):
            raise MienError(
                f"training diverged: the mean loss of epoch {self.current_epoch + 1} is {values['train_loss']}; "
                "lower optimizer.lr, warm up (schedule=cosine schedule.warmup_epochs=1), or set trainer.gradient_clip"
            )
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(values[self.plateau_monitor])
        values["seconds"] = round(perf_counter() - self.started, 3)
        self.on_epoch({"epoch": self.current_epoch + 1, **values})

    def on_validation_epoch_end(self) -> None:
        """Log the epoch's scores on what is held out."""
        self.selected = {}
        for name in self.held_out:
            self.selected |= self._log_scores(name)

    def _log_scores(self, split: str) -> dict[str, float]:
        score = self.scores[split]
        if self.trainer.world_size > 1:
            score.sum_over_processes()
        values = {f"{split}_{name}": float(value) for name, value in score.compute().items()}
        self.log_dict(values)
        score.reset()
        return values
