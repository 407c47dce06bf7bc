"""Collages: face crops of known class pasted onto one canvas, so that any crop set becomes a multi-face test.

A collage is 960 x 720 pixels, of 4 x 3 cells. Two to nine of the cells, drawn at random, hold a crop each: its longer
side is 40 to 200 px (log-uniform), and it stands anywhere in its cell, so that no two overlap or touch. The background
is a plain colour, a gradient or soft noise, a third each. A collage follows from the seed and its number alone, and no
crop comes a second time before all have come once.

The true box of a face is the whole pasted crop. How much of a crop is face differs between data sets (FER2013's are
tight, others show hair and neck), so that a detector's box overlaps it less than it would a face box: matching asks for
IoU 0.2 only (:data:`mien.endtoend.match.LOOSE_IOU`), and boxes are not told apart as good or poor.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from mien.config.schema import DatasetConfig
from mien.data.class_folders import SPLIT_FOLDERS
from mien.data.image_folder import load_image_folder
from mien.data.layout import listed
from mien.data.source import Part
from mien.errors import DataError
from mien.labels import LabelSet
from mien.types import Image, Scene, SplitName

CELL = 240
"""Side of a cell in pixels; more than the largest face and a gap."""
GRID = (4, 3)
"""Columns and rows of cells."""
FACES = (2, 9)
"""Fewest and most faces."""
SIDES = (40, 200)
"""Smallest and largest longer side of a pasted crop, in pixels."""
_GAP = 8  # pixels between a crop and its cell's border
_ORDER, _COUNT, _CONTENT = 1, 2, 3  # random streams of their own


class Collages:
    """Scenes made of a data set's crops, as a :class:`mien.endtoend.scenes.SceneSource`.

    Args:
        faces: The crops; those that are used are decoded once now, to find unreadable ones.
        labels: Their classes.
        count: Number of scenes.
        seed: Seed of all choices, >= 0.

    Raises:
        DataError: A crop that is used cannot be read; the first ten are listed.
    """

    name = "collages"
    tight = False

    def __init__(self, faces: Part, labels: LabelSet, count: int, seed: int) -> None:
        self.labels = labels
        self._faces, self._seed = faces, seed
        self._order = np.random.default_rng([seed, _ORDER]).permutation(len(faces))
        most = min(FACES[1], len(faces))
        counts = [
            np.random.default_rng([seed, _COUNT, index]).integers(min(FACES[0], most), most + 1)
            for index in range(count)
        ]
        self._ends = np.cumsum(counts)
        self._check()

    def __len__(self) -> int:
        return len(self._ends)

    def scene(self, index: int) -> Scene:
        """Paste one collage."""
        chosen = self._chosen(index)
        rng = np.random.default_rng([self._seed, _CONTENT, index])
        canvas = PIL.Image.fromarray(background(rng, CELL * GRID[0], CELL * GRID[1]))
        cells = rng.choice(GRID[0] * GRID[1], len(chosen), replace=False)
        boxes = [
            _paste(canvas, self._faces.reader.read(face), cell, rng)
            for face, cell in zip(chosen.tolist(), cells.tolist(), strict=True)
        ]
        key = f"collage-{self._seed}-{index}"
        return Scene(key, np.array(canvas), self._faces.labels[chosen], np.array(boxes, np.float32))

    def __iter__(self) -> Iterator[Scene]:
        return (self.scene(index) for index in range(len(self)))

    def _chosen(self, index: int) -> NDArray[np.int64]:
        """Positions of a collage's crops: the shuffled set is a ring, and each collage goes on where the last ended."""
        start = self._ends[index - 1] if index else 0
        positions = np.arange(start, self._ends[index]) % len(self._order)
        return np.asarray(self._order[positions], np.int64)

    def _check(self) -> None:
        problems = []
        for face in np.unique(self._order[: self._ends[-1]]).tolist():
            try:
                self._faces.reader.read(face)
            except DataError as error:
                problems.append(str(error))
        if problems:
            raise DataError(f"scenes=collages: {len(problems)} crops cannot be read:\n{listed(problems)}")


def read_collages(root: Path, split: str, count: int, seed: int) -> Collages:
    """Collages of the crops in class folders, with or without split folders above them.

    Args:
        root: A folder as ``dataset=image_folder`` reads it.
        split: Whose crops; where there are no split folders, all are taken.
        count: Number of scenes.
        seed: Seed of all choices.

    Raises:
        DataError: The folders are not as expected, the split is not there, or a crop cannot be read.
    """
    if not root.is_dir():
        raise DataError(f"scenes.root={root} is not there or no folder; expected class folders of face crops")
    try:
        source = load_image_folder(DatasetConfig("image_folder", root=str(root)))
    except DataError as error:
        raise DataError(f"scenes=collages reads scenes.root={root} as a data set of crops:\n{error}") from error
    has_splits = any(path.is_dir() and path.name.lower() in SPLIT_FOLDERS for path in root.iterdir())
    part = source.parts.get(SplitName(split) if has_splits else SplitName.TRAIN)
    if part is None:
        raise DataError(f"scenes.split={split}: {root} has only {', '.join(source.parts)}")
    return Collages(part, source.labels, count, seed)


def background(rng: np.random.Generator, width: int, height: int) -> Image:
    """A plain colour, a gradient between two, or soft noise: (height, width, 3) uint8 RGB."""
    kind = rng.integers(3)
    first, second = rng.uniform(30, 225, (2, 3))
    if kind == 0:
        return np.full((height, width, 3), first.astype(np.uint8))
    if kind == 1:
        angle = rng.uniform(0, 2 * np.pi)
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        along = (x * np.cos(angle) + y * np.sin(angle)) / (2 * np.sqrt(2)) + 0.5
        picture = first + along[..., None] * (second - first)
    else:
        octaves = [_soft_noise(rng, width // cell, height // cell, (width, height)) for cell in (240, 60, 15)]
        picture = first + 18 * np.sum(octaves, axis=0)[..., None]
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _soft_noise(rng: np.random.Generator, columns: int, rows: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """Normal noise of this many spots a side, blown up to ``size`` (width, height): (height, width) float32."""
    spots = PIL.Image.fromarray(rng.normal(size=(rows, columns)).astype(np.float32))
    return np.array(spots.resize(size, PIL.Image.Resampling.BICUBIC))


def _paste(canvas: PIL.Image.Image, crop: Image, cell: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Put a crop, its shape kept, somewhere into a cell; returns its box, xyxy pixels."""
    longer = np.exp(rng.uniform(*np.log(SIDES)))
    scale = longer / max(crop.shape[:2])
    height, width = (max(1, round(side * scale)) for side in crop.shape[:2])
    row, column = divmod(cell, GRID[0])
    left = column * CELL + int(rng.integers(_GAP, CELL - _GAP - width + 1))
    top = row * CELL + int(rng.integers(_GAP, CELL - _GAP - height + 1))
    canvas.paste(PIL.Image.fromarray(crop).resize((width, height), PIL.Image.Resampling.BICUBIC), (left, top))
    return left, top, left + width, top + height
