"""Lightning's Trainer from the config, with the callbacks that every run has."""

import logging
import sys
import warnings

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, LearningRateMonitor, RichProgressBar
from pytorch_lightning.loggers import Logger

from mien.config.schema import TrainerConfig
from mien.errors import DeviceError
from mien.training.checkpoints import Checkpoints


def pick_accelerator(accelerator: str) -> str:
    """``auto`` as ``gpu`` where CUDA is at hand, else ``cpu``: other devices are untried."""
    if accelerator != "auto":
        return accelerator
    return "gpu" if torch.cuda.is_available() else "cpu"


def check_devices(config: TrainerConfig) -> None:
    """Refuse devices that this machine does not have.

    Raises:
        DeviceError: A GPU, or more of them, than there are.
    """
    found = torch.cuda.device_count()
    if config.accelerator == "gpu" and not found:
        raise DeviceError("trainer.accelerator=gpu: PyTorch finds no GPU here; use trainer=cpu or trainer=auto")
    on_gpu = config.accelerator == "gpu" or (config.accelerator == "auto" and found > 0)
    if on_gpu and config.devices != "auto" and int(config.devices) > found:
        raise DeviceError(f"trainer.devices={config.devices}: this machine has {found} GPU(s)")


def build_trainer(config: TrainerConfig, checkpoints: Checkpoints, logger: Logger | None) -> pl.Trainer:
    """The Trainer of a run, with its callbacks."""
    _hush()
    return pl.Trainer(
        max_epochs=config.max_epochs,
        accelerator=pick_accelerator(config.accelerator),
        devices=config.devices if config.devices == "auto" else int(config.devices),
        strategy=config.strategy,
        precision=config.precision,  # type: ignore[arg-type]
        gradient_clip_val=config.gradient_clip,
        gradient_clip_algorithm=config.gradient_clip_by,
        limit_train_batches=1.0 if config.limit_train_batches is None else config.limit_train_batches,
        limit_val_batches=0 if checkpoints.protocol.selection == "none" else 1.0,
        logger=logger or False,
        callbacks=_callbacks(config, checkpoints, logger is not None),
        default_root_dir=checkpoints.folder,
        num_sanity_val_steps=0,
        log_every_n_steps=50,
        reload_dataloaders_every_n_epochs=1,  # a new order every epoch, from (seed, epoch)
        enable_progress_bar=sys.stdout.isatty(),
        enable_model_summary=False,
    )


def _hush() -> None:
    """Silence advice of Lightning that does not fit here; each line says why."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # devices and tips; the log has its own lines
    warnings.filterwarnings("ignore", ".*LeafSpec.*deprecated")  # Lightning's own use of torch
    warnings.filterwarnings("ignore", "Found .* in eval mode")  # frozen parts are meant to be
    warnings.filterwarnings("ignore", ".*sync_dist=True")  # the values are summed over all processes before
    warnings.filterwarnings("ignore", ".*smaller than the logging interval")  # values are logged once an epoch


def _callbacks(config: TrainerConfig, checkpoints: Checkpoints, logged: bool) -> list[Callback]:
    callbacks: list[Callback] = [checkpoints]
    if config.early_stopping is not None:
        monitor = config.early_stopping_monitor
        mode = "min" if monitor == "loss" else "max"
        callbacks.insert(0, EarlyStopping(f"val_{monitor}", patience=config.early_stopping, mode=mode))
    if logged:
        callbacks.append(LearningRateMonitor("epoch"))
    if sys.stdout.isatty():
        callbacks.append(RichProgressBar(refresh_rate=5))
    return callbacks
