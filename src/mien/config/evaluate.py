"""The schema of ``evaluate.py``'s configuration."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from mien.config.schema import DatasetConfig, DetectorConfig, ScenesConfig


@dataclass
class EvaluateConfig:
    """A finished model, a data set, and photos."""

    run: str = MISSING
    """A run folder or a bundle."""
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    """The data set; its classes must be among the model's."""
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    """How faces are found; the crop's margin is the bundle's."""
    scenes: ScenesConfig = field(default_factory=ScenesConfig)
    """Whole photos for the end-to-end stage."""
    split: str = "test"
    """The split that is scored: train, validation or test."""
    accelerator: str = "auto"
    """auto, cpu or gpu."""
    output: str = "outputs"
    """Folder under which the evaluation's folder is made."""
