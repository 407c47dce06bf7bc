"""The settings of training: loss, optimizer, schedule, protocol and Lightning's Trainer. Part of the schema."""

from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING


@dataclass
class LossConfig:
    """The loss."""

    name: str = MISSING
    """cross_entropy or focal."""
    label_smoothing: float = 0.0
    """Share of the target spread over all classes, 0..1 (cross_entropy)."""
    class_weights: str = "none"
    """none, balanced (inverse frequency, mean 1), or one number a class, comma-separated in label order."""
    gamma: float = 2.0
    """focal: the focusing exponent."""


@dataclass
class OptimizerConfig:
    """The optimizer."""

    name: str = MISSING
    """sgd, adam, adamw, or any other name that timm knows."""
    lr: float = 1e-3
    """Learning rate of head and backbone."""
    backbone_lr: float | None = None
    """Learning rate of the backbone where it differs."""
    weight_decay: float = 0.0
    """Weight decay; biases and norms are left out."""
    momentum: float = 0.9
    """sgd: momentum."""
    nesterov: bool = False
    """sgd: Nesterov's form."""


@dataclass
class ScheduleConfig:
    """How the learning rate moves."""

    name: str = MISSING
    """constant, step, cosine, onecycle or plateau."""
    warmup_epochs: float = 0.0
    """Epochs of linear warm-up (not for onecycle, which has its own, nor plateau)."""
    step_size: int = 45
    """step: epochs between two drops."""
    start_epoch: int = 0
    """step: epochs at the full rate, after which the first ``step_size`` begins."""
    gamma: float = 0.1
    """step: factor of a drop; plateau: factor of a reduction."""
    patience: int = 3
    """plateau: epochs without a better value of ``monitor`` before a reduction."""
    monitor: str = "loss"
    """plateau: loss, accuracy or macro_recall on the selection split."""
    pct_start: float = 0.3
    """onecycle: share of the run spent rising."""


@dataclass
class ProtocolConfig:
    """Which split decides and which is reported; it stands in every result."""

    name: str = MISSING
    """clean or published."""
    selection: str = "validation"
    """Split on which epochs and settings are chosen: validation, none, or (under the name published only) test, as in
    studies that took their best epoch there."""
    checkpoint: str = "best"
    """best (by ``monitor`` on the selection split) or last."""
    monitor: str = "macro_recall"
    """accuracy, macro_recall or loss, on the selection split."""
    report: str = "test"
    """The split whose score is reported, once."""
    report_curve: bool = False
    """Score the reported split after every epoch too, as ``report_*`` in ``metrics.csv``; nothing is chosen by it, but
    it shows what choosing by it would have given. As on the selection split: without flip averaging, and in the
    precision of training. Under the name published only, since it is looked at."""
    flip_average: bool = False
    """Test-time augmentation: mean probability of an image and its mirror image."""
    ten_crop: int = 0
    """Test-time augmentation: side in pixels that an image is prepared at, of which the four corners and the centre of
    the network's input size, and their mirror images, are averaged (mean probability); 0: off."""


@dataclass
class TrainerConfig:
    """Lightning's Trainer."""

    max_epochs: int = 15
    """Epochs."""
    accelerator: str = "auto"
    """auto, cpu or gpu."""
    devices: str = "1"
    """A number of devices on each node, or auto: all GPUs, or one process on the CPU. Each device has a process of its
    own, which takes ``dataset.batch_size`` images a step; the learning rate is used as it is given."""
    num_nodes: int = 1
    """Nodes; several need torchrun or srun, which start the processes on each."""
    strategy: str = "auto"
    """auto or ddp, which is the only one with several devices."""
    sync_batchnorm: bool = False
    """Batch norms use the images of all devices; on GPUs only."""
    precision: str = "auto"
    """Lightning's precision (32-true, bf16-mixed, 16-mixed), or auto: bf16-mixed where that is faster."""
    channels_last: bool = True
    """Keep images and convolutions in the channels-last memory format."""
    cuda_graphs: bool = True
    """On one GPU, launch the passes of the network as CUDA graphs, which costs memory for a batch; no effect elsewhere.
    Training goes the same way within noise; a network that cannot be captured goes without, and the log says so."""
    limit_train_batches: Any = None
    """For a quick look: a whole number of training batches an epoch, or a share such as 0.1; ``null``: all."""
    gradient_clip: float | None = None
    """Largest gradient; ``null``: any."""
    gradient_clip_by: str = "norm"
    """norm (of all gradients together) or value (of every single number)."""
    early_stopping: int | None = None
    """Epochs without a better value before training stops; ``null``: never."""
    early_stopping_monitor: str = "loss"
    """loss, accuracy or macro_recall on the selection split."""
