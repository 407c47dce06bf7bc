"""Every YAML file composes into a valid typed config."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from mien.config.check import problems_of
from mien.config.evaluate import EvaluateConfig
from mien.config.load import register, typed
from mien.config.schema import Config
from mien.sweep import register_resolvers

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
    assert len(PRESETS) == 7
    assert len(OPTIONS) == 45


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_composes(preset):
    config = typed(composed(f"+experiment={preset}", "dataset.root=data"), Config)
    assert config.dataset.name in preset.split("/")[0] or config.dataset.name in ("micro_expressions", "fer2013")


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_an_option_composes(group, option):
    extra = ["backbone.model=resnet10t"] if option == "timm" else []
    extra += ["protocol.checkpoint=best"] if option == "clean" else []
    config = typed(composed(f"{group}={option}", *extra), Config)
    assert problems_of(config) == []
    chosen = getattr(config, group)
    assert getattr(chosen, "name", option) == option


def test_the_evaluate_config_composes():
    config = typed(composed("run=outputs/default", name="evaluate"), EvaluateConfig)
    assert (config.split, config.scenes.name) == ("test", "none")


def test_study_a_is_as_published():
    config = typed(composed("+experiment=fecnn/resnet50", "dataset.root=data"), Config)
    assert (config.optimizer.name, config.optimizer.lr, config.dataset.batch_size) == ("adam", 1e-3, 32)
    assert (config.schedule.name, config.schedule.step_size, config.schedule.gamma) == ("step", 45, 0.1)
    assert (config.backbone.freeze, config.backbone.freeze_batchnorm) == ("all", False)
    assert (config.protocol.name, config.protocol.selection, config.protocol.checkpoint) == (
        "published",
        "none",
        "last",
    )
    assert (config.head.name, config.head.hidden, config.head.dropout) == ("mlp", [256], [0.2])
    assert config.trainer.max_epochs == 100
