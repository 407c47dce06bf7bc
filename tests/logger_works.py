"""What tests have done in other processes: W&B runs, whole and cut off."""

import os
import signal

import psutil

from mien.config.schema import LoggerConfig
from mien.loggers import logged
from wandb_files import facts_of, row_of

EPOCHS = [1, 2, 3]
_OFFLINE = LoggerConfig(wandb=True, mode="offline")


def pids_of_wandb():
    """The processes of W&B that this one has started."""
    found = [one.info for one in psutil.process_iter(["pid", "ppid", "name"])]
    return [one["pid"] for one in found if one["ppid"] == os.getpid() and one["name"] == "wandb-core"]


def log_some(folder):
    """Log a whole run; returns the processes that W&B needed for it."""
    with logged(_OFFLINE, facts_of(folder)) as loggers:
        for epoch in EPOCHS:
            loggers.epoch(row_of(epoch))
        return pids_of_wandb()


def log_some_and_die(folder):
    """Log a part of a run, and die as one does that takes too much memory."""
    with logged(_OFFLINE, facts_of(folder)) as loggers:
        for epoch in EPOCHS[:2]:
            loggers.epoch(row_of(epoch))
        (folder / "pids").write_text(" ".join(map(str, pids_of_wandb())))
        os.kill(os.getpid(), signal.SIGKILL)
