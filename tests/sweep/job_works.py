"""What jobs of the tests do in place of a training, in a process of their own."""

import errno
import os
import signal
from math import nan
from pathlib import Path

from made_up_runs import a_result, make_metrics, make_predictions, score
from mien.config.load import to_yaml
from mien.errors import ConfigError, DataError, FolderBusyError, Pruned
from mien.files import atomic_path
from mien.results import SelectionScore


def begin(job):
    """Note a call, and leave a config, three epochs, and a checkpoint."""
    with (job.folder / "calls.txt").open("a", encoding="utf-8") as calls:
        calls.write(f"{os.getpid()}\n")
    (job.folder / "config.yaml").write_text(to_yaml(job.config))
    (job.folder / "checkpoints").mkdir(exist_ok=True)
    make_metrics(3, 0.9).assign(seconds=2.0, val_macro_recall=0.625).to_csv(job.folder / "metrics.csv", index=False)


def finish(job):
    begin(job)
    chosen = SelectionScore("validation", "macro_recall", 0.75, 3)
    a_result(score(make_predictions()), selection=chosen, overrides=job.overrides).save(job.folder)
    return 0.75


def crash(job):
    begin(job)
    raise RuntimeError("no memory left\non this device")


def die(job):
    begin(job)
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(job):
    raise ConfigError(["optimizer.name: unknown optimizer 'adamww'"])


def refuse_data(job):
    raise DataError("2 of 9 images of the data set are damaged:\n  - a.png: no image file\n  - b.png: cut short")


def prune(job):
    begin(job)
    raise Pruned("pruned after epoch 3 of 15")


def diverge(job):
    begin(job)
    make_metrics(3, 0.9).assign(val_macro_recall=[0.5, 0.5, nan]).to_csv(job.folder / "metrics.csv", index=False)
    raise Pruned("pruned after epoch 3 of 15")


def interrupt(job):
    begin(job)
    raise KeyboardInterrupt


def fill_the_disk(job):
    begin(job)
    with atomic_path(Path(job.folder / "big.bin")):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def busy(job):
    raise FolderBusyError(f"{job.folder}: another process works here")
