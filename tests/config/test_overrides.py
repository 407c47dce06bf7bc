"""Typos are all found at once, before anything is composed."""

import shutil
from pathlib import Path

import pytest

from mien.config.overrides import check_command_line, readable
from mien.config.schema import Config
from mien.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def check(*arguments, folder=ROOT / "conf"):
    check_command_line(arguments, Config, folder, "train")


def problems(*arguments, **options):
    with pytest.raises(ConfigError) as caught:
        check(*arguments, **options)
    return caught.value.problems


def test_a_right_command_line_passes():
    check("backbone=resnet18,vgg19", "-m", "optimizer.lr=1e-3,1e-4", "+experiment=fecnn/vgg19", "dataset.root=/x")
    check("--cfg", "job", "head.hidden=[512,256]", "hydra.run.dir=x", "dataset.drawn={train: 100, test: 70}")


def test_sets_of_a_mix_and_their_classes_have_any_name_but_known_keys():
    check("dataset=mixed", "dataset.mixed.fer.name=fer2013", "+dataset.mixed.fer.labels.contempt=disgust")
    check("dataset=mixed", "dataset.mixed={fer: {name: fer2013, labels: {sad: ''}}}", "dataset.mixed.fer.weight=1,2")
    found = problems("dataset.mixed.fer.rot=/x", "dataset.mixed={fer: {wight: 2}}", "dataset.mixed.fer.weight=much")
    assert "unknown key 'dataset.mixed.fer.rot' in dataset.mixed.fer; did you mean 'root'?" in found[0]
    assert "unknown key 'dataset.mixed.fer.wight' in dataset.mixed.fer; did you mean 'weight'?" in found[1]
    assert "dataset.mixed.fer.weight: Value 'much'" in found[2]
    assert len(found) == 3


def test_all_typos_are_named_with_the_nearest_names():
    found = problems(
        "optimzer.lr=3", "backbone=resnet19", "dataset.rot=4", "optimizer.lr=abc", "+experiment=fecnn/vgg91"
    )
    assert len(found) == 5
    assert found[0] == "override 'optimzer.lr=3': unknown key 'optimzer' in the config; did you mean 'optimizer'?"
    assert "backbone has no option 'resnet19'; did you mean 'resnet18' or 'resnet50'?" in found[1]
    assert "unknown key 'dataset.rot' in dataset; did you mean 'root'?" in found[2]
    assert "optimizer.lr: Value 'abc'" in found[3]
    assert "did you mean 'fecnn/vgg19'" in found[4]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("dataset.root=/data/archive (1)", "dataset.root='/data/archive (1)'"),
        ("scenes.root=/data/été", "scenes.root='/data/été'"),
        ("output=~/runs", "output=/home/me/runs"),
        ("run='~/a b'", "run='/home/me/a b'"),
        ("dataset.root=~/a,~/b", "dataset.root=/home/me/a,/home/me/b"),
        ("backbone.weights=null", "backbone.weights=null"),
        ("dataset.root=/a (1),/b", "dataset.root=/a (1),/b"),
        ("optimizer.lr=~", "optimizer.lr=~"),
    ],
)
def test_paths_are_read_as_they_are_typed(monkeypatch, typed, read):
    monkeypatch.setenv("HOME", "/home/me")
    assert readable(typed) == read


def test_paths_of_a_sweep_that_need_quotes_say_so():
    (found,) = problems("dataset.root=/a (1),/b")
    assert found.endswith("; put the value in quotes: dataset.root='...'")


def test_each_value_of_a_sweep_is_checked():
    assert len(problems("backbone=resnet18,resnet19,vgg91", "trainer.max_epochs=1,two")) == 3


def test_a_key_below_a_value_is_no_key():
    assert "unknown key 'seed.deep' in seed; it has no keys" in problems("seed.deep=1")[0]


@pytest.fixture
def conf(tmp_path):
    shutil.copytree(ROOT / "conf", tmp_path / "conf", symlinks=False)
    return tmp_path / "conf"


def test_typos_in_yaml_files_and_presets_are_found(conf):
    (conf / "optimizer" / "adamw.yaml").write_text("name: adamw\nlearning_rate: 1e-3\n")
    (conf / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /backbone: vgg20\n  - override /schedul: step\n"
        "trainer:\n  max_epoch: 3\n"
    )
    found = problems("+experiment=mine", folder=conf)
    assert found[0].startswith("conf/optimizer/adamw.yaml: unknown key 'optimizer.learning_rate' in optimizer")
    assert "conf/experiment/mine.yaml: backbone has no option 'vgg20'; did you mean 'vgg19' or 'vgg16'?" in found
    assert any("unknown config group 'schedul'; did you mean 'schedule'?" in line for line in found)
    assert any("unknown key 'trainer.max_epoch' in trainer; did you mean 'max_epochs'?" in line for line in found)
    assert len(found) == 4


@pytest.mark.parametrize("flag", ["--config-dir={}", "--config-dir {}", "hydra.searchpath=[file://{}]"])
def test_groups_in_a_folder_of_ones_own_are_found_and_checked(tmp_path, flag):
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "mine.yaml").write_text("name: adamw\nlr: 0.1\n")
    (tmp_path / "optimizer" / "wrong.yaml").write_text("name: adamw\nrate: 0.1\n")
    flags = flag.format(tmp_path).split()
    check(*flags, "optimizer=mine")
    assert problems(*flags, "optimizer=wrong")[0].startswith(f"{tmp_path}/optimizer/wrong.yaml: unknown key")
    assert "did you mean 'mine'" in problems(*flags, "optimizer=min")[0]


def test_broken_yaml_is_named(conf):
    (conf / "loss" / "focal.yaml").write_text("name: [focal\n")
    assert problems("loss=focal", folder=conf)[0].startswith("conf/loss/focal.yaml: not valid YAML")
