"""Whole pictures of several people, with their true boxes and labels."""

import numpy as np
from numpy.typing import NDArray

from mien.data.drawn.canvas import Canvas
from mien.data.drawn.expression import sample_expression
from mien.data.drawn.head import face_box, paint_head
from mien.data.drawn.person import sample_identity, sample_pose
from mien.data.drawn.scenery import Light, backdrop, develop, sample_light
from mien.labels import EXPRESSIONS
from mien.types import Image, Scene

FACE_HEIGHTS = (60.0, 220.0)
"""Smallest and largest face in a scene, from forehead to chin, in pixels."""
ROOM = 1.25
"""Width that a person needs, in face heights."""

_SCENES, _PORTRAITS = 2, 3
Floats = NDArray[np.float64]


def draw_scene(seed: int, index: int, size: tuple[int, int] = (640, 480), faces: tuple[int, int] = (1, 6)) -> Scene:
    """A picture of several people.

    Args:
        seed: Seed of the renderer, >= 0.
        index: Number of the scene, >= 0.
        size: Width and height of the picture in pixels.
        faces: Fewest and most faces.

    Returns:
        The scene with boxes (N, 4) and labels (N,), from the smallest face to the largest.
    """
    rng = np.random.default_rng([seed, _SCENES, index])
    width, height = size
    light = sample_light(rng)
    picture = backdrop(rng, width, height, 14)
    heights, places = _line_up(rng, int(rng.integers(faces[0], faces[1] + 1)), width, height)
    labels = rng.integers(len(EXPRESSIONS), size=len(heights))
    boxes = np.zeros((len(heights), 4), np.float32)
    for n, (tall, place) in enumerate(zip(heights.tolist(), places, strict=True)):
        picture, boxes[n] = _add_person(rng, picture, tall, place, int(labels[n]), light)
    image = develop(picture.astype(np.float32), light, float(heights.mean()) / 2, rng)
    return Scene(f"scene-{seed}-{index}", image, labels, boxes)


def draw_portrait(seed: int, index: int, label: int, face_height: float) -> Scene:
    """One person in a picture three faces wide and high.

    Args:
        seed: Seed of the renderer, >= 0.
        index: Number of the portrait, >= 0.
        label: Class index in the order of ``EXPRESSIONS``.
        face_height: Height of the face box in pixels.
    """
    rng = np.random.default_rng([seed, _PORTRAITS, index])
    side = round(3 * face_height)
    light = sample_light(rng)
    place = rng.uniform(0.42, 0.58, 2) * side
    picture, box = _add_person(rng, backdrop(rng, side, side, 8), face_height, place, label, light)
    image = develop(picture.astype(np.float32), light, face_height / 2, rng)
    return Scene(f"portrait-{seed}-{index}", image, np.array([label]), box[None])


def _line_up(rng: np.random.Generator, count: int, width: int, height: int) -> tuple[Floats, Floats]:
    """Heights (N,) of the faces, ascending, and their centres (N, 2): side by side, larger ones lower (nearer)."""
    least, most = FACE_HEIGHTS
    heights = np.exp(rng.uniform(np.log(least), np.log(min(most, height / 2.2)), count))
    free = width / ROOM - least * count
    if heights.sum() > width / ROOM and free > 0:
        heights = least + (heights - least) * free / (heights.sum() - least * count)
    heights *= min(1.0, width / ROOM / heights.sum())
    gaps = rng.dirichlet(np.ones(count + 1)) * (width - heights.sum() * ROOM)
    x = np.cumsum(gaps[:-1] + heights * ROOM) - heights * ROOM / 2
    y = heights * 1.05 + (height - heights * 1.9) * rng.uniform(0.15, 0.5) + heights * rng.uniform(-0.1, 0.1, count)
    order = np.argsort(heights)
    return heights[order], np.column_stack([x, y])[order]


def _add_person(
    rng: np.random.Generator, picture: Image, face_height: float, place: Floats, label: int, light: Light
) -> tuple[Image, NDArray[np.float32]]:
    """A random person with the face's centre at ``place``: the new picture, and the face's box (4,)."""
    face, who, pose = sample_expression(rng, label), sample_identity(rng), sample_pose(rng)
    box = face_box(Canvas(pose), who, face)
    scale = face_height / float(box[3] - box[1])
    x, y = (place - (box[:2] + box[2:]) / 2 * scale).tolist()
    left, top = max(0, int(x - 2.5 * scale)), max(0, int(y - 2 * scale))
    right = int(x + 2.5 * scale)
    canvas = Canvas(pose, scale, (x - left, y - top))
    paint_head(canvas, who, face)
    result = picture.copy()
    result[top:, left:right] = np.clip(canvas.paint(picture[top:, left:right], light), 0, 255)
    return result, (box * scale + (x, y, x, y)).astype(np.float32)
