"""Every YAML file composes into a valid typed config."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from mien.config.check import problems_of
from mien.config.evaluate import CropChanges, EvaluateConfig
from mien.config.load import register, typed
from mien.config.schema import Config
from mien.errors import ConfigError
from mien.models.factory import input_spec
from mien.sweep import register_resolvers
from mien.types import InputSpec

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"
PRESETS = sorted(
    str(path.relative_to(ROOT / "experiments").with_suffix(""))
    for path in (ROOT / "experiments").rglob("*.yaml")
    if path.name != "published.yaml"
)
OPTIONS = sorted((path.parent.name, path.stem) for path in CONF.glob("*/*.yaml"))


def composed(*overrides, name="train"):
    register("train_schema", Config)
    register("evaluate_schema", EvaluateConfig)
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name, list(overrides))


def test_there_are_as_many_files_as_expected():
    assert len(PRESETS) == 8
    assert len(OPTIONS) == 54


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_composes(preset):
    sets = composed(f"+experiment={preset}").dataset.mixed
    roots = [f"dataset.mixed.{name}.root=data" for name in sets] or ["dataset.root=data"]
    config = typed(composed(f"+experiment={preset}", *roots), Config)
    assert problems_of(config) == []
    assert {member.root for member in config.dataset.mixed.values()} or {config.dataset.root} == {"data"}


@pytest.mark.parametrize(("group", "option"), [option for option in OPTIONS if option != ("dataset", "none")])
def test_an_option_composes(group, option):
    extra = {"timm": ["backbone.model=resnet10t"], "mixed": ["dataset.mixed={a: {name: drawn_faces}}"]}
    config = typed(composed(f"{group}={option}", *extra.get(option, [])), Config)
    assert problems_of(config) == []
    chosen = getattr(config, group)
    assert getattr(chosen, "name", option) == option


def test_the_evaluate_config_composes():
    config = typed(composed("run=outputs/default", "dataset=fer2013", name="evaluate"), EvaluateConfig)
    assert (config.split, config.scenes.name) == ("test", "none")
    assert config.crop == CropChanges()


def test_an_evaluation_needs_no_data_set_but_something_to_score():
    config = typed(composed("run=a", "scenes=drawn", "crop.margin=0", name="evaluate"), EvaluateConfig)
    assert (config.dataset.name, config.crop) == ("none", CropChanges(margin=0.0))
    with pytest.raises(ConfigError, match=r"there is nothing to score; pass dataset=<name>, scenes=<name>, or both"):
        typed(composed("run=a", name="evaluate"), EvaluateConfig)


def test_an_evaluation_takes_whole_crop_rules_too():
    config = typed(composed("run=a", "scenes=drawn", "crop=study_a", name="evaluate"), EvaluateConfig)
    assert config.crop == CropChanges(0.0, align=False, edge="clip", border=0.0, preprocess="study_a")


def test_a_run_needs_a_data_set():
    with pytest.raises(ConfigError, match="dataset=none: there is nothing to train on"):
        typed(composed("dataset=none"), Config)


STUDY_A = {
    "custom_cnn": ("none", "sgd", "none", True, "auto"),
    "resnet18": ("imagenet", "sgd", "none", True, "mlp"),
    "vgg19": ("imagenet", "sgd", "all", True, "mlp"),
    "resnet50": ("imagenet", "adam", "all", False, "mlp"),
}
"""Weights, optimizer, what is frozen, whether frozen batch norms stand still, head."""


@pytest.mark.parametrize("name", STUDY_A)
def test_study_a_is_as_published(name):
    config = typed(composed(f"+experiment=fecnn/{name}", "dataset.root=data"), Config)
    backbone, head, augment = config.backbone, config.head, config.augment
    special = (backbone.weights, config.optimizer.name, backbone.freeze, backbone.freeze_batchnorm, head.name)
    assert special == STUDY_A[name]
    assert (config.dataset.version, config.dataset.batch_size, config.trainer.max_epochs) == ("v1", 32, 100)
    assert (config.optimizer.lr, config.optimizer.momentum, config.optimizer.weight_decay) == (1e-3, 0.9, 0.0)
    assert (config.schedule.name, config.schedule.step_size, config.schedule.gamma) == ("step", 45, 0.1)
    assert (config.protocol.name, config.protocol.selection, config.protocol.checkpoint) == (
        "published",
        "none",
        "last",
    )
    assert (augment.rotate, augment.flip, augment.interpolation, augment.padding) == (10, 0.5, "nearest", "zeros")
    assert (config.dataset.decode_size, input_spec(backbone).mean, input_spec(backbone).size) == (80, (0.5,) * 3, 64)
    if head.name == "mlp":
        assert (head.hidden, head.dropout) == ([256], [0.2])


def test_study_b_is_as_published():
    config = typed(composed("+experiment=keras_fer2013/fer_vgg", "dataset.root=data"), Config)
    assert (config.dataset.batch_size, config.trainer.max_epochs) == (64, 100)
    assert (config.optimizer.name, config.optimizer.lr) == ("adam", 1e-3)
    schedule = config.schedule
    assert (schedule.name, schedule.gamma, schedule.patience, schedule.monitor) == ("plateau", 0.9, 3, "loss")
    assert (config.trainer.early_stopping, config.trainer.early_stopping_monitor) == (8, "loss")
    assert (config.protocol.monitor, config.trainer.precision) == ("accuracy", "32-true")
    assert input_spec(config.backbone) == InputSpec(48, 1, (0.0,), (1.0,))
