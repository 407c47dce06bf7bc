"""The canvas a head is painted on: curves in head units, drawn oversampled, with a layer of soft shadows.

Head units: the origin lies on the bridge of the nose, x to the viewer's right, y down; 1 is half the height from
hairline to chin, so the chin is at y = 1.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import cos, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageDraw, ImageFilter

from mien.data.drawn.person import Colour, Pose
from mien.data.drawn.scenery import Light, ball
from mien.types import Image

Points = NDArray[np.float64]
"""(N, 2) float64, xy."""

BLUR = 0.055
"""Softness of the shadow layer, in head units."""
FINE = 48
"""Heads of fewer pixels per unit are drawn with coarser curves and finer oversampling."""
NECK = (0.0, 1.0)
"""Where the neck turns, in head units."""
THINNEST = 0.3
"""Strokes thinner than this many pixels are left out."""


@lru_cache(maxsize=64)
def _spline(count: int, steps: int, closed: bool) -> Points:
    """Catmull-Rom weights (samples, count): ``weights @ points`` is the smooth curve through the points."""
    spans = count if closed else count - 1
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    powers = np.hstack([np.ones_like(t), t, t**2, t**3])
    basis = powers @ np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2
    weights = np.zeros((spans * steps + (not closed), count))
    for span in range(spans):
        for column, offset in enumerate((-1, 0, 1, 2)):
            knot = (span + offset) % count if closed else min(max(span + offset, 0), count - 1)
            weights[span * steps : (span + 1) * steps, knot] += basis[:, column]
    if not closed:
        weights[-1, -1] = 1
    return weights


@lru_cache(maxsize=64)
def _tangents(count: int, steps: int) -> Points:
    """Weights (samples, count) of the directions along an open curve."""
    return np.asarray(np.gradient(_spline(count, steps, False), axis=0))


def curve(points: Points, closed: bool = False, steps: int = 4) -> Points:
    """A smooth curve through (..., N, 2) points, ``steps`` samples a span."""
    return _spline(points.shape[-2], steps, closed) @ points


@lru_cache(maxsize=8)
def circle(corners: int) -> Points:
    """Points on the unit circle, (corners, 2)."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.column_stack([np.cos(angles), np.sin(angles)])


@lru_cache(maxsize=128)
def _taper(count: int, blunt: float, width: float) -> Points:
    """Offsets to the side (times the direction's y and x) along a line that thins towards its ends, (count, 2)."""
    profile = np.maximum(np.sin(np.linspace(0, np.pi, count)) ** 0.7, blunt)
    return np.column_stack([-profile, profile]) * width / 2


def ellipse(x: float, y: float, width: float, height: float, corners: int = 16) -> Points:
    """The outline of an ellipse about (x, y) with these half axes, (corners, 2)."""
    return circle(corners) * (width, height) + (x, y)


def mirrored(right: Points) -> Points:
    """A symmetric outline (2N, 2) from its right half (N, 2), which runs from top to bottom or back."""
    return np.concatenate([right, right[::-1] * (-1, 1)])


def pair(right: Points) -> Points:
    """A line or outline (N, 2) and its mirror image on the left: (2, N, 2)."""
    return np.stack([right, right * (-1, 1)])


