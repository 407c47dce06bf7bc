"""One pass over all images of a data set: what the audit needs to know of each, about a kilobyte."""

from dataclasses import dataclass

import imagehash
import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from mien.audit.result import Unreadable
from mien.data.chunks import progress
from mien.data.source import Part, SourceData
from mien.errors import DataError
from mien.types import Image, SplitName

SIDE = 32
"""Side in pixels of the gray thumbnails, which perceptual hashes are made of too."""
_COLOURED = 1.0  # gray levels that the channels differ on average, from which on a picture has colour


@dataclass(frozen=True, eq=False)
class Images:
    """The N images that can be read, part after part: train, validation, test.

    Attributes:
        source: The data set.
        splits: (N,) str, the name of each image's part.
        rows: (N,) int64, its position in the part.
        places: (N,) int64, its position among all images of the data set, unreadable ones among them; ascending.
        labels: (N,) int64 class indices.
        contents: (N,) int64, equal for images that are equal byte for byte, and numbered by first appearance.
        thumbs: (N, 32, 32) uint8 gray thumbnails.
        hashes: (N,) uint64 perceptual hashes.
        mirrored: (N,) uint64 perceptual hashes of the mirror images.
        sizes: (N, 2) int64 width and height in pixels.
        brightness: (N,) float64, mean gray level, 0..255.
        contrast: (N,) float64, standard deviation of the gray levels.
        coloured: (N,) bool, whether there is colour in it, whatever the file's mode.
    """

    source: SourceData
    splits: NDArray[np.str_]
    rows: NDArray[np.int64]
    places: NDArray[np.int64]
    labels: NDArray[np.int64]
    contents: NDArray[np.int64]
    thumbs: NDArray[np.uint8]
    hashes: NDArray[np.uint64]
    mirrored: NDArray[np.uint64]
    sizes: NDArray[np.int64]
    brightness: NDArray[np.float64]
    contrast: NDArray[np.float64]
    coloured: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def key(self, index: int) -> str:
        """An image's name, unique in the data set."""
        return self._part(index).reader.key(int(self.rows[index]))

    def label(self, index: int) -> str:
        """An image's class."""
        return self.source.labels.names[int(self.labels[index])]

    def read(self, index: int) -> Image:
        """The image itself, (H, W, 3) uint8 RGB, read again."""
        return self._part(index).reader.read(int(self.rows[index]))

    def _part(self, index: int) -> Part:
        return self.source.parts[SplitName(self.splits[index])]


@dataclass(frozen=True, eq=False)
class _Look:
    """What is noted of one image."""

    split: str
    row: int
    place: int
    label: int
    digest: bytes
    thumb: NDArray[np.uint8]
    hash: int
    mirrored: int
    size: tuple[int, int]
    brightness: float
    contrast: float
    coloured: bool


def all_parts(source: SourceData) -> list[tuple[SplitName, Part]]:
    """The parts of a data set in the order of an audit: train, validation, test."""
    return [(split, source.parts[split]) for split in SplitName if split in source.parts]


def look_at(source: SourceData) -> tuple[Images, tuple[Unreadable, ...]]:
    """Read every image of a data set once.

    Returns:
        The images, and those that cannot be read.

    Raises:
        DataError: None can be read.
    """
    seen: list[_Look] = []
    unreadable: list[Unreadable] = []
    with progress(sum(map(len, source.parts.values())), "looking at images") as advance:
        for split, part in all_parts(source):
            for row, (label, digest) in enumerate(zip(part.labels.tolist(), part.digests, strict=True)):
                try:
                    image = part.reader.read(row)
                except DataError as error:
                    unreadable.append(Unreadable(str(split), part.reader.key(row), str(error)))
                else:
                    seen.append(_Look(str(split), row, len(seen) + len(unreadable), label, digest, *_facts(image)))
                advance(1)
    if not seen:
        raise DataError(f"data set {source.name}: none of its images can be read, such as {unreadable[0].reason}")
    return _together(source, seen), tuple(unreadable)


def _facts(image: Image) -> tuple[NDArray[np.uint8], int, int, tuple[int, int], float, float, bool]:
    """Thumbnail, hash, hash of the mirror image, size, brightness, contrast, and whether there is colour."""
    gray = PIL.Image.fromarray(image).convert("L")
    thumb = gray.resize((SIDE, SIDE), PIL.Image.Resampling.LANCZOS)
    levels = np.asarray(gray, np.float64)
    spread = float(np.ptp(image, axis=2).mean())
    hashes = perceptual_hash(thumb), perceptual_hash(PIL.ImageOps.mirror(thumb))
    return np.asarray(thumb), *hashes, gray.size, float(levels.mean()), float(levels.std()), spread >= _COLOURED


def perceptual_hash(picture: PIL.Image.Image) -> int:
    """The 64 bits of imagehash's ``phash``: which low frequencies of the picture are above their median."""
    return int.from_bytes(np.packbits(imagehash.phash(picture).hash).tobytes())


def _together(source: SourceData, seen: list[_Look]) -> Images:
    numbers: dict[bytes, int] = {}
    contents = [numbers.setdefault(look.digest, len(numbers)) for look in seen]
    return Images(
        source,
        splits=np.array([look.split for look in seen]),
        rows=np.array([look.row for look in seen], np.int64),
        places=np.array([look.place for look in seen], np.int64),
        labels=np.array([look.label for look in seen], np.int64),
        contents=np.array(contents, np.int64),
        thumbs=np.stack([look.thumb for look in seen]),
        hashes=np.array([look.hash for look in seen], np.uint64),
        mirrored=np.array([look.mirrored for look in seen], np.uint64),
        sizes=np.array([look.size for look in seen], np.int64),
        brightness=np.array([look.brightness for look in seen]),
        contrast=np.array([look.contrast for look in seen]),
        coloured=np.array([look.coloured for look in seen]),
    )
