"""An interrupted run goes on exactly as one that was never interrupted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from mien.config.schema import (
    AugmentConfig,
    HeadConfig,
    OptimizerConfig,
    ProtocolConfig,
    ScheduleConfig,
    TrainerConfig,
)
from mien.data.batches import whole
from mien.errors import ConfigError, MienError
from mien.models.factory import build_classifier, input_spec
from mien.training.data import ExpressionData
from mien.training.fit import RunPlace, fit
from mien.training.history import History
from tiny import small_config

EPOCHS = 4


def config(schedule="onecycle", checkpoint="best", **trainer):
    selection = "validation" if checkpoint == "best" else "none"
    return small_config(
        head=HeadConfig("mlp", [8], [0.5]),
        augment=AugmentConfig(rotate=10, flip=0.5),
        optimizer=OptimizerConfig("adamw", lr=3e-3, weight_decay=0.01),
        schedule=ScheduleConfig(schedule, patience=1, gamma=0.5),
        protocol=ProtocolConfig("clean", selection=selection, checkpoint=checkpoint),
        trainer=TrainerConfig(max_epochs=EPOCHS, accelerator="cpu", devices="1", **trainer),
        seed=3,
    )


def train(settings, folder):
    """Fit on noise; the weights and the history."""
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (41, 3, 16, 16), np.uint8))
    labels = torch.from_numpy(rng.integers(0, 7, 41))
    selection = whole(images[:14], labels[:14]) if settings.protocol.selection != "none" else None
    torch.manual_seed(settings.seed)
    classifier = build_classifier(settings.backbone, settings.head, 7)
    data = ExpressionData(whole(images, labels), selection, settings.dataset.batch_size, settings.seed)
    fitted = fit(settings, classifier, input_spec(settings.backbone), data, RunPlace(folder))
    history = pd.read_csv(folder / "metrics.csv").drop(columns="seconds")
    return classifier.state_dict(), history, replace(fitted, seconds=0.0)


def interrupt_at(monkeypatch, epoch, error):
    """Stop training when this epoch is reported: after its last step, before its checkpoint."""
    append = History.append

    def stop(self, row):
        if row["epoch"] == epoch:
            raise error
        append(self, row)

    monkeypatch.setattr(History, "append", stop)
    return lambda: monkeypatch.setattr(History, "append", append)


@pytest.mark.parametrize("schedule", ["onecycle", "plateau", "step"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("killed")], ids=["ctrl-c", "crash"])
def test_a_continued_run_ends_as_an_uninterrupted_one(tmp_path, monkeypatch, schedule, error):
    whole, history, fitted = train(config(schedule), tmp_path / "whole")
    go_on = interrupt_at(monkeypatch, 3, error)
    with pytest.raises(type(error)):
        train(config(schedule), tmp_path / "parts")
    go_on()
    assert len(pd.read_csv(tmp_path / "parts" / "metrics.csv")) == 2
    (tmp_path / "parts").rename(tmp_path / "moved")
    continued, history_continued, fitted_continued = train(config(schedule), tmp_path / "moved")
    pd.testing.assert_frame_equal(history, history_continued)
    assert all(torch.equal(value, continued[key]) for key, value in whole.items())
    assert fitted == fitted_continued
    assert fitted.epochs == EPOCHS


def test_without_selection_the_last_epoch_is_kept(tmp_path):
    weights, history, fitted = train(config(checkpoint="last"), tmp_path)
    last = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert torch.equal(weights["head.0.weight"], last["classifier.head.0.weight"])
    assert fitted.selection is None
    assert "val_loss" not in history


def test_the_best_epoch_is_kept_and_named(tmp_path):
    weights, history, fitted = train(config(), tmp_path)
    best = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)
    assert torch.equal(weights["head.0.weight"], best["state_dict"]["classifier.head.0.weight"])
    assert fitted.selection.value == history["val_macro_recall"].max()
    assert fitted.selection.epoch == best["epoch"] + 1


def test_the_same_seed_gives_the_same_run_and_another_one_another(tmp_path):
    first, _, _ = train(config(), tmp_path / "a")
    again, _, _ = train(config(), tmp_path / "b")
    other = config()
    other.seed = 4
    different, _, _ = train(other, tmp_path / "c")
    assert torch.equal(first["head.0.weight"], again["head.0.weight"])
    assert not torch.equal(first["head.0.weight"], different["head.0.weight"])


def test_early_stopping_ends_a_run_that_gets_no_better(tmp_path):
    settings = config("constant", early_stopping=1, early_stopping_monitor="loss")
    settings.optimizer.lr = 0.0
    _, history, fitted = train(settings, tmp_path)
    assert len(history) == fitted.epochs == 2
    _, again, _ = train(settings, tmp_path)  # killed after training: it does not go on
    pd.testing.assert_frame_equal(history, again)


def test_divergence_is_an_error_that_says_what_to_do(tmp_path):
    settings = config("constant")
    settings.optimizer.name, settings.optimizer.lr = "sgd", 1e30
    with pytest.raises(MienError, match=r"training diverged: .* lower optimizer.lr"):
        train(settings, tmp_path)


@pytest.mark.parametrize(("limit", "steps"), [(2, 2), (0.5, 2), (1, 1), (1.0, 5), (None, 5)])
def test_limited_batches(tmp_path, limit, steps):
    train(config("onecycle", limit_train_batches=limit), tmp_path)
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == steps * EPOCHS


def test_a_share_that_leaves_no_batch(tmp_path):
    with pytest.raises(ConfigError, match="leaves no batch of an epoch"):
        train(config(limit_train_batches=0.1), tmp_path)
