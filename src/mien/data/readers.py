"""Readers: random access to the images of a part of a data set, whatever holds them."""

import hashlib
import math
import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from mien.errors import DataError
from mien.types import Image

UNREADABLE = (  # what Pillow raises on damaged files
    *(OSError, EOFError, SyntaxError, ValueError, LookupError, TypeError, RuntimeError, struct.error, zlib.error),
    PIL.Image.DecompressionBombError,
)
_ORIENTATION_TAG = 0x0112
_SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height; Pillow has done so for TIFF files


class ImageReader(Protocol):
    """Random access to images by position. Readers can be pickled, so that other processes can read too."""

    @property
    def process_from(self) -> float:
        """Number of images from which reading them in several processes is faster than in threads."""
        ...

    def __len__(self) -> int: ...

    def read(self, index: int) -> Image:
        """The image at ``index``, (H, W, 3) uint8 RGB.

        Raises:
            DataError: It cannot be read; the message names it and says why.
        """
        ...

    def key(self, index: int) -> str:
        """A name for tables, unique in the data set: the path relative to the root, or a row or number."""
        ...

    def stamp(self, index: int) -> str:
        """What tells this image from another version of it without decoding it; goes into the fingerprint."""
        ...

    def state(self, index: int) -> str:
        """What changes whenever this image may have changed where it lies, even if ``stamp`` does not."""
        ...

    def digest(self, index: int) -> bytes:
        """Equal for byte-identical images, different (but for 2**-64 chances) for all others."""
        ...


@dataclass(frozen=True, eq=False)
class FileReader:
    """Images in files.

    Attributes:
        root: The folder that ``paths`` are relative to.
        paths: One path an image; absolute ones are taken as they are.
        boxes: (N, 4) int64 xyxy pixels of the upright image to cut out, or ``None`` for whole images.
    """

    root: Path
    paths: Sequence[str]
    boxes: NDArray[np.int64] | None = None
    process_from: ClassVar[float] = 10_000  # Pillow decodes without the GIL, but opens files in Python

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> Image:
        """The image at ``index``, upright, (H, W, 3) uint8 RGB."""
        image = load_image(self.root / self.paths[index])
        if self.boxes is None:
            return image
        left, top, right, bottom = self.boxes[index]
        face = image[max(top, 0) : bottom, max(left, 0) : right]
        if not face.size:
            raise DataError(f"{self.key(index)}: the box lies outside its image")
        return face

    def key(self, index: int) -> str:
        """The path, followed by the box where there is one."""
        if self.boxes is None:
            return self.paths[index]
        return f"{self.paths[index]}@{','.join(map(str, self.boxes[index]))}"

    def stamp(self, index: int) -> str:
        """Name and file size."""
        facts = self._stat(index)
        return f"{self.key(index)}:{-1 if facts is None else facts.st_size}"

    def state(self, index: int) -> str:
        """Place, name, file size and the times of the last changes."""
        facts = self._stat(index)
        times = "" if facts is None else f"{facts.st_size}:{facts.st_mtime_ns}:{facts.st_ctime_ns}"
        return f"{self._path(index)}:{self.key(index)}:{times}"

    def digest(self, index: int) -> bytes:
        """Hash of the file's bytes and the box."""
        try:
            with open(self._path(index), "rb", buffering=0) as file:  # noqa: PTH123 - a path object is twice as slow
                content = file.read()
        except OSError:  # reported when it is decoded, together with all others
            content = self.key(index).encode()
        box = b"" if self.boxes is None else self.boxes[index].tobytes()
        return hashlib.blake2b(content + box, digest_size=16).digest()

    @cached_property
    def _folder(self) -> str:
        return str(self.root.absolute())

    def _path(self, index: int) -> str:
        return os.path.join(self._folder, self.paths[index])  # noqa: PTH118 - a path object is slow

    def _stat(self, index: int) -> os.stat_result | None:
        """The file's facts; ``None`` where it cannot be reached, which decoding tells, together with all others."""
        try:
            return os.stat(self._path(index))  # noqa: PTH116 - a path object is slow
        except OSError:
            return None


