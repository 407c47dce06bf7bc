"""Lightning's Trainer from the config, with the callbacks that every run has."""

import logging
import signal
import sys
import threading
import warnings
from dataclasses import replace
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, RichProgressBar
from pytorch_lightning.strategies import DDPStrategy

from mien.config.schema import TrainerConfig
from mien.environment import ENVIRONMENT_FILE
from mien.errors import DeviceError, RunFolderError
from mien.files import read_json
from mien.training.checkpoints import Checkpoints, PlainFiles
from mien.training.team import Ranks
from mien.world import processes_needed, world

log = logging.getLogger(__name__)


def pick_accelerator(accelerator: str) -> str:
    """``auto`` as ``gpu`` where CUDA is at hand, else ``cpu``: other devices are untried."""
    if accelerator != "auto":
        return accelerator
    return "gpu" if torch.cuda.is_available() else "cpu"


def check_devices(config: TrainerConfig) -> None:
    """Refuse devices that this machine does not have, and processes that nobody started.

    Raises:
        DeviceError: A GPU, or more of them, than there are; or another number of processes than are asked for.
    """
    needed = processes_needed(config)
    if needed > 1:
        raise DeviceError(
            f"trainer.devices={config.devices}: needs {needed} processes, and this one is alone; start it by train.py, "
            "by torchrun, or with mien.processes.supervise; or pass trainer.devices=1"
        )
    if config.sync_batchnorm and pick_accelerator(config.accelerator) == "cpu":
        raise DeviceError("trainer.sync_batchnorm=true: PyTorch has it on GPUs only; set it to false")


def as_begun(config: TrainerConfig, folder: Path) -> TrainerConfig:
    """The config of a run that is continued, perhaps on another machine, with what ``auto`` was at its start.

    Raises:
        RunFolderError: There are more or fewer processes now, and so other images in a step.
    """
    begun, size = read_json(folder / ENVIRONMENT_FILE), world().size
    if begun.get("processes", size) != size:
        raise RunFolderError(
            f"{folder} was begun with {begun['processes']} process(es), and now there are {size}; continue it with as "
            "many devices and nodes, or train anew with resume=never"
        )
    if config.precision != "auto":
        return config
    return replace(config, precision=begun.get("precision", config.precision))


def build_trainer(config: TrainerConfig, checkpoints: Checkpoints) -> pl.Trainer:
    """The Trainer of a run, with its callbacks, for the processes that there are: it starts none."""
    _hush()
    here, protocol = world(), checkpoints.protocol
    held_out = protocol.selection != "none" or protocol.report_curve
    return pl.Trainer(
        max_epochs=config.max_epochs,
        accelerator=pick_accelerator(config.accelerator),
        devices=here.local_size,
        num_nodes=config.num_nodes,
        strategy=DDPStrategy() if here.size > 1 else "auto",
        plugins=[Ranks(here), PlainFiles()],
        use_distributed_sampler=False,  # the batches are shared out already
        precision=config.precision,  # type: ignore[arg-type]
        gradient_clip_val=config.gradient_clip,
        gradient_clip_algorithm=config.gradient_clip_by,
        limit_train_batches=1.0 if config.limit_train_batches is None else config.limit_train_batches,
        limit_val_batches=1.0 if held_out else 0,
        logger=False,  # mien.loggers gets every epoch from the checkpoints' watch
        callbacks=_callbacks(config, checkpoints),
        default_root_dir=checkpoints.folder,
        num_sanity_val_steps=0,
        log_every_n_steps=50,
        reload_dataloaders_every_n_epochs=1,  # a new order every epoch, from (seed, epoch)
        enable_progress_bar=sys.stdout.isatty(),
        enable_model_summary=False,
    )


def _hush() -> None:
    """Silence advice of Lightning that does not fit here; each line says why."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)  # devices and tips; the log has its own lines
    warnings.filterwarnings("ignore", "The `srun` command is available")  # not used is not forgotten
    warnings.filterwarnings("ignore", "GPU available but not used")  # trainer.accelerator=cpu was asked for
    warnings.filterwarnings("ignore", ".*LeafSpec.*deprecated")  # Lightning's own use of torch
    warnings.filterwarnings("ignore", "Found .* in eval mode")  # frozen parts are meant to be
    warnings.filterwarnings("ignore", "The AccumulateGrad node's stream")  # the gradients of CUDA graphs have their own
    warnings.filterwarnings("ignore", ".*sync_dist=True")  # the values are summed over all processes before
    warnings.filterwarnings("ignore", ".*smaller than the logging interval")  # values are logged once an epoch


class _EndsAtOnce(Callback):
    """Ends one of several processes at SIGTERM. Lightning would first tell the others, whom nobody knows alive."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Undo what Lightning has just set."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _callbacks(config: TrainerConfig, checkpoints: Checkpoints) -> list[Callback]:
    callbacks: list[Callback] = [checkpoints]
    if config.early_stopping is not None:
        monitor = config.early_stopping_monitor
        mode = "min" if monitor == "loss" else "max"
        callbacks.insert(0, EarlyStopping(f"val_{monitor}", patience=config.early_stopping, mode=mode))
    if world().size > 1:
        callbacks.append(_EndsAtOnce())
    if sys.stdout.isatty():
        callbacks.append(RichProgressBar(refresh_rate=5))
    return callbacks
