"""Collages: what stands where, what it follows from, and how they are matched."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from mien.config.schema import ScenesConfig
from mien.endtoend import build_scenes, run_end_to_end
from mien.endtoend.collages import SIDES, background, read_collages
from mien.endtoend.match import iou_matrix
from mien.errors import DataError
from mien.types import CropRule, Faces

CLASSES = ("fear", "happiness", "sadness")
WIDTHS = {"fear": 48, "happiness": 60, "sadness": 30}
"""Each class its own shape of crop; all are 48 high."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Eight test crops a class, whose gray value names them: 10 times the class, plus the number."""
    folder = tmp_path_factory.mktemp("crops")
    for split, count in (("train", 1), ("test", 8)):
        for k, name in enumerate(CLASSES):
            (folder / split / name).mkdir(parents=True)
            for n in range(count):
                gray = 100 + 10 * k + n
                Image.new("RGB", (WIDTHS[name], 48), (gray, gray, gray)).save(folder / split / name / f"{n}.png")
    return folder


@pytest.fixture(scope="module")
def collages(root):
    return read_collages(root, "test", 12, seed=3)


def gray_of(scene, box):
    """The gray value in the middle of a box."""
    left, top, right, bottom = box.astype(int)
    return int(scene.image[(top + bottom) // 2, (left + right) // 2, 0])


def test_a_box_is_the_whole_pasted_crop(collages):
    for scene in collages:
        assert scene.image.shape == (720, 960, 3)
        for box, label in zip(scene.boxes, scene.labels, strict=True):
            left, top, right, bottom = box.astype(int)
            inside = scene.image[top:bottom, left:right]
            assert (inside == inside[0, 0]).all()
            assert (inside[0, 0, 0] - 100) // 10 == label
            width, height = right - left, bottom - top
            assert SIDES[0] <= max(width, height) <= SIDES[1]
            assert width / height == pytest.approx(WIDTHS[CLASSES[label]] / 48, abs=0.04)
            around = scene.image[top - 1 : bottom + 1, left - 1 : right + 1]
            assert not (around == inside[0, 0]).all(axis=(1, 2)).any()


def test_two_to_nine_faces_that_never_touch(collages):
    counts = [len(scene.labels) for scene in collages]
    assert min(counts) >= 2
    assert max(counts) <= 9
    assert len(set(counts)) > 3
    for scene in collages:
        for a, b in combinations(scene.boxes, 2):
            assert max(a[0], b[0]) - min(a[2], b[2]) >= 8 or max(a[1], b[1]) - min(a[3], b[3]) >= 8


def test_a_collage_follows_from_seed_and_number(root, collages):
    longer = read_collages(root, "test", 30, seed=3)
    scene = longer.scene(11)
    assert (scene.image == collages.scene(11).image).all()
    assert (scene.boxes == collages.scene(11).boxes).all()
    other = read_collages(root, "test", 12, seed=4)
    assert other.scene(11).boxes.tolist() != scene.boxes.tolist()
    assert (longer.name, longer.tight, len(longer), longer.labels.names) == ("collages", False, 30, CLASSES)


def test_every_crop_comes_once_before_one_comes_twice(collages):
    grays = [gray_of(scene, box) for scene in collages for box in scene.boxes]
    assert len(grays) >= 2 * 24
    assert len(set(grays[:24])) == len(set(grays[24:48])) == 24


def test_few_crops_make_small_collages(root):
    assert max(len(scene.labels) for scene in read_collages(root, "train", 5, seed=0)) <= 3


def test_backgrounds_are_plain_shaded_or_noisy():
    pictures = [background(np.random.default_rng(seed), 480, 240).astype(int) for seed in range(40)]
    plain = sum(not picture.std(axis=(0, 1)).any() for picture in pictures)
    steps = [np.diff(picture[..., 0], axis=1) for picture in pictures]
    rough = sum(step.min() < 0 < step.max() for step in steps)  # a gradient only rises, or only falls
    assert min(plain, rough, 40 - plain - rough) >= 8
    assert all(20 < picture.mean() < 235 for picture in pictures)


class HalfDetector:
    """Finds boxes of half the side in the middle of the given ones, as a detector would in loosely framed crops."""

    name = "half"

    def __init__(self, scenes):
        self.boxes = [scene.boxes for scene in scenes]
        self.calls = 0

    def detect(self, image):
        box = self.boxes[self.calls]
        self.calls += 1
        middle, half = (box[:, :2] + box[:, 2:]) / 2, (box[:, 2:] - box[:, :2]) / 4
        n = len(box)
        found = np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)
        return Faces(found, np.full(n, 0.9, np.float32), np.full((n, 5, 2), np.nan, np.float32))


def test_a_face_inside_its_crop_is_no_miss_and_no_poor_box(collages):
    boxes = collages.scene(0).boxes
    assert iou_matrix(boxes, boxes).sum() == len(boxes)  # no two overlap

    def always_fear(crops):
        return np.tile(np.float32([1, 0, 0]), (len(crops), 1))

    run = run_end_to_end(collages, HalfDetector(collages), always_fear, collages.labels, CropRule())
    assert run.result.detection_recall == run.result.detection.average_precision == 1
    assert run.result.detection.min_iou == 0.2
    assert run.false_faces == ()
    fear = next(row.support for row in run.result.per_class if row.label == "fear")
    outcomes = run.result.outcomes
    assert (outcomes.right, outcomes.missed, outcomes.wrong_poor_box) == (fear, 0, None)
    assert outcomes.wrong_good_box == run.result.n_faces - fear
    assert all(face.iou is None for face in run.faces)


def test_without_splits_all_are_taken(root):
    whole = read_collages(root / "test", "validation", 2, seed=0)
    assert whole.labels.names == CLASSES


def test_a_missing_split_says_which_there_are(root):
    with pytest.raises(DataError, match=r"scenes.split=validation: .* has only test, train"):
        read_collages(root, "validation", 2, seed=0)


def test_wrong_folders(tmp_path):
    with pytest.raises(DataError, match=r"scenes.root=.*nowhere is not there or no folder; expected class folders"):
        build_scenes(ScenesConfig(name="collages", root=str(tmp_path / "nowhere")))
    (tmp_path / "fear").mkdir()
    with pytest.raises(
        DataError, match=r"(?s)reads scenes.root=.* as a data set of crops:.*class folder fear/ is empty"
    ):
        build_scenes(ScenesConfig(name="collages", root=str(tmp_path)))


def test_unreadable_crops_are_found_before_any_work(tmp_path):
    (tmp_path / "fear").mkdir()
    for n in range(4):
        (tmp_path / "fear" / f"{n}.png").write_text("no picture")
    with pytest.raises(DataError, match=r"(?s)scenes=collages: 4 crops cannot be read:.*0.png: not an image"):
        read_collages(tmp_path, "test", 4, seed=0)
