"""Checks of the settings that say which images there are: data sets, detectors, crops and whole photos."""

from collections.abc import Iterable, Iterator

from mien.config.images import CropConfig, DatasetConfig, DetectorConfig, ScenesConfig
from mien.errors import nearest
from mien.types import CROP_EDGES, CROP_PREPROCESSES

SPLITS = ("train", "validation", "test")


def choice(key: str, value: str, known: Iterable[str]) -> Iterator[str]:
    """A problem unless ``value`` is one of the known names."""
    names = tuple(known)
    if value not in names:
        yield f"{key}: unknown value {value!r}; {nearest(value, names)}"


def in_range(key: str, value: float | None, low: float, high: float = float("inf")) -> Iterator[str]:
    """A problem unless ``value`` lies within the bounds, both included; ``None`` does."""
    if value is not None and not low <= value <= high:
        limit = f"{low:g} or more" if high == float("inf") else f"{low:g} to {high:g}"
        yield f"{key}: expected {limit}, got {value:g}"


def no_data_problems(c: DatasetConfig) -> Iterator[str]:
    """A run needs a data set."""
    if c.name == "none":
        yield "dataset=none: there is nothing to train on; only evaluate.py goes without a data set"


def dataset_problems(c: DatasetConfig) -> Iterator[str]:
    """What is wrong with a data set's settings."""
    yield from choice("dataset.faces", c.faces, ("given", "detected"))
    yield from in_range("dataset.batch_size", c.batch_size, 1)
    yield from in_range("dataset.validation_fraction", c.validation_fraction, 0.01, 0.9)
    yield from in_range("dataset.test_fraction", c.test_fraction, 0.01, 0.9)
    yield from in_range("dataset.workers", c.workers, 0)
    yield from in_range("dataset.split_seed", c.split_seed, 0)
    yield from in_range("dataset.drawn.seed", c.drawn.seed, 0)
    yield from in_range("dataset.drawn.size", c.drawn.size, 8)
    yield from in_range("dataset.decode_size", c.decode_size, 8)
    yield from in_range("dataset.drawn.label_noise", c.drawn.label_noise, 0, 1)
    for split in SPLITS:
        yield from in_range(f"dataset.drawn.{split}", getattr(c.drawn, split), 7)
    if c.cache.lower() in ("", "false", "no", "none", "null") or (c.cache.lower() == "off" and c.cache != "off"):
        yield f"dataset.cache: expected auto, off or a folder, got {c.cache!r}; in YAML quote it: cache: 'off'"
    yield from _version("dataset", c.name, c.version)
    if c.name == "mixed":
        yield from _mixed(c)
    elif c.mixed:
        yield f"dataset.mixed: names sets, but the data set is {c.name}; pass dataset=mixed"


def _version(key: str, name: str, version: str | None) -> Iterator[str]:
    if version is not None and name != "micro_expressions":
        yield f"{key}.version: {name} has no versions, got {version!r}; leave it out"


def _mixed(c: DatasetConfig) -> Iterator[str]:
    if not c.mixed:
        yield "dataset.mixed: expected sets, got none; pass dataset.mixed.<any name>.name=fer2013 and so on for each"
    if c.root is not None:
        yield "dataset.root: dataset=mixed has a root for each set; use dataset.mixed.<name>.root"
    for name, part in c.mixed.items():
        key = f"dataset.mixed.{name}"
        yield from _version(key, part.name, part.version)
        if part.name in ("mixed", "none"):
            yield f"{key}.name: expected a data set, got {part.name!r}; name the sets of a mix one by one"
        if not 0 < part.weight <= 100:
            yield f"{key}.weight: expected a number above 0 and up to 100, got {part.weight:g}"


def detector_problems(c: DetectorConfig) -> Iterator[str]:
    """What is wrong with a detector's settings."""
    yield from in_range("detector.min_score", c.min_score, 0, 1)
    yield from in_range("detector.min_face_size", c.min_face_size, 1)
    yield from in_range("detector.factor", c.factor, 0.1, 0.99)
    yield from in_range("detector.scale_factor", c.scale_factor, 1.01, 10)
    yield from in_range("detector.min_neighbors", c.min_neighbors, 0)
    if len(c.thresholds) != 3 or not all(0 <= threshold <= 1 for threshold in c.thresholds):
        yield f"detector.thresholds: expected three scores of 0 to 1, got {c.thresholds}"


def crop_problems(c: CropConfig) -> Iterator[str]:
    """What is wrong with a crop rule."""
    yield from in_range("crop.margin", c.margin, -0.9, 10)
    yield from in_range("crop.border", c.border, 0, 1)
    yield from choice("crop.edge", c.edge, CROP_EDGES)
    yield from choice("crop.preprocess", c.preprocess, CROP_PREPROCESSES)
    if c.preprocess == "study_a" and (c.margin, c.align, c.edge) != (0, False, "clip"):
        yield "crop.preprocess=study_a takes the box as it is: set crop.margin=0, crop.align=false and crop.edge=clip"


def photo_problems(detector: DetectorConfig, scenes: ScenesConfig) -> Iterator[str]:
    """What is wrong with the settings of the end-to-end stage."""
    yield from detector_problems(detector)
    yield from in_range("scenes.count", scenes.count, 1)
    yield from in_range("scenes.seed", scenes.seed, 0)
    yield from choice("scenes.split", scenes.split, SPLITS)
