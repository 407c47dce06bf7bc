"""Every YAML file composes into a valid typed config."""

from dataclasses import replace
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
    assert len(PRESETS) == 19
    assert len(OPTIONS) == 75


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
    searching = ["sweeper=optuna", "sweep.trial=0"] if group == "search" or option == "optuna" else []
    added = "+" if group == "search" else ""
    config = typed(composed(f"{added}{group}={option}", *extra.get(option, []), *searching), Config)
    assert problems_of(config) == []
    chosen = getattr(config, group, None)
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


@pytest.mark.parametrize("name", ["vgg16_gap", "inception"])
def test_study_bs_other_networks_have_the_callbacks_of_its_own(name):
    own, other = (
        typed(composed(f"+experiment=keras_fer2013/{preset}", "dataset.root=data"), Config)
        for preset in ("fer_vgg", name)
    )
    assert (own.schedule, own.optimizer, own.protocol) == (other.schedule, other.optimizer, other.protocol)
    assert (own.trainer.max_epochs, own.trainer.early_stopping) == (
        other.trainer.max_epochs,
        other.trainer.early_stopping,
    )
    assert (other.dataset.batch_size, other.head.name) == (64, "linear")


SCRATCH = {
    "vgg_4_blocks": ("vgg_4_blocks", 40, 1, 0.01, 1e-4, True, 64, 10, 300, "auto"),
    "vgg19": ("vgg19_small", 44, 3, 0.01, 5e-4, False, 128, 1, 250, "auto"),
    "resnet18": ("resnet18_small", 44, 3, 0.01, 5e-4, False, 128, 1, 250, "auto"),
    "resnet18_mixup": ("resnet18_small", 40, 1, 0.1, 1e-4, True, 128, 5, 300, "linear"),
}
"""Network, side, channels, learning rate, weight decay, Nesterov, batch, crops of an image, epochs, head."""


@pytest.mark.parametrize("name", SCRATCH)
def test_fer2013s_recipes_are_their_repositories(name):
    config = typed(composed(f"+experiment=fer2013_scratch/{name}", "dataset.root=data"), Config)
    backbone, optimizer, schedule = config.backbone, config.optimizer, config.schedule
    seen = (backbone.name, backbone.image_size, backbone.channels, optimizer.lr, optimizer.weight_decay)
    seen += (optimizer.nesterov, config.dataset.batch_size, config.augment.repeats, config.trainer.max_epochs)
    assert (*seen, config.head.name) == SCRATCH[name]
    assert (optimizer.name, optimizer.momentum, backbone.weights) == ("sgd", 0.9, "none")
    assert (config.protocol.ten_crop, config.protocol.monitor, config.augment.cut) == (48, "accuracy", True)
    if name in ("vgg19", "resnet18"):
        assert (schedule.start_epoch, schedule.step_size, schedule.gamma) == (80, 5, 0.9)
        assert (config.trainer.gradient_clip, config.trainer.gradient_clip_by) == (0.1, "value")
    else:
        assert (schedule.name, schedule.monitor, schedule.gamma) == ("plateau", "accuracy", 0.75)
        assert schedule.patience == 6  # PyTorch's 5


def test_transfer_is_one_recipe_for_both_sets():
    faces, fer = (
        typed(composed(f"+experiment=transfer/{name}", "dataset.root=data"), Config)
        for name in ("micro_expressions", "fer2013")
    )
    own = ("dataset", "backbone", "augment", "optimizer", "trainer")
    assert replace(faces, **{group: getattr(fer, group) for group in own}) == fer
    assert replace(faces.augment, mixup=0.0) == fer.augment
    assert replace(faces.backbone, image_size=128) == fer.backbone
    assert (faces.dataset.version, fer.dataset.name) == ("v1", "fer2013")
    assert (faces.dataset.batch_size, faces.backbone.image_size, faces.augment.mixup) == (64, 160, 0.5)
    assert (faces.optimizer.backbone_lr, faces.optimizer.lr, faces.trainer.max_epochs) == (5e-4, 2e-3, 30)
    assert (fer.dataset.batch_size, fer.optimizer.lr, fer.trainer.max_epochs) == (128, 3e-3, 16)
    assert (faces.augment.rotate, faces.augment.flip, faces.augment.erase) == (15, 0.5, 0)
