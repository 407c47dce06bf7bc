"""Images that stand in train and in another part, with their labels."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from mien.config.schema import DatasetConfig, DetectorConfig
from mien.data.catalog import load_source
from mien.data.leaks import find_leaks
from mien.data.readers import FileReader
from mien.data.source import Part
from mien.detection import WholeImageDetector
from mien.detection.face_reader import FaceFinder
from mien.types import CropRule, LeakedImage, SplitName

ROOT = Path(os.environ.get("MIEN_DATA", ""))


class Counted:
    """Images that are only contents, and how often they were read."""

    process_from = 1

    def __init__(self, split, contents):
        self.split, self.contents, self.reads = split, contents, 0

    def __len__(self):
        return len(self.contents)

    def key(self, index):
        return f"{self.split}/{index}"

    def digest(self, index):
        self.reads += 1
        return self.contents[index].encode()


def part(split, pairs):
    contents, labels = zip(*pairs, strict=True)
    return Part(Counted(split, contents), np.array(labels, np.int64))


TRAIN = [("a", 0), ("b", 1), ("c", 0), ("b", 1), ("d", 0), ("d", 1)]


def test_every_leaked_image_has_its_copies_and_whether_their_labels_agree():
    """Of six, a and b leak with their label, c with another one, and d under two labels of which one is another."""
    test = part("test", [("a", 0), ("x", 0), ("b", 1), ("c", 1), ("d", 0), ("b", 0)])
    leaks = find_leaks(part("train", TRAIN), test, SplitName.TEST)
    assert leaks.images == (
        LeakedImage("test/0", ("train/0",), True),
        LeakedImage("test/2", ("train/1", "train/3"), True),
        LeakedImage("test/3", ("train/2",), False),
        LeakedImage("test/4", ("train/4", "train/5"), False),
        LeakedImage("test/5", ("train/1", "train/3"), False),
    )
    assert (leaks.conflicting, leaks.keys()) == (3, {"test/0", "test/2", "test/3", "test/4", "test/5"})
    plain = json.loads(json.dumps(leaks.to_dict()))
    assert (plain["split"], plain["count"], plain["conflicting"], len(plain["images"])) == ("test", 5, 3, 5)
    assert plain["images"][1] == {"image": "test/2", "train": ["train/1", "train/3"], "labels_agree": True}


def test_without_a_shared_image_there_is_no_leak():
    leaks = find_leaks(part("train", TRAIN), part("test", [("x", 0), ("y", 1)]), SplitName.TEST)
    assert (leaks.images, leaks.conflicting) == ((), 0)


def test_images_are_read_once_for_their_digests():
    whole = part("train", TRAIN)
    assert whole.take(np.array([5, 0])).digests == [b"d", b"a"]
    assert whole.reader.reads == 2
    assert whole.digests[:2] == [b"a", b"b"]
    taken = whole.take(np.array([3, 2, 1])).take(np.array([2, 0]))
    assert taken.digests == [b"b", b"b"]
    assert taken.read_by(taken.reader).digests == taken.digests
    assert whole.reader.reads == 2 + 6


def test_a_detected_face_has_the_digest_of_its_photo(save, tmp_path):
    names = [save(f"{seed}.png", seed, 24, 24).name for seed in range(3)]
    photos = Part(FileReader(tmp_path, names), np.zeros(3, np.int64))
    finder = FaceFinder(WholeImageDetector(), DetectorConfig("whole_image"))
    faces = finder.cut_out({SplitName.TEST: photos}, CropRule(-0.5))[SplitName.TEST]
    assert faces.reader.read(0).shape == (12, 12, 3)
    assert faces.digests == [photos.reader.digest(index) for index in range(3)]


@pytest.mark.real
@pytest.mark.skipif("MIEN_DATA" not in os.environ, reason="MIEN_DATA is not set to the folder of the real data sets")
@pytest.mark.parametrize(
    ("name", "version", "split", "count", "conflicting"),
    [
        ("micro_expressions", "v1", "test", 35, 13),
        ("micro_expressions", "v2", "test", 41, 14),
        ("fer2013", None, "test", 288, 15),
        ("fer2013", None, "validation", 280, 13),
    ],
)
def test_leaks_of_the_real_data_sets(name, version, split, count, conflicting):
    parts = load_source(DatasetConfig(name, root=str(ROOT / name), version=version)).parts
    leaks = find_leaks(parts["train"], parts[split], SplitName(split))
    assert (len(leaks.images), leaks.conflicting) == (count, conflicting)
