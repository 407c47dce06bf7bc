"""The small typed objects that travel between the parts: specs, splits, faces and scenes. NumPy only, no torch."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.labels import LabelSet

Image = NDArray[np.uint8]
"""A picture: (H, W, 3) uint8, RGB, 0..255."""


class SplitName(StrEnum):
    """The parts of a data set. ``test`` is touched by evaluation and by the end-to-end stage only."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True)
class InputSpec:
    """What a backbone wants to see; it travels in the bundle and is the only truth about preprocessing.

    An image becomes an input by: conversion to ``channels`` (RGB or gray), resize of the shorter side to ``size``
    (bilinear with antialiasing), centre crop to a square, division by 255, then ``(x - mean) / std`` per channel.

    Attributes:
        size: Side of the square input in pixels.
        channels: 3 (RGB) or 1 (gray, ITU-R 601 luma).
        mean: Per-channel mean in the 0..1 range, one value a channel.
        std: Per-channel standard deviation in the 0..1 range, one value a channel.
    """

    size: int
    channels: int = 3
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)

    def __post_init__(self) -> None:
        if self.channels not in (1, 3) or len(self.mean) != self.channels or len(self.std) != self.channels:
            raise ValueError(f"expected 1 or 3 channels with one mean and std each, got {self}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "InputSpec":
        """The inverse of :meth:`to_dict`."""
        return cls(values["size"], values["channels"], tuple(values["mean"]), tuple(values["std"]))


@dataclass(frozen=True)
class DataSpec:
    """What a data set holds, known before an image is decoded.

    Attributes:
        name: The data set's name in the config.
        version: Its version, ``""`` where it has none.
        labels: Its classes.
        counts: Images per split and class: ``counts[split][k]``.
        fingerprint: SHA-256 hex digest over names, sizes, labels and splits.
        content: SHA-256 hex digest over bytes, labels and splits of the images that a run uses; ``""``: not asked for.
    """

    name: str
    version: str
    labels: LabelSet
    counts: dict[SplitName, tuple[int, ...]]
    fingerprint: str
    content: str = ""

    def size(self, split: SplitName) -> int:
        """Number of images of a split, 0 where the set lacks it."""
        return sum(self.counts.get(split, ()))


@dataclass(frozen=True)
class LeakedImage:
    """An image of a part that stands byte for byte in train too.

    Attributes:
        image: Its key.
        train: The keys of its copies there.
        labels_agree: Whether all of these have its label.
    """

    image: str
    train: tuple[str, ...]
    labels_agree: bool


@dataclass(frozen=True)
class Leaks:
    """Which images of a part stand in train too.

    Attributes:
        split: The part.
        images: One entry a leaked image, in the order of the part.
    """

    split: SplitName
    images: tuple[LeakedImage, ...]

    @property
    def conflicting(self) -> int:
        """How many have another label in train."""
        return sum(not image.labels_agree for image in self.images)

    def keys(self) -> set[str]:
        """The keys of the leaked images."""
        return {image.image for image in self.images}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        images = [asdict(image) for image in self.images]
        return {"split": str(self.split), "count": len(images), "conflicting": self.conflicting, "images": images}


@dataclass(frozen=True)
class Faces:
    """The faces that a detector found in one image; N may be 0.

    Attributes:
        boxes: (N, 4) float32, xyxy in pixels of the image, x to the right, y down.
        scores: (N,) float32 in 0..1.
        landmarks: (N, 5, 2) float32, xy pixels: eyes (the viewer's left first), nose, mouth corners; NaN where the
            detector gives none.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def __post_init__(self) -> None:
        n = len(self.boxes)
        if self.boxes.shape != (n, 4) or self.scores.shape != (n,) or self.landmarks.shape != (n, 5, 2):
            raise ValueError(
                "expected boxes (N, 4), scores (N,), landmarks (N, 5, 2); "
                f"got {self.boxes.shape}, {self.scores.shape}, {self.landmarks.shape}"
            )

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def none(cls) -> "Faces":
        """No face."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))


CROP_EDGES = ("clip", "shift", "repeat")
CROP_PREPROCESSES = ("standard", "study_a")


@dataclass(frozen=True)
class CropRule:
    """How a face is cut out of its photo; it travels in the bundle, so that use crops as training did.

    ``mien.detection.crop`` carries it out.

    Attributes:
        margin: Added around the square face box, as a share of its side.
        align: Turn the face upright by its five landmarks, where they are known.
        edge: Where the square runs over the photo: ``clip``, ``shift`` or ``repeat``.
        border: Of the gray border that the detector sees around the photo, as a share of its shorter side; 0: none.
        preprocess: ``standard``, or ``study_a``: the box itself, squeezed to the input by nearest neighbour.
    """

    margin: float = 0.0
    align: bool = False
    edge: str = "clip"
    border: float = 0.0
    preprocess: str = "standard"

    def __post_init__(self) -> None:
        if self.edge not in CROP_EDGES or self.preprocess not in CROP_PREPROCESSES:
            raise ValueError(f"expected an edge of {CROP_EDGES} and a preprocess of {CROP_PREPROCESSES}, got {self}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


class FaceDetector(Protocol):
    """Anything that finds faces in a picture."""

    @property
    def name(self) -> str:
        """For results and captions."""
        ...

    def detect(self, image: Image) -> Faces:
        """The faces of one (H, W, 3) uint8 RGB picture, best first."""
        ...


@dataclass(frozen=True)
class Scene:
    """A whole picture with its true faces, the ground truth of the end-to-end stage.

    Attributes:
        key: A name for tables: file name or number.
        image: (H, W, 3) uint8 RGB.
        labels: (N,) int64 class indices, one a face.
        boxes: (N, 4) float32 xyxy pixels, or ``None`` where only the main face's label is known (then N = 1).
    """

    key: str
    image: Image
    labels: NDArray[np.int64]
    boxes: NDArray[np.float32] | None = field(default=None)

    def __post_init__(self) -> None:
        expected = 1 if self.boxes is None else len(self.boxes)
        if len(self.labels) != expected:
            raise ValueError(f"scene {self.key}: {len(self.labels)} labels for {expected} faces")
