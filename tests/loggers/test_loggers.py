"""Loggers as one: which are opened, how they end, and that none of them ends a run."""

import os

import pytest
from omegaconf import OmegaConf

from mien.config.load import from_yaml, to_yaml
from mien.config.overrides import check_command_line
from mien.config.schema import Config, LoggerConfig
from mien.errors import ConfigError, Pruned
from mien.files import write_json
from mien.loggers import Loggers, check_loggers, logged, run
from mien.loggers.facts import curve_values, group_name, told
from mien.scoring import Call
from tiny import CONF, composed, evaluation, small_config
from wandb_files import facts_of, row_of


class Noting:
    def __init__(self, fails=()):
        self.fails, self.told = fails, []

    def _note(self, *what):
        self.told.append(what)
        if what[0] in self.fails:
            raise ValueError("no space left")

    def epoch(self, row):
        self._note("epoch", row["epoch"])

    def outcome(self, outcome):
        self._note("outcome")

    def close(self, code):
        self._note("close", code)


@pytest.fixture
def noting(monkeypatch):
    one = Noting()
    monkeypatch.setattr(run, "_makers", lambda config: {"noting": lambda facts: one})
    return one


@pytest.mark.parametrize(
    ("choice", "wandb", "tensorboard"),
    [
        ("none", False, False),
        ("csv", False, False),
        ("wandb", True, False),
        ("tensorboard", False, True),
        ("[wandb,tensorboard]", True, True),
        ("[csv,tensorboard]", False, True),
    ],
)
def test_one_or_several_are_chosen(choice, wandb, tensorboard):
    check_command_line([f"logger={choice}"], Config, CONF, "train")
    logger = composed(f"logger={choice}").logger
    assert (logger.wandb, logger.tensorboard) == (wandb, tensorboard)


def test_the_defaults():
    assert composed().logger == LoggerConfig(wandb=True)
    assert evaluation("run=x", "dataset=drawn_faces").logger == LoggerConfig()


def test_every_name_of_a_list_is_checked():
    with pytest.raises(ConfigError, match="logger has no option 'wandbb'; did you mean 'wandb'"):
        check_command_line(["logger=[tensorboard,wandbb]"], Config, CONF, "train")
    with pytest.raises(ConfigError, match=r"expected the name of a file in conf/backbone, got \['resnet18', 'vgg19'\]"):
        check_command_line(["backbone=[resnet18,vgg19]"], Config, CONF, "train")


def test_settings_that_do_not_go_together_come_at_once():
    with pytest.raises(ConfigError) as error:
        composed("logger=none", "logger.mode=on", "logger.tags=['']", "logger.artifact=true")
    said = [problem.split(":")[0] for problem in error.value.problems]
    assert said == ["logger.mode", "logger.tags", "logger.artifact=true"]


def test_tensorboard_that_is_not_installed(monkeypatch):
    monkeypatch.setattr("mien.loggers.tensorboard.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'mien\[tensorboard\]'"):
        check_loggers(LoggerConfig(tensorboard=True))


def test_online_without_a_key_is_an_error_not_a_prompt(monkeypatch, tmp_path):
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"logger.mode=online: not logged in at .*; run `wandb login`"):
        check_loggers(LoggerConfig(wandb=True, mode="online"))
    assert "WANDB_SERVICE" not in os.environ  # no process is started to find that out


def test_disabled_means_no_wandb(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    check_loggers(LoggerConfig(wandb=True, mode="online"))
    with logged(LoggerConfig(wandb=True), facts_of(tmp_path)) as loggers:
        assert loggers.logs == []
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_ends_well(noting, tmp_path):
    with logged(LoggerConfig(), facts_of(tmp_path)) as loggers:
        loggers.before(None)(row_of(1))
    assert noting.told == [("epoch", 1), ("close", 0)]


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt, 130), (ValueError, 1), (ConfigError, 1), (SystemExit, 1), (Pruned, 0)]
)
def test_loggers_are_closed_however_the_run_ends(noting, tmp_path, error, code):
    with pytest.raises(error), logged(LoggerConfig(), facts_of(tmp_path)):
        raise error("end")
    assert noting.told == [("close", code)]


def test_a_logger_that_fails_is_left_out_and_the_run_goes_on(caplog):
    bad, good = Noting(fails=("epoch",)), Noting()
    loggers = Loggers([bad, good])
    loggers.epoch(row_of(1))
    loggers.epoch(row_of(2))
    loggers.close(0)
    assert bad.told == [("epoch", 1), ("close", 1)]
    assert good.told == [("epoch", 1), ("epoch", 2), ("close", 0)]
    assert "Noting failed and is left out; the run goes on" in caplog.text


def test_the_log_has_an_epoch_before_another_watcher_can_end_the_run():
    one = Noting()

    def ends(row):
        raise Pruned("enough")

    with pytest.raises(Pruned):
        Loggers([one]).before(ends)(row_of(3))
    assert one.told == [("epoch", 3)]


def test_names_are_grouped():
    row = {"epoch": 2, "lr": 0.1, "train_loss": 0.5, "val_macro_recall": 0.25, "seconds": 3.0}
    expected = {"lr": 0.1, "train/loss": 0.5, "val/macro_recall": 0.25, "seconds": 3.0}
    assert curve_values(row) == expected


@pytest.fixture
def folder(tmp_path):
    git = {"commit": 40 * "c", "dirty": True}
    environment = {"command": "python train.py x.password=a", "python": "3", "packages": {}, "hardware": {}, "git": git}
    write_json(tmp_path / "environment.json", environment)
    write_json(tmp_path / "data.json", {"name": "drawn", "fingerprint": "f", "leaks": {"count": 3, "images": []}})
    return tmp_path


def test_what_is_told_of_a_run(folder):
    config = small_config(logger=LoggerConfig(tags=["mine", "mine"], wandb=True))
    call = Call("", ("seed=1", "backbone=small_cnn", "output=/x", "dataset.root=/y"))
    facts = told(config, folder, "train", call, ["drawn_faces", ""])
    assert (facts.name, facts.group, facts.tags) == ("seed=1 backbone=small_cnn", None, ("drawn_faces", "mine"))
    assert facts.config["git"] == {"commit": 40 * "c", "dirty": True}
    assert facts.config["command"] == "python train.py x.password=***"
    assert facts.config["data"] == {"name": "drawn", "fingerprint": "f", "leaked_images": 3}
    assert "logger" not in facts.config


def test_a_job_is_named_by_what_its_sweep_moves(folder):
    call = Call("", ("seed=1", "backbone=small_cnn"), sweep="my_sweep", name="seed=1")
    facts = told(small_config(), folder, "train", call, [])
    assert (facts.name, facts.group) == ("seed=1", "my_sweep")
    own = told(small_config(logger=LoggerConfig(group="mine")), folder, "train", call, [])
    assert own.group == "mine"


def test_the_group_of_a_sweep_with_a_long_name():
    name = 141 * "a" + "-0123abcd"
    assert group_name(None, name) == 118 * "a" + "..0123abcd"
    assert len(group_name(name, None)) == 128
    assert group_name(None, 128 * "a") == 128 * "a"


def test_runs_from_before_there_were_several_loggers_go_on(tmp_path):
    values = OmegaConf.create(to_yaml(small_config()))
    values.logger = {"name": "wandb", "project": "faces", "entity": None, "group": None, "mode": "auto"}
    (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml(values))
    assert from_yaml(tmp_path / "config.yaml").logger.project == "faces"
