"""The schema of ``recognize.py``'s configuration."""

from dataclasses import dataclass, field

from mien.config.schema import DetectorConfig

TABLE_FORMATS = ("parquet", "csv", "jsonl")


@dataclass
class RecognizeConfig:
    """A trained model, and what to look at."""

    model: str = ""
    """A run folder or a bundle."""
    source: str = ""
    """A photo, a folder of photos and videos, a pattern such as 'photos/*.jpg', a video, or a camera's number."""
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    """How faces are found; how they are cut out is the model's."""
    output: str | None = None
    """The folder of the results; ``null``: one of its own in outputs/recognized, found again by the same command."""
    table: str = "parquet"
    """Format of the table of faces, one of ``TABLE_FORMATS``."""
    annotate: bool = True
    """Write copies of photos and videos with the faces marked."""
    recursive: bool = True
    """Search the folders in a folder too."""
    every: int = 3
    """Video: faces are looked for in each so-many-th frame, and followed between."""
    smooth: float = 0.3
    """Video: time in seconds over which probabilities are smoothed; 0: not at all."""
    max_frames: int | None = None
    """Video, camera: stop after so many frames, without sound; ``null``: at the end."""
    show: bool = False
    """Video, camera: a live window; q ends it."""
    batch_size: int = 16
    """Photos or frames in which faces are looked for together; fewer where they are large."""
    accelerator: str = "auto"
    """auto, cpu or gpu."""
    resume: str = "auto"
    """auto (leave alone what is done already) or never (start anew)."""
