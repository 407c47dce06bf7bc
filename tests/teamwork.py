"""What the processes of the tests of several devices do; each leaves what it saw in a file of its own."""

import json
import os
import signal
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch

from mien.config.schema import Config
from mien.data.batches import Labelled
from mien.metrics.classification import RunningScore
from mien.models.factory import build_classifier, input_spec
from mien.pipeline import run
from mien.training.data import ExpressionData
from mien.training.features import Features
from mien.training.fit import RunPlace, fit
from mien.training.module import ExpressionModule
from mien.world import world

SELECTED, REPORTED = 15, 22  # images of the selection split, and of the reported one


@dataclass(frozen=True)
class Task:
    """A training on noise; ``stops`` after its first epoch, or one process ``dies`` or ``fails`` in the second."""

    folder: Path
    config: Config
    images: int = 45
    weighted: bool = False
    stops: bool = False
    dies: int | None = None
    fails: int | None = None


def train(task):
    """Weights and history of the training, in the first process."""
    task.folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (task.images, 3, 16, 16), np.uint8))
    labels = torch.from_numpy(rng.integers(0, 7, task.images))
    weights = torch.from_numpy(np.where(np.arange(task.images) % 3, 0.5, 1.7)) if task.weighted else None
    data = ExpressionData(
        Labelled(images, torch.arange(task.images), labels, weights=weights),
        Labelled(images, torch.arange(SELECTED), labels[:SELECTED]),
        task.config.dataset.batch_size,
        task.config.seed,
        Labelled(images, torch.arange(task.images - REPORTED, task.images), labels[-REPORTED:]),
    )
    torch.manual_seed(task.config.seed)
    classifier = build_classifier(task.config.backbone, task.config.head, 7)
    place = RunPlace(task.folder, watch=stop if task.stops else None)
    with observed(task):
        fit(task.config, classifier, input_spec(task.config.backbone), data, place)
    state = {name: value.numpy() for name, value in classifier.state_dict().items()}
    return state, pd.read_csv(task.folder / "metrics.csv").drop(columns="seconds")


def run_all(task):
    """A whole run; the scores."""
    with observed(task):
        return run(task.config, task.folder).accuracy


def stop(row):
    raise InterruptedError(f"after epoch {row['epoch']:.0f}")


def observed(task):
    """Notes what is counted, drawn and computed in this process, and dies at the second epoch where it is to."""
    start, end, features = ExpressionModule.on_train_epoch_start, RunningScore.compute, Features._compute
    facts = {"pid": os.getpid(), "counted": [], "seeds": [], "computed": 0, "ended": False}
    file = task.folder / f"process-{world().rank}.json"

    def note():
        file.write_text(json.dumps(facts))

    def starting(self):
        start(self)
        facts["seeds"].append(torch.initial_seed())
        note()
        if self.current_epoch == 1 and task.fails == self.global_rank:
            raise ValueError(f"in process {task.fails}")
        if self.current_epoch == 1 and task.dies == self.global_rank:
            facts["died"] = monotonic()
            note()
            os.kill(os.getpid(), signal.SIGKILL)

    def computing(self):
        facts["counted"].append(int(self.confusion.sum()))
        return end(self)

    def passing(self, images, view):
        facts["computed"] += 1
        return features(self, images, view)

    def ending():
        facts["ended"] = True
        note()

    stack = ExitStack()
    stack.callback(ending)
    task.folder.mkdir(parents=True, exist_ok=True)
    stack.enter_context(patch.object(ExpressionModule, "on_train_epoch_start", starting))
    stack.enter_context(patch.object(RunningScore, "compute", computing))
    stack.enter_context(patch.object(Features, "_compute", passing))
    return stack
