"""A part and a seed as the command of train.py that does the same."""

import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_study import ROOT, STUDY, make_places
from omegaconf import OmegaConf

from mien.config.load import plain
from mien.config.schema import Config
from mien.errors import ConfigError
from mien.reproduction.recipes import Places, composed, plain_or_quoted, plan
from tiny import composed as composed_by_train

PLACES = Places(ROOT / "experiments", ROOT / "conf", "/data", Path("outputs"))


def test_the_recorded_command_composes_to_the_same_config():
    recipe = plan(PLACES, "fecnn/custom_cnn").recipes[0]
    assert recipe.command == (
        "python train.py +experiment=fecnn/custom_cnn dataset.root=/data/micro_expressions seed=0 "
        "hydra.run.dir=outputs/reproduce/fecnn/custom_cnn/seed_0"
    )
    assert composed_by_train(*shlex.split(recipe.command)[2:]) == recipe.config


def test_train_py_takes_the_recorded_command(tmp_path):
    places = replace(make_places(tmp_path), data=f"{tmp_path}/my data (1), it's")
    recipe = plan(places, "faces/given").recipes[0]
    program, _, *arguments = shlex.split(recipe.command)
    assert program == "python"
    call = [sys.executable, str(ROOT / "train.py"), *arguments, "--cfg", "job", "--resolve"]
    shown = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    root = f"{tmp_path}/my data (1), it's/nowhere"
    assert recipe.config.dataset.root == OmegaConf.create(shown).dataset.root == root
    assert plain(recipe.config)["dataset"] == OmegaConf.to_container(OmegaConf.create(shown).dataset)


def test_what_is_changed_goes_to_another_folder(tmp_path):
    places = make_places(tmp_path)
    own = plan(places, "faces/small")
    assert own.folder == tmp_path / "outputs" / "reproduce" / "faces"
    assert [recipe.folder.relative_to(own.folder) for recipe in own.recipes] == [
        Path("small/seed_0"),
        Path("small/seed_1"),
    ]
    changed = plan(places, "faces/small", extra=["trainer.max_epochs=1", "logger=none"])
    assert changed.folder.name == "faces__trainer.max_epochs-1"
    assert changed.changes == ("trainer.max_epochs=1",)
    assert changed.recipes[0].config.trainer.max_epochs == 1


def test_places_and_loggers_change_nothing(tmp_path):
    free = ["logger=none", "dataset.cache=off", "dataset.workers=1", "dataset.root=/elsewhere", "resume=never"]
    asked = plan(make_places(tmp_path), "faces/small", extra=free)
    assert (asked.folder.name, asked.changes) == ("faces", ())


def test_other_seeds(tmp_path):
    recipes = plan(make_places(tmp_path), "faces", seeds=[3, 4]).recipes
    assert [(recipe.name, recipe.seed) for recipe in recipes] == [
        ("small", 3),
        ("small", 4),
        ("given", 3),
        ("given", 4),
    ]
    assert [recipe.config.seed for recipe in recipes[:2]] == [3, 4]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed=3", "here that is --seeds"),
        ("output=x", "here that is --output"),
        ("+experiment=fecnn/vgg19", "here that is another study or part"),
        ("hydra.run.dir=x", "the run folders are made here"),
        ("trainer=ddp", "trainer=ddp: not here"),
        ("traner.max_epochs=1", "did you mean 'trainer'"),
        ("backbone=resnet19", "did you mean 'resnet18'"),
        ("dataset.batch_size=0", r"dataset\.batch_size"),
    ],
)
def test_overrides_that_do_not_fit(tmp_path, override, message):
    with pytest.raises(ConfigError, match=message):
        plan(make_places(tmp_path), "faces/small", extra=[override]).check()


def test_a_preset_that_is_not_there(tmp_path):
    text = STUDY.replace("title: A small network", "title: A small network\n    preset: fecnn/resnet81")
    with pytest.raises(ConfigError, match=r"experiment has no option 'fecnn/resnet81'; did you mean 'fecnn/resnet18'"):
        plan(make_places(tmp_path, text), "faces/small").check()


@pytest.mark.parametrize(
    "value", ["/a/b", "a b", "it's", "a,b", "(1)", "[x]", "a=b", "{x}", "C:\\d\\", "50%", "é", "~/a"]
)
def test_values_are_taken_literally(value):
    config = composed(ROOT / "conf", [plain_or_quoted(f"dataset.root={value}")])
    assert isinstance(config, Config)
    assert config.dataset.root == value
