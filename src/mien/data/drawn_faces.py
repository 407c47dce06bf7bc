"""``dataset=drawn_faces``: the default set, drawn on the spot by :mod:`mien.data.drawn`; nothing is downloaded."""

import hashlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mien import __version__
from mien.config.schema import DatasetConfig
from mien.data import drawn
from mien.data.drawn import DrawnFaces
from mien.data.source import Part, SourceData
from mien.labels import EXPRESSIONS
from mien.types import Image, SplitName


@dataclass(frozen=True, eq=False)
class DrawnReader:
    """Drawn faces as an :class:`mien.data.readers.ImageReader`.

    Attributes:
        faces: The renderer of one split.
        settings: What its pictures follow from, as text.
    """

    faces: DrawnFaces
    settings: str
    process_from: ClassVar[float] = 1_000  # drawing is Python code

    def __len__(self) -> int:
        return len(self.faces)

    def read(self, index: int) -> Image:
        """Draw face ``index``, (size, size, 3) uint8 RGB."""
        return self.faces.read(index)

    def key(self, index: int) -> str:
        """The settings and the number."""
        return f"{self.settings}:{index}"

    def stamp(self, index: int) -> str:
        """The settings, the number and mien's version: a face follows from them."""
        return f"{self.key(index)}:{__version__}"

    def state(self, index: int) -> str:
        """The stamp, and a hash of the renderer's code."""
        return f"{self.stamp(index)}:{_renderer()}"

    def digest(self, index: int) -> bytes:
        """Its own for every face; no two are equal."""
        return self.key(index).encode()


@cache
def _renderer() -> str:
    """A hash of the code that draws."""
    files = sorted(Path(drawn.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def load_drawn_faces(config: DatasetConfig) -> SourceData:
    """The three splits of drawn faces; label noise goes into train only."""
    asked = config.drawn
    sizes = {SplitName.TRAIN: asked.train, SplitName.VALIDATION: asked.validation, SplitName.TEST: asked.test}
    parts = {}
    for number, (split, count) in enumerate(sizes.items()):
        if count == 0:
            continue
        seed = int(np.random.SeedSequence([asked.seed, number]).generate_state(1)[0])
        faces = DrawnFaces(count, seed, asked.size)
        reader = DrawnReader(faces, f"drawn:{split}:seed{asked.seed}:{asked.size}px")
        parts[split] = Part(reader, np.asarray(faces.labels, np.int64))
    if SplitName.TRAIN in parts:
        train = parts[SplitName.TRAIN]
        parts[SplitName.TRAIN] = replace(train, labels=with_label_noise(train.labels, asked.label_noise, asked.seed))
    return SourceData("drawn_faces", "", EXPRESSIONS, parts)


def with_label_noise(labels: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    """Replace a share of labels by another class, each of the others being equally likely.

    Args:
        labels: (N,) class indices of ``EXPRESSIONS``.
        share: Share of labels to replace, 0..1; round(share * N) are.
        seed: Seed of the choice.

    Returns:
        (N,) int64, a new array.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"dataset.drawn.label_noise must lie in 0..1, got {share}")
    rng = np.random.default_rng([seed, 3])
    chosen = rng.choice(len(labels), round(share * len(labels)), replace=False)
    noisy = labels.copy()
    noisy[chosen] = (labels[chosen] + rng.integers(1, len(EXPRESSIONS), len(chosen))) % len(EXPRESSIONS)
    return noisy
