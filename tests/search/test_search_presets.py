"""The presets of spaces, and what a search refuses in its config."""

from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir

from mien.config.check import problems_of
from mien.config.load import register
from mien.config.overrides import check_command_line
from mien.config.schema import Config, ProtocolConfig
from mien.config.sweep import SearchConfig, SweepConfig
from mien.errors import ConfigError
from mien.search.loop import _checked
from mien.search.space import read_space
from tiny import CONF, small_config

PRESETS = {path.stem: path for path in sorted((CONF / "search").glob("*.yaml"))}
NEEDED = {"regularisation": ["head=mlp"], "fine_tuning": ["backbone=resnet18"]}


class Composer:
    """A host that composes and runs nothing."""

    folder = Path("sweep")

    def compose(self, overrides):
        register("train_schema", Config)
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return compose("train", list(overrides))

    def read_space(self, overrides, preset):
        return read_space(overrides, preset)


def test_there_are_as_many_presets_as_expected():
    assert sorted(PRESETS) == ["architecture", "augment", "fine_tuning", "optimizer", "regularisation"]


@pytest.mark.parametrize("name", PRESETS)
def test_every_end_of_a_preset_is_a_config(name):
    overrides = ["sweeper=optuna", f"+search={name}", *NEEDED.get(name, [])]
    check_command_line(overrides, Config, CONF, "train")
    config, space, fixed = _checked(Composer(), overrides)
    assert set(space.described()) == set(yaml.safe_load(PRESETS[name].read_text())["space"])
    assert fixed == overrides
    assert config.search.enabled
    first, *_ = lines = PRESETS[name].read_text().splitlines()
    assert first.startswith("# ")
    assert any(line.startswith("#   python train.py -m sweeper=optuna") for line in lines)
    assert any(line.startswith("# Cost: ") for line in lines)


def test_what_a_preset_needs_is_said_before_anything_starts():
    with pytest.raises(ConfigError) as caught:
        _checked(Composer(), ["sweeper=optuna", "+search=regularisation", "loss=focal"])
    assert "loss.label_smoothing=0.25: loss.label_smoothing: the focal loss has none" in str(caught.value)


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"trials": 0}, "search.trials: expected 1 or more, got 0"),
        ({"sampler": "tpee"}, "search.sampler"),
        ({"pruner": "mean"}, "search.pruner"),
        ({"enabled": False, "space": {"optimizer.lr": "interval(0,1)"}}, "pass -m sweeper=optuna"),
        ({"storage": "trials.db"}, "expected a database's URL"),
        ({"storage": "postgresql://me:secret@host/db"}, "MIEN_STORAGE_PASSWORD"),
        ({"storage": "postgresql://me:se/cret@host/db"}, "MIEN_STORAGE_PASSWORD"),
        ({"storage": "postgresql://me@host/db?password=secret"}, "MIEN_STORAGE_PASSWORD"),
    ],
)
def test_wrong_settings(search, message):
    config = small_config(search=SearchConfig(**{"enabled": True} | search), sweep=SweepConfig(trial=0))
    (problem,) = problems_of(config)
    assert message in problem
    assert "secret" not in problem


def test_a_search_outside_a_sweep_is_refused():
    (problem,) = problems_of(small_config(search=SearchConfig(enabled=True)))
    assert problem == "sweeper=optuna: a search is a sweep; pass -m (--multirun)"


def test_a_search_does_not_look_at_the_reported_split_in_every_epoch():
    protocol = ProtocolConfig("published", report_curve=True)
    config = small_config(protocol=protocol, search=SearchConfig(enabled=True), sweep=SweepConfig(trial=0))
    (problem,) = problems_of(config)
    assert problem.startswith("protocol.report_curve: a search tells")


@pytest.mark.parametrize("selection", ["test", "none"])
def test_the_objective_is_never_a_test_number(selection):
    protocol = ProtocolConfig("published", selection=selection, checkpoint="last")
    config = small_config(protocol=protocol, search=SearchConfig(enabled=True), sweep=SweepConfig(trial=0))
    (problem,) = problems_of(config)
    assert problem.startswith(f"protocol.selection={selection}: a search chooses by a number of the validation split")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.lrr=interval(0,1)", r"unknown key 'optimizer.lrr' in optimizer; did you mean 'lr'\?"),
        ("backbone=glob(small*)", None),
        ("trainer.max_epochs=tag(int,interval(1,5))", None),
        ("trainer.max_epochs=interval(1.5,5)", "could not be converted to Integer"),
        ("search.space={optimizer.lrr:'interval(0,1)'}", r"search\.space: override .* unknown key 'optimizer\.lrr'"),
        ("search.space={optimizer.lr:0.1}", "expected values to search, such as"),
        ("search.space={optimizer.lr:'interval(0'}", r"search\.space: optimizer\.lr: "),
        ("search.storage=mysql://me:secret@host/db", "MIEN_STORAGE_PASSWORD"),
        ("search.storage=mysql://me:secret{@host/db", r"mysql://\*\*\*@host/db"),
    ],
)
def test_a_command_line_is_checked_before_it_is_composed(override, message):
    if message is None:
        check_command_line([override], Config, CONF, "train")
        return
    with pytest.raises(ConfigError, match=message) as caught:
        check_command_line([override], Config, CONF, "train")
    assert "secret" not in str(caught.value)
