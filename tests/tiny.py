"""Experiments as small as can be: overrides for the commands, and a config for the parts."""

from dataclasses import replace
from pathlib import Path

from hydra import compose, initialize_config_dir

from mien.config.evaluate import EvaluateConfig
from mien.config.load import register, typed
from mien.config.schema import (
    BackboneConfig,
    Config,
    DatasetConfig,
    DetectorConfig,
    HeadConfig,
    LoggerConfig,
    LossConfig,
    OptimizerConfig,
    ProtocolConfig,
    ScenesConfig,
    ScheduleConfig,
)
from mien.sweep import register_resolvers

CONF = Path(__file__).resolve().parents[1] / "conf"
TINY = (
    "dataset.drawn.train=42",
    "dataset.drawn.validation=14",
    "dataset.drawn.test=21",
    "backbone.image_size=32",
    "dataset.batch_size=16",
    "trainer=cpu",
)


def composed(*overrides, name="train", schema=Config):
    """The config of a command with these overrides."""
    register(f"{name}_schema", schema)
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return typed(compose(name, list(overrides)), schema)


def evaluation(*overrides):
    """The config of evaluate.py with these overrides."""
    return composed(*overrides, name="evaluate", schema=EvaluateConfig)


def small_config(**changes):
    """A whole config without Hydra, with some groups replaced."""
    whole = Config(
        dataset=DatasetConfig("drawn_faces", batch_size=8),
        backbone=BackboneConfig("small_cnn", image_size=16),
        head=HeadConfig("auto"),
        loss=LossConfig("cross_entropy"),
        optimizer=OptimizerConfig("adamw"),
        schedule=ScheduleConfig("constant"),
        protocol=ProtocolConfig("clean"),
        logger=LoggerConfig(),
        detector=DetectorConfig("mtcnn"),
        scenes=ScenesConfig("none"),
    )
    return replace(whole, **changes)
