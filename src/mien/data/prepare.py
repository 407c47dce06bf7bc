"""From a picture to the square of pixels that a network sees; the same for training, evaluation and whole photos."""

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from mien.data.readers import ImageReader
from mien.errors import DataError
from mien.types import Image

BadImages = list[tuple[int, str]]
"""Positions of images that cannot be read, and why not."""


def prepare(image: Image, size: int, channels: int) -> NDArray[np.uint8]:
    """Convert to gray if asked, resize the shorter side to ``size``, and crop the centre square.

    Equal, pixel by pixel, to torchvision's ``Grayscale``, ``Resize(size)`` and ``CenterCrop(size)`` on a PIL image
    (bilinear with antialiasing).

    Args:
        image: (H, W, 3) uint8 RGB.
        size: Side of the result in pixels.
        channels: 3 for RGB, 1 for gray (ITU-R 601 luma).

    Returns:
        (C, size, size) uint8, 0..255.
    """
    picture = PIL.Image.fromarray(image)
    if channels == 1:
        picture = picture.convert("L")
    width, height = picture.size
    if min(width, height) != size:
        if width <= height:
            width, height = size, size * height // width
        else:
            width, height = size * width // height, size
        picture = picture.resize((width, height), PIL.Image.Resampling.BILINEAR)
    left, top = round((width - size) / 2), round((height - size) / 2)
    pixels = np.asarray(picture)[top : top + size, left : left + size]
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def squeeze(image: Image, size: int, channels: int) -> NDArray[np.uint8]:
    """As study A's final stage: the whole image at ``size`` x ``size``, whatever its shape, by nearest neighbour.

    For the reproduction only (``crop.preprocess=study_a``); arguments and result are those of :func:`prepare`.
    """
    picture = PIL.Image.fromarray(image).resize((size, size), PIL.Image.Resampling.NEAREST)
    pixels = np.asarray(picture.convert("L") if channels == 1 else picture)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def prepare_many(
    reader: ImageReader, indices: NDArray[np.int64], size: int, channels: int
) -> tuple[NDArray[np.uint8], BadImages]:
    """Read and prepare several images.

    Args:
        reader: Where they are.
        indices: (N,) int64 positions in it.
        size: Side of the results in pixels.
        channels: 3 or 1.

    Returns:
        (N, C, size, size) uint8, black where an image cannot be read, and the list of these.
    """
    images = np.zeros((len(indices), channels, size, size), np.uint8)
    bad: BadImages = []
    for place, index in enumerate(indices.tolist()):
        try:
            images[place] = prepare(reader.read(index), size, channels)
        except DataError as error:
            bad.append((index, str(error)))
    return images, bad
