"""What a training tells the study after every epoch, and when it is ended for it."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mien.config.schema import Config
from mien.config.sweep import SearchConfig, SweepConfig
from mien.errors import Pruned
from mien.search import engine
from mien.search.pruning import watch_of
from mien.search.record import Record, keep_record
from tiny import small_config

SEARCH = SearchConfig(enabled=True, startup=1)


@dataclass
class Job:
    config: Config
    sweep: Path | None
    trial: int | None


def job(folder, number, epochs=3, **search):
    config = small_config(search=replace(SEARCH, **search), sweep=SweepConfig(trial=number))
    return Job(replace(config, trainer=replace(config.trainer, max_epochs=epochs)), folder, number)


def row(epoch, value):
    return {"epoch": float(epoch), "val_macro_recall": value, "val_loss": 2 - value}


@pytest.fixture
def study(tmp_path):
    """A study with one finished trial, of 40, 50 and 60 %, and one that runs."""
    keep_record(tmp_path, Record("s", "validation macro recall", True, {}, ()))
    study = engine.open_study("s", tmp_path, SEARCH, True, 3)
    study.ask()
    watch = watch_of(job(tmp_path, 0))
    for epoch, value in enumerate((0.4, 0.5, 0.6), start=1):
        watch(row(epoch, value))
    engine.tell(study, 0, 0.6)
    study.ask()
    return study


def test_epochs_are_reported_once(study, tmp_path):
    assert study.trials[0].intermediate_values == {1: 0.4, 2: 0.5, 3: 0.6}
    watch = watch_of(job(tmp_path, 1))
    watch(row(1, 0.45))
    watch_of(job(tmp_path, 1))(row(1, 0.99))  # continued, and that epoch trained again
    assert study.trials[1].intermediate_values == {1: 0.45}


def test_a_trial_below_the_median_is_pruned(study, tmp_path):
    watch = watch_of(job(tmp_path, 1))
    watch(row(1, 0.41))
    with pytest.raises(Pruned, match=r"pruned after epoch 2 of 3: validation macro recall 42\.0 %"):
        watch(row(2, 0.42))


def test_the_last_epoch_prunes_nothing(study, tmp_path):
    watch = watch_of(job(tmp_path, 1, pruner="none"))
    for epoch in (1, 2):
        watch(row(epoch, 0.1))
    watch_of(job(tmp_path, 1))(row(3, 0.1))


def test_warmup_and_startup_are_waited_for(study, tmp_path):
    watch_of(job(tmp_path, 1, warmup=2))(row(1, 0.1))
    watch_of(job(tmp_path, 1, startup=2))(row(2, 0.1))
    with pytest.raises(Pruned):
        watch_of(job(tmp_path, 1, epochs=4))(row(3, 0.1))


def test_hyperband_lets_the_better_half_of_a_rung_go_on(tmp_path):
    keep_record(tmp_path, Record("s", "validation macro recall", True, {}, ()))
    study = engine.open_study("s", tmp_path, replace(SEARCH, pruner="hyperband"), True, 9)
    ended = {}
    for number in range(12):
        study.ask()
        watch, value = watch_of(job(tmp_path, number, epochs=9, pruner="hyperband")), (number * 5 % 12) / 12
        for epoch in range(1, 10):
            try:
                watch(row(epoch, value))
            except Pruned:
                ended[value] = epoch
                break
        engine.tell(study, number, value, pruned=value in ended)
    assert 4 <= len(ended) <= 10
    assert set(ended.values()) <= {1, 3, 9}  # its rungs, of a reduction factor of 3
    assert max(ended) < 11 / 12


def test_a_diverged_trial_is_pruned(study, tmp_path):
    with pytest.raises(Pruned, match="macro recall is no number any more"):
        watch_of(job(tmp_path, 1))(row(1, float("nan")))


def test_of_other_jobs_nothing_is_watched(tmp_path):
    assert watch_of(job(tmp_path, None)) is None
    assert watch_of(replace(job(tmp_path, 3), sweep=None)) is None


def test_a_study_that_cannot_be_written_to_ends_no_training(study, tmp_path, monkeypatch, caplog):
    watch = watch_of(job(tmp_path, 1))
    (tmp_path / engine.JOURNAL).rename(tmp_path / "gone")
    watch(row(1, 0.1))
    assert "epoch 1 is not reported to the search" in caplog.text
