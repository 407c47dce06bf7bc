"""The schema of ``evaluate.py``'s configuration."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from mien.config.schema import (
    DatasetConfig,
    DetectorConfig,
    LauncherConfig,
    LoggerConfig,
    ReportConfig,
    ScenesConfig,
    SweepConfig,
)


@dataclass
class CropChanges:
    """The crop rule of an evaluation, where it is not the bundle's. ``null``: as bundled."""

    margin: float | None = None
    """Added around the square face box, as a share of its side."""
    align: bool | None = None
    """Turn the face upright by its five landmarks, where the detector gives them."""
    edge: str | None = None
    """clip, shift or repeat."""
    border: float | None = None
    """Gray border that the detector sees around a photo, as a share of its shorter side."""
    preprocess: str | None = None
    """standard or study_a."""


@dataclass
class EvaluateConfig:
    """A finished model, a data set, and photos."""

    run: str = MISSING
    """A run folder or a bundle."""
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    """The data set; its classes must be among the model's. none: only whole photos are scored."""
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    """How faces are found."""
    crop: CropChanges = field(default_factory=CropChanges)
    """How they are cut out."""
    scenes: ScenesConfig = field(default_factory=ScenesConfig)
    """Whole photos for the end-to-end stage."""
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    """Where scores and tables go, beside the evaluation's own files."""
    report: ReportConfig = field(default_factory=ReportConfig)
    """What is drawn beside the usual plots."""
    split: str = "test"
    """The split that is scored: train, validation or test."""
    accelerator: str = "auto"
    """auto, cpu or gpu."""
    sweep: SweepConfig = field(default_factory=SweepConfig)
    """Many evaluations of one command."""
    launcher: LauncherConfig = field(default_factory=lambda: LauncherConfig("local"))
    """Where they run."""
    resume: str = "auto"
    """auto (a sweep skips what is finished, where the model is still the same) or never. A single one is made anew."""
    output: str = "outputs"
    """Folder under which the evaluation's folder is made."""
