"""Small data sets on disk."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien.labels import EXPRESSIONS

Save = Callable[..., Path]


def picture(seed: int, width: int = 12, height: int = 10) -> PIL.Image.Image:
    """A small RGB picture of noise, another one for every seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return PIL.Image.fromarray(pixels)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """A function that saves a picture at a path relative to ``tmp_path``; equal seeds give equal bytes."""

    def run(path: str, seed: int, width: int = 12, height: int = 10) -> Path:
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        picture(seed, width, height).save(target)
        return target

    return run


@pytest.fixture
def seven_classes(save: Save) -> Callable[..., None]:
    """A function that fills a folder with the seven classes, so many files named ``<class><n>.png`` each."""

    def run(folder: str, count: int, offset: int = 0) -> None:
        for label, name in enumerate(EXPRESSIONS):
            for number in range(1, count + 1):
                save(f"{folder}/{name}/{name}{number}.png", offset + 1000 * label + number)

    return run
