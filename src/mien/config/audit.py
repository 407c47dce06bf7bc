"""The schema of ``audit.py``'s configuration."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mien.config.check_images import dataset_problems, in_range
from mien.config.schema import DatasetConfig

NEAR = 10
"""The default of ``near``; how it was chosen: experiments/audit/README.md."""


@dataclass
class AuditConfig:
    """A data set, and how to look at it."""

    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    """The data set; it is audited as it lies there, and a test part that it does not have is cut off as runs do."""
    near: int = NEAR
    """Bits of 64 in which the perceptual hashes of near-duplicates may differ; their thumbnails decide then."""
    predictions: Any = None
    """For likely label errors: a finished run, an evaluation, a folder that holds some, or a list of these."""
    output: str = "outputs"
    """Folder under which the audit's folder is made, in ``audits/``."""


def audit_problems(config: AuditConfig) -> Iterator[str]:
    """What is wrong with an audit's settings."""
    if config.dataset.name == "none":
        yield "dataset: there is nothing to audit; pass dataset=micro_expressions dataset.root=<folder>, for example"
    yield from dataset_problems(config.dataset)
    if config.dataset.faces != "given":
        yield f"dataset.faces={config.dataset.faces}: an audit looks at the images as they lie there; leave it out"
    yield from in_range("near", config.near, 0, 16)
    if not all(isinstance(place, str) and place for place in prediction_places(config)):
        yield f"predictions: expected a folder or a list of folders, got {config.predictions!r}"


def prediction_places(config: AuditConfig) -> list[str]:
    """Where predictions are to be found, none where none were given."""
    if config.predictions is None:
        return []
    places: list[str] = config.predictions if isinstance(config.predictions, list) else [config.predictions]
    return places
