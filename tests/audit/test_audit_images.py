"""What is noted of each image."""

import imagehash
import numpy as np
import PIL.Image
import pytest
from made_up_set import photo

from mien.audit.images import look_at, perceptual_hash
from mien.config.schema import DatasetConfig
from mien.data.catalog import load_source
from mien.errors import DataError


@pytest.fixture
def folder(tmp_path):
    for split in ("train", "test"):
        for label, seed in (("anger", 1), ("fear", 2)):
            (tmp_path / split / label).mkdir(parents=True)
            photo(seed).save(tmp_path / split / label / "1.png")
    PIL.Image.fromarray(np.full((40, 20), 7, np.uint8)).save(tmp_path / "train/fear/2.png")
    (tmp_path / "train/anger/0.png").write_bytes(b"no image")
    return tmp_path


def test_facts(folder):
    images, unreadable = look_at(load_source(DatasetConfig("image_folder", root=str(folder))))
    assert images.splits.tolist() == ["train", "train", "train", "test", "test"]
    assert [images.key(index) for index in range(5)] == [
        "train/anger/1.png", "train/fear/1.png", "train/fear/2.png", "test/anger/1.png", "test/fear/1.png",
    ]  # fmt: skip
    assert images.contents.tolist() == [0, 1, 2, 0, 1]
    assert images.places.tolist() == [1, 2, 3, 4, 5]
    assert [images.label(index) for index in range(3)] == ["anger", "fear", "fear"]
    assert images.sizes[2].tolist() == [20, 40]
    assert (images.brightness[2], images.contrast[2]) == (7, 0)
    assert images.coloured.tolist() == [True, True, False, True, True]
    assert images.brightness[0] == pytest.approx(np.asarray(photo(1).convert("L")).mean())
    assert images.read(2).shape == (40, 20, 3)
    assert [(one.split, one.key) for one in unreadable] == [("train", "train/anger/0.png")]
    assert "not an image" in unreadable[0].reason


@pytest.mark.parametrize("seed", range(5))
def test_the_hash_is_that_of_imagehash(seed):
    assert perceptual_hash(photo(seed)) == int(str(imagehash.phash(photo(seed))), 16)


def test_nothing_to_be_read(folder):
    for path in folder.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"none of its images can be read, such as .*empty file"):
        look_at(load_source(DatasetConfig("image_folder", root=str(folder))))
