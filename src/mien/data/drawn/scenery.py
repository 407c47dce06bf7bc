"""Light, backgrounds and the camera: everything but the person."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageDraw, ImageFilter

from mien.data.drawn.person import Colour
from mien.types import Image

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Light:
    """Where the light comes from and what the camera makes of it.

    Attributes:
        direction: (x, y) of the light on the face's plane, up to about 0.4 in each; y < 0 is from above.
        roundness: How much the face darkens towards its edge, 0..1.
        tint: Factors of the three channels, with the brightness.
        blur: Blur as a share of the head unit.
        noise: Standard deviation of the noise, in gray levels.
    """

    direction: tuple[float, float]
    roundness: float
    tint: tuple[float, float, float]
    blur: float
    noise: float


def sample_light(rng: np.random.Generator) -> Light:
    """Random light, blur and noise."""
    bright = rng.uniform(0.78, 1.06)
    r, g, b = (bright * (1 + rng.uniform(-0.05, 0.05, 3))).tolist()
    blur = rng.uniform(0, 0.022) if rng.random() < 0.5 else 0.0
    return Light(
        (rng.uniform(-0.34, 0.34), rng.uniform(-0.2, 0.05)),
        rng.uniform(0.12, 0.28),
        (r, g, b),
        blur,
        rng.uniform(0.5, 5.5),
    )


def ball(width: int, height: int, origin: tuple[float, float], scale: float, light: Light) -> Floats:
    """Light on a head as on a ball.

    Args:
        width: Width of the picture in pixels.
        height: Height of the picture in pixels.
        origin: The head's origin, xy pixels.
        scale: Pixels per head unit.
        light: The light.

    Returns:
        (H, W) float32 factors about 1.
    """
    u: Floats = ((np.arange(width, dtype=np.float32) - np.float32(origin[0])) / np.float32(0.9 * scale))[None, :]
    v: Floats = ((np.arange(height, dtype=np.float32) - np.float32(origin[1])) / np.float32(1.2 * scale))[:, None]
    far = np.minimum(u * u + v * v, np.float32(1.3))
    x, y = light.direction
    across, along = u / np.sqrt(1 + np.float32(0.5) * u * u), v / np.sqrt(1 + np.float32(0.5) * v * v)
    factor: Floats = across * np.float32(x) + (along * np.float32(y) + 1)
    factor += np.float32(light.roundness) * (np.float32(0.4) - far)
    return factor


@lru_cache(maxsize=1)
def _grain() -> Floats:
    """A tile of unit noise, (256, 256, 3), read at random places."""
    return np.random.default_rng(0).standard_normal((256, 256, 3), dtype=np.float32)


def develop(picture: Floats, light: Light, scale: float, rng: np.random.Generator) -> Image:
    """What the camera makes of a picture: tint, noise, 8 bits, blur.

    Args:
        picture: (H, W, 3) float32 RGB; changed.
        light: Tint, blur and noise.
        scale: Pixels per head unit, which blur is measured in.
        rng: Source of randomness.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = picture.shape[:2]
    picture *= np.array(light.tint, np.float32)
    grain = _grain()
    if height > 128 or width > 128:
        grain = np.tile(grain, (height // 256 + 2, width // 256 + 2, 1))
    y, x = rng.integers(128, size=2).tolist()
    picture += grain[y : y + height, x : x + width] * np.float32(light.noise)
    pixels = np.clip(picture, 0, 255, out=picture).astype(np.uint8)
    if light.blur * scale < 0.3:
        return pixels
    return np.asarray(Pil.fromarray(pixels).filter(ImageFilter.GaussianBlur(light.blur * scale)))


def backdrop(rng: np.random.Generator, width: int, height: int, shapes: int = 4) -> Image:
    """A background out of focus: a gradient with discs, boxes, stripes or hills.

    Args:
        rng: Source of randomness.
        width: Width in pixels.
        height: Height in pixels.
        shapes: How many things stand about.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    small = (max(2, width // 2), max(2, height // 2))
    colours = rng.uniform(30, 230, (3 + shapes, 3))
    grey = colours.mean(1, keepdims=True)
    colours = grey + (colours - grey) * rng.uniform(0.1, 0.6)
    ends = Pil.fromarray(colours[[0, 1, 2, 1]].reshape(2, 2, 3).astype(np.uint8))
    picture = ends.resize(small, Pil.Resampling.BILINEAR)
    draw = ImageDraw.Draw(picture)
    far, near = rng.integers(len(_THINGS), size=2).tolist()
    for n, colour in enumerate(colours[3:].astype(int).tolist()):
        _THINGS[far if n < shapes / 2 else near](draw, rng, small, tuple(colour))
    picture = picture.filter(ImageFilter.BoxBlur(rng.uniform(0.01, 0.04) * small[0]))
    return np.asarray(picture.resize((width, height), Pil.Resampling.BICUBIC))


def _discs(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: tuple[int, int], colour: Colour) -> None:
    x, y, r = (rng.uniform((0, 0, 0.03), (1, 1, 0.2)) * (size[0], size[1], size[0])).tolist()
    draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def _boxes(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: tuple[int, int], colour: Colour) -> None:
    x, y, w, h = (rng.uniform((-0.1, -0.1, 0.05, 0.1), (1, 0.9, 0.3, 0.5)) * (*size, *size)).tolist()
    draw.rectangle((x, y, x + w, y + h), fill=colour)


def _stripes(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: tuple[int, int], colour: Colour) -> None:
    x, w = (rng.uniform((0, 0.02), (1, 0.12)) * size[0]).tolist()
    draw.rectangle((x, 0, x + w, size[1]), fill=colour)


def _hills(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: tuple[int, int], colour: Colour) -> None:
    heights = (rng.uniform(0.35, 0.95) + rng.uniform(-0.12, 0.12, 4)) * size[1]
    ridge = np.column_stack([np.linspace(0, size[0], 4), heights]).ravel().tolist()
    draw.polygon([*ridge, size[0], size[1], 0, size[1]], fill=colour)


_THINGS = (_discs, _boxes, _stripes, _hills)