class Canvas:
    """One head's picture in the making: shapes are collected in head units, then placed and drawn in one go.

    Args:
        pose: How the head is held.
        scale: Pixels per head unit.
        origin: Where the head's origin lies, xy pixels.
    """

    def __init__(self, pose: Pose, scale: float = 1.0, origin: tuple[float, float] = (0.0, 0.0)) -> None:
        self.pose = pose
        self.scale = scale
        self.origin = origin
        self.oversampling = 3 if scale < FINE else 2
        self.steps = 3 if scale < FINE else 7
        self._shapes: list[tuple[Points, Colour, float]] = []
        self._shadows: list[tuple[Points, int, float]] = []

    def fill(self, points: Points, colour: Colour, depth: float = 0.0) -> None:
        """A filled polygon.

        Args:
            points: (N, 2) in head units.
            colour: RGB.
            depth: Towards the viewer, in head units: what has depth moves as the head turns.
        """
        self._shapes.append((points, colour, depth))

    def blob(self, points: Points, colour: Colour, depth: float = 0.0) -> None:
        """The filled smooth outline through (N, 2) points."""
        self._shapes.append((curve(points, True, self.steps), colour, depth))

    def stroke(self, points: Points, width: float, colour: Colour, depth: float = 0.0, *, blunt: float = 0.0) -> None:
        """Smooth tapered lines through some points.

        Args:
            points: One line (N, 2) or several (L, N, 2), in head units.
            width: Width in the middle, in head units.
            colour: RGB.
            depth: Towards the viewer, in head units.
            blunt: Width of the ends as a share of the middle's.
        """
        if width * self.scale < THINNEST:
            return
        line = curve(points, False, self.steps)
        along = _tangents(points.shape[-2], self.steps) @ points
        length = np.hypot(along[..., :1], along[..., 1:]) + 1e-9
        side = along[..., ::-1] / length * _taper(line.shape[-2], blunt, width)
        outlines = np.concatenate([line + side, (line - side)[..., ::-1, :]], axis=-2)
        self._shapes.extend((shape, colour, depth) for shape in (outlines if outlines.ndim == 3 else [outlines]))

    def shadow(self, points: Points, amount: float, depth: float = 0.0) -> None:
        """A soft shadow (amount below 0) or light (above 0) over everything: -0.2 takes 20 percent of the light."""
        self._shadows.append((points, int(128.5 * (1 + amount)), depth))

    def upright(self, points: Points) -> Points:
        """Points below the neck, (N, 2), turned back so that the shoulders stay level while the head rolls."""
        c, s = cos(0.85 * self.pose.roll), sin(0.85 * self.pose.roll)
        turned: Points = (points - NECK) @ np.array([[c, -s], [s, c]]) + NECK
        return turned

    def place(self, points: Points, depth: Points | float = 0.0, scale: float = 1.0) -> Points:
        """Where points in head units lie in the picture.

        Args:
            points: (N, 2).
            depth: Towards the viewer, in head units, one for all or (N,).
            scale: Factor on the pixels.

        Returns:
            (N, 2) pixels.
        """
        x = points[:, 0]
        turned = np.array(points.T)
        turned[0] += self.pose.yaw * (depth - 0.4 * x * x)
        turned[1] += self.pose.pitch * depth
        c, s = cos(self.pose.roll) * self.scale * scale, sin(self.pose.roll) * self.scale * scale
        pixels: Points = turned.T @ np.array([[c, s], [-s, c]]) + (self.origin[0] * scale, self.origin[1] * scale)
        return pixels

    def paint(self, behind: Image, light: Light) -> NDArray[np.float32]:
        """Draw everything in front of a picture.

        Args:
            behind: (H, W, 3) uint8 RGB; it keeps its own light.
            light: The light on the person.

        Returns:
            (H, W, 3) float32 RGB, 0..255 or slightly above.
        """
        height, width = behind.shape[:2]
        large = (width * self.oversampling, height * self.oversampling)
        drawing = Pil.fromarray(behind).resize(large, Pil.Resampling.NEAREST)
        self._draw(drawing, self._shapes, self.oversampling)
        picture = np.asarray(drawing.reduce(self.oversampling))
        shadows = Pil.new("L", (width, height), 128)
        self._draw(shadows, self._shadows, 1)
        shadows = shadows.filter(ImageFilter.GaussianBlur(BLUR * self.scale))
        field: NDArray[np.float32] = np.asarray(shadows).astype(np.float32) * np.float32(1 / 128)
        field *= ball(width, height, self.origin, self.scale, light)
        same = picture == behind
        field[same[..., 0] & same[..., 1] & same[..., 2]] = 1  # no person there
        lit: NDArray[np.float32] = picture * field[..., None]
        return lit

    def _draw(self, image: Pil.Image, shapes: Sequence[tuple[Points, Colour | int, float]], scale: int) -> None:
        """Place all shapes at once, which is much faster than one by one, and draw them in order."""
        if not shapes:
            return
        counts = [len(points) for points, _, _ in shapes]
        depths = np.repeat([depth for _, _, depth in shapes], counts)
        pixels = self.place(np.concatenate([points for points, _, _ in shapes]), depths, scale)
        flat = pixels.astype(np.int32).ravel().tolist()
        draw = ImageDraw.Draw(image)
        end = 0
        for (_, colour, _), count in zip(shapes, counts, strict=True):
            start, end = end, end + 2 * count
            draw.polygon(flat[start:end], fill=colour)
