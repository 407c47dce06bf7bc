"""Experiments as small as can be: overrides for the commands, and a config for the parts."""

from dataclasses import replace

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

TINY = (
    "dataset.drawn.train=42",
    "dataset.drawn.validation=14",
    "dataset.drawn.test=21",
    "backbone.image_size=32",
    "dataset.batch_size=16",
    "trainer=cpu",
)


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
        logger=LoggerConfig("none"),
        detector=DetectorConfig("mtcnn"),
        scenes=ScenesConfig("none"),
    )
    return replace(whole, **changes)
