"""The part of the schema that says which images there are: data sets, whole photos, and the faces in them."""

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING


class OnBadImage(Enum):
    """What to do with images that cannot be decoded; either way all of them are listed before training starts."""

    error = "error"
    skip = "skip"


@dataclass
class DrawnConfig:
    """How many faces ``drawn_faces`` draws, and how."""

    train: int = 3500
    """Faces in the train split."""
    validation: int = 700
    """Faces in the validation split."""
    test: int = 1400
    """Faces in the test split."""
    size: int = 64
    """Side of a drawn face image in pixels."""
    seed: int = 0
    """Seed of the renderer; each face follows from the seed, its split and its number alone."""
    label_noise: float = 0.0
    """Share of train labels replaced by another class, 0..1."""


@dataclass
class TableConfig:
    """Where ``dataset=table`` finds things: a CSV or parquet file with one row an image or face."""

    file: str | None = None
    """The table, relative to ``dataset.root`` or absolute."""
    path: str = "path"
    """Column with image paths, relative to ``dataset.root`` or absolute."""
    label: str = "label"
    """Column with class names (or integers, see ``classes``)."""
    classes: list[str] | None = None
    """Class names that integer labels 0, 1, ... stand for, ``""`` where a number stands for none; ``null``: the label
    column holds names."""
    split: str | None = None
    """Column with train, validation or test (also val, valid, dev, training); ``null``: a test split is cut too."""
    box: list[str] | None = None
    """Four columns with the face box: left, top, right, bottom in pixels; ``null``: the whole image."""


@dataclass
class MixedPartConfig:
    """One of the sets that ``dataset=mixed`` is made of."""

    name: str = MISSING
    """Any other ``dataset.name``."""
    root: str | None = None
    """Its ``dataset.root``."""
    version: str | None = None
    """Its ``dataset.version``."""
    weight: float = 1.0
    """How often each of its training images is drawn in an epoch, on average: 0.5, 1, 2, ..."""
    labels: dict[str, str] = field(default_factory=dict)
    """Its classes that go by another name in the mix, such as ``{contempt: disgust}``; ``""`` drops a class."""
    table: TableConfig = field(default_factory=TableConfig)
    """For name=table."""


@dataclass
class DatasetConfig:
    """The data set."""

    name: str = MISSING
    """drawn_faces, micro_expressions, fer2013, image_folder, table or mixed."""
    root: str | None = None
    """Folder (or, for fer2013, CSV file) of a data set on disk."""
    version: str | None = None
    """micro_expressions: v1 (the 6,938 + 1,700 published images) or v2 (all)."""
    batch_size: int = 64
    """Images per training step and device."""
    on_bad_image: OnBadImage = OnBadImage.error
    """error, or skip unreadable images with a warning that lists them."""
    validation_fraction: float = 0.1
    """Share of train cut off as validation where the set has none: stratified, duplicates kept on one side."""
    test_fraction: float = 0.2
    """Share cut off as test where the set has none."""
    split_seed: int = 0
    """Seed of these cuts; independent of ``seed``, so that runs of several seeds share their splits."""
    faces: str = "given"
    """given: images are faces already; detected: ``detector`` finds the largest face of each and ``crop`` cuts it out,
    as in whole photos, small images enlarged for the detector; an image without a found face is taken whole."""
    decode_size: int | None = None
    """Side in pixels at which training images are kept before augmentation; ``null``: the backbone's input size."""
    workers: int = 0
    """Images decoded at a time; 0: one a core."""
    cache: str = "auto"
    """Where decoded images are kept for the next run: auto ($MIEN_CACHE or the user's cache folder), off, a folder."""
    drawn: DrawnConfig = field(default_factory=DrawnConfig)
    """For drawn_faces."""
    table: TableConfig = field(default_factory=TableConfig)
    """For table."""
    mixed: dict[str, MixedPartConfig] = field(default_factory=dict)
    """For mixed: the sets, each under a name of your choice."""


@dataclass
class DetectorConfig:
    """How faces are found in whole photos."""

    name: str = MISSING
    """mtcnn, haar or whole_image."""
    min_score: float | None = None
    """Faces with a lower score are dropped; ``null``: 0.9 for mtcnn, 0 for haar, whose scores are no probabilities."""
    min_face_size: int = 20
    """mtcnn, haar: smallest face in pixels."""
    thresholds: list[float] = field(default_factory=lambda: [0.6, 0.7, 0.7])
    """mtcnn: smallest scores that pass its three networks."""
    factor: float = 0.709
    """mtcnn: each level of its image pyramid is this much smaller than the one before."""
    scale_factor: float = 1.1
    """haar: each level of its image pyramid is this much smaller than the one before."""
    min_neighbors: int = 3
    """haar: a face needs more overlapping finds than this."""


@dataclass
class CropConfig:
    """How a found face is cut out of its photo; it travels in the bundle."""

    margin: float = 0.0
    """Added around the square face box, as a share of its side."""
    align: bool = False
    """Turn the face upright by its five landmarks, where the detector gives them."""
    edge: str = "clip"
    """Where the square runs over the photo: clip (cut off; not square), shift (moved inside), repeat (edge pixels)."""
    border: float = 0.0
    """Gray border that the detector sees around a photo, as a share of its shorter side; MTCNN places faces that run
    over the photo's edge far better with 0.25. Photos of less than 120 px are enlarged for the detector then."""
    preprocess: str = "standard"
    """standard (as in training), or study_a: the box itself, not square, squeezed to the input by nearest neighbour."""


@dataclass
class ScenesConfig:
    """The whole photos of the end-to-end stage."""

    name: str = MISSING
    """drawn, photos, table, collages or none."""
    root: str | None = None
    """photos: folder with images/ and labels.csv (columns image, label; optional left, top, right, bottom). table:
    folder with images/ and label.lst (ExpW's layout). collages: a folder of class folders."""
    table: str = "label.lst"
    """table: the file under ``root``; columns image, face id, top, left, right, bottom, confidence, label."""
    split: str = "test"
    """collages: the split of ``root`` whose faces are pasted, where it has splits."""
    count: int = 60
    """drawn, collages: number of scenes."""
    seed: int = 1000
    """drawn, collages: seed of the scenes."""