@dataclass(frozen=True, eq=False)
class ArrayReader:
    """Gray images that already lie in memory.

    Attributes:
        images: (N, H, W) uint8.
        rows: (N,) int64, each image's row number in its table.
        name: The table's name.
    """

    images: NDArray[np.uint8]
    rows: NDArray[np.int64]
    name: str
    process_from: ClassVar[float] = math.inf

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int) -> Image:
        """The image at ``index`` as RGB, (H, W, 3) uint8."""
        return np.repeat(self.images[index][:, :, None], 3, axis=2)

    def key(self, index: int) -> str:
        """Table and row number."""
        return f"{self.name}:{self.rows[index]}"

    def stamp(self, index: int) -> str:
        """Name and hash of the pixels."""
        return f"{self.key(index)}:{self.digest(index).hex()}"

    def state(self, index: int) -> str:
        """As the stamp: it is all there is."""
        return self.stamp(index)

    def digest(self, index: int) -> bytes:
        """Hash of the pixels."""
        return hashlib.blake2b(self.images[index].tobytes(), digest_size=16).digest()


@dataclass(frozen=True, eq=False)
class Selection:
    """Some images of another reader.

    Attributes:
        reader: The other reader.
        indices: (N,) int64 positions in it.
    """

    reader: ImageReader
    indices: NDArray[np.int64]

    @property
    def process_from(self) -> float:
        """As the other reader."""
        return self.reader.process_from

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, index: int) -> Image:
        """The selected image at ``index``, (H, W, 3) uint8 RGB."""
        return self.reader.read(int(self.indices[index]))

    def key(self, index: int) -> str:
        """As in the other reader."""
        return self.reader.key(int(self.indices[index]))

    def stamp(self, index: int) -> str:
        """As in the other reader."""
        return self.reader.stamp(int(self.indices[index]))

    def state(self, index: int) -> str:
        """As in the other reader."""
        return self.reader.state(int(self.indices[index]))

    def digest(self, index: int) -> bytes:
        """As in the other reader."""
        return self.reader.digest(int(self.indices[index]))


def load_image(path: Path) -> Image:
    """Decode an image file to (H, W, 3) uint8 RGB, turned upright by its EXIF orientation.

    Gray, palette and CMYK become RGB, 16 bits become 8, transparency is laid on white; of an animation the first
    frame is taken.

    Raises:
        DataError: No such file, not an image, truncated or damaged; the message starts with the path.
    """
    try:
        with PIL.Image.open(path) as picture:
            picture.load()
            return np.array(_to_rgb(_upright(picture)))
    except UNREADABLE as error:
        raise DataError(f"{path}: {_reason(path, error)}") from error


def to_array(picture: PIL.Image.Image) -> Image:
    """An image that Pillow holds already, as :func:`load_image` would give it.

    Raises:
        DataError: Its file is damaged, or its pixels are of a kind that cannot be had as 8 bits.
    """
    try:
        return np.array(_to_rgb(_upright(picture)))
    except UNREADABLE as error:
        raise DataError(f"this Pillow image cannot be read: {error}") from error


def image_size(path: Path) -> tuple[int, int] | None:
    """Width and height of the upright image, from the file's head alone; ``None`` where it cannot be read."""
    try:
        with PIL.Image.open(path) as picture:
            width, height = picture.size
            sideways = picture.format != "TIFF" and picture.getexif().get(_ORIENTATION_TAG, 1) in _SIDEWAYS
    except UNREADABLE:
        return None
    return (height, width) if sideways else (width, height)


def _upright(picture: PIL.Image.Image) -> PIL.Image.Image:
    turned = picture.getexif().get(_ORIENTATION_TAG, 1) != 1
    return PIL.ImageOps.exif_transpose(picture) if turned else picture


def _to_rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    if picture.mode == "F":
        raise ValueError("floating-point pixels; save it with 8 or 16 bits")
    if picture.mode.startswith("I"):  # 16 bits, at times in a 32-bit holder, which holds 8 bits too
        wide = np.asarray(picture).astype(np.int64).clip(0, 65535)
        narrow = wide if picture.mode == "I" and wide.max() <= 255 else (wide + 128) // 257
        picture = PIL.Image.fromarray(narrow.astype(np.uint8))
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        white = PIL.Image.new("RGBA", layer.size, "white")
        picture = PIL.Image.alpha_composite(white, layer)
    return picture if picture.mode == "RGB" else picture.convert("RGB")  # else a copy, which large photos pay for


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, PIL.UnidentifiedImageError):
        return "empty file" if path.stat().st_size == 0 else "not an image, or of an unknown format"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)
