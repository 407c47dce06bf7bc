"""The stage with detectors and classifiers whose answers are known."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.detection import MtcnnDetector, WholeImageDetector, many
from mien.endtoend import run_end_to_end
from mien.endtoend.photos import read_photos
from mien.errors import DataError, LabelError
from mien.labels import EXPRESSIONS, LabelSet
from mien.types import CropRule, Faces, Scene

MODEL = LabelSet(("happiness", "anger", "neutral"))


class ListScenes:
    name = "list"

    def __init__(self, scenes, labels, tight=True):
        self.scenes = scenes
        self.labels = labels
        self.tight = tight

    def __len__(self):
        return len(self.scenes)

    def scene(self, index):
        return self.scenes[index]

    def __iter__(self):
        return iter(self.scenes)


class ListDetector:
    """Finds the given boxes, one list a picture, whose number is its first pixel."""

    name = "list"

    def __init__(self, *found):
        self.found = found

    def detect(self, image):
        boxes = np.array(self.found[image[0, 0, 2]], np.float32).reshape(-1, 4)
        n = len(boxes)
        return Faces(boxes, np.full(n, 0.9, np.float32), np.full((n, 5, 2), np.nan, np.float32))


def scene(number, labels, boxes=None):
    """A picture of 100 x 100 whose red is the class (0 anger, 1 happiness) of the face that is there."""
    image = np.zeros((100, 100, 3), np.uint8)
    image[..., 2] = number
    for label, (x0, y0, x1, y1) in zip(labels, [(0, 0, 100, 100)] if boxes is None else boxes, strict=True):
        image[y0:y1, x0:x1, 0] = label
    boxes = None if boxes is None else np.array(boxes, np.float32).reshape(-1, 4)
    return Scene(f"s{number}", image, np.array(labels, np.int64), boxes)


def read_red(crops):
    """The model that reads the class off the crop's middle, in its own order: happiness, anger, neutral."""
    kinds = [crop[crop.shape[0] // 2, crop.shape[1] // 2, 0] for crop in crops]
    return np.array([[0.1, 0.7, 0.2] if kind == 0 else [0.7, 0.1, 0.2] for kind in kinds], np.float32)


LEFT, RIGHT, TOP = (0, 40, 30, 70), (60, 40, 90, 70), (30, 0, 50, 20)
LABELS = LabelSet(("anger", "happiness"))
SCENES = ListScenes([scene(0, [0, 1, 1], [LEFT, RIGHT, TOP]), scene(1, [1]), scene(2, [0]), scene(3, [], [])], LABELS)
DETECTOR = ListDetector([TOP, (55, 40, 90, 72), (0, 90, 10, 100)], [LEFT, (0, 0, 90, 90)], [], [TOP])


def test_misses_are_wrong_and_labels_are_mapped():
    run = run_end_to_end(SCENES, DETECTOR, read_red, MODEL, CropRule())
    assert [face.scene for face in run.faces] == ["s0", "s0", "s0", "s1", "s2"]
    assert [face.label for face in run.faces] == [1, 0, 0, 0, 1]
    assert [face.predicted for face in run.faces] == [None, 0, 0, 0, None]
    assert run.result.n_faces == 5
    assert (run.result.detection_recall, run.result.accuracy_given_detection, run.result.accuracy) == (0.6, 1.0, 0.6)
    happiness, anger, neutral = run.result.per_class
    assert (happiness.label, happiness.accuracy) == ("happiness", 1.0)
    assert (anger.accuracy, anger.accuracy_given_detection) == (0.0, None)
    assert (neutral.support, neutral.accuracy) == (0, None)


def test_records_hold_the_truth_and_the_matched_detection():
    faces = run_end_to_end(SCENES, DETECTOR, read_red, MODEL, CropRule()).faces
    assert faces[0].true_box.tolist() == list(LEFT)
    assert faces[0].box is faces[0].score is faces[0].probabilities is None
    assert faces[1].box.tolist() == [55, 40, 90, 72]
    assert faces[1].score == pytest.approx(0.9)
    assert faces[1].probabilities.tolist() == pytest.approx([0.7, 0.1, 0.2])
    assert faces[3].true_box is None
    assert faces[3].box.tolist() == [0, 0, 90, 90]  # the largest stands for the main face
    assert [face.scene_index for face in faces] == [0, 0, 0, 1, 2]


def test_false_faces_and_the_detectors_own_scores():
    boxed = ListScenes([scene(0, [0, 1], [LEFT, RIGHT]), scene(1, [], []), scene(2, [1], [TOP])], LABELS)
    poor = (60, 40, 90, 58)  # IoU 0.6
    detector = ListDetector([(0, 90, 10, 100), poor, LEFT], [TOP], [])
    run = run_end_to_end(boxed, detector, read_red, MODEL, CropRule())
    assert [face.iou for face in run.faces] == [1.0, pytest.approx(0.6), None]
    assert [(face.scene_index, face.box.tolist()) for face in run.false_faces] == [
        (0, [0, 90, 10, 100]),
        (1, list(TOP)),
    ]
    detection = run.result.detection
    assert (detection.min_iou, detection.n_detections, detection.false_faces) == (0.5, 4, 2)
    assert (detection.precision, run.result.detection_recall) == (0.5, 2 / 3)
    assert detection.average_precision == pytest.approx(2 / 3 * 2 / 4)  # all scores are the same: one point
    assert run.result.outcomes.wrong_poor_box == 0


def test_a_wrong_label_in_a_poor_box_is_put_down_to_the_box():
    def always_neutral(crops):
        return np.tile(np.float32([0, 0, 1]), (len(crops), 1))

    scenes = ListScenes([scene(0, [0, 1], [LEFT, RIGHT])], LABELS)
    run = run_end_to_end(scenes, ListDetector([LEFT, (60, 40, 90, 58)]), always_neutral, MODEL, CropRule())
    assert [face.outcome for face in run.faces] == ["wrong_good_box", "wrong_poor_box"]


def test_other_finds_in_photos_without_boxes_are_not_false():
    run = run_end_to_end(ListScenes([scene(1, [1])], LABELS, tight=False), DETECTOR, read_red, MODEL, CropRule())
    assert run.false_faces == ()
    assert run.result.detection is None


@pytest.mark.parametrize("limit", ["BATCH_CROPS", "BATCH_BYTES"])
def test_only_matched_faces_are_classified_and_batches_do_not_change_the_result(monkeypatch, limit):
    sizes = []

    def classify(crops):
        sizes.append(len(crops))
        return read_red(crops)

    whole = run_end_to_end(SCENES, DETECTOR, classify, MODEL, CropRule())
    assert sizes == [3]
    monkeypatch.setattr(many, limit, 1)
    single = run_end_to_end(SCENES, DETECTOR, classify, MODEL, CropRule())
    assert sizes == [3, 1, 1, 1]
    assert single.result == whole.result
    assert [face.predicted for face in single.faces] == [face.predicted for face in whole.faces]


def test_margin_reaches_the_crops():
    shapes = []

    def classify(crops):
        shapes.extend(crop.shape for crop in crops)
        return read_red(crops)

    run_end_to_end(
        ListScenes([scene(0, [1], [RIGHT])], LABELS), ListDetector([RIGHT]), classify, MODEL, CropRule(margin=0.2)
    )
    assert shapes == [(36, 36, 3)]


@pytest.mark.parametrize(("border", "shown"), [(0.0, (100, 100)), (0.25, (180, 180))])
def test_the_detector_sees_the_rules_border(border, shown):
    """A picture of 100 px is enlarged to 120 for it, and 30 px come on each side."""
    seen = []

    class Detector:
        name = "spy"

        def detect(self, image):
            seen.append(image.shape[:2])
            return Faces.none()

    scenes = ListScenes([scene(0, [1], [RIGHT])], LABELS)
    run_end_to_end(scenes, Detector(), read_red, MODEL, CropRule(border=border))
    assert seen == [shown]


def test_the_fingerprint_follows_pixels_labels_and_boxes():
    def fingerprint(*scenes):
        return run_end_to_end(
            ListScenes(scenes, LABELS), WholeImageDetector(), read_red, MODEL, CropRule()
        ).result.fingerprint

    one = fingerprint(scene(0, [1], [RIGHT]))
    assert len(one) == 64
    assert fingerprint(replace(scene(0, [1], [RIGHT]), key="another name")) == one
    brighter = scene(0, [1], [RIGHT])
    brighter.image[0, 0, 0] += 1
    others = [brighter, scene(0, [0], [RIGHT]), scene(0, [1], [LEFT]), scene(0, [1])]
    assert len({one, *(fingerprint(other) for other in others)}) == 5


def test_labels_that_do_not_match_fail_before_any_detection():
    with pytest.raises(LabelError, match="labels do not match: fear not among the model's classes happiness, anger"):
        run_end_to_end(ListScenes(SCENES.scenes, LabelSet(("anger", "fear"))), None, read_red, MODEL, CropRule())


def test_scenes_without_a_face_are_an_error():
    with pytest.raises(DataError, match="no labelled face"):
        run_end_to_end(ListScenes([scene(0, [], [])], LABELS), ListDetector([TOP]), read_red, MODEL, CropRule())


def test_a_classifier_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"expected probabilities of shape \(1, 3\), got \(1, 2\)"):
        run_end_to_end(
            ListScenes([scene(0, [1])], LABELS), WholeImageDetector(), lambda crops: np.ones((1, 2)), MODEL, CropRule()
        )


@pytest.mark.real
@pytest.mark.skipif("MIEN_DATA" not in os.environ, reason="set MIEN_DATA to the folder of the real data sets")
def test_real_photos():
    scenes = read_photos(Path(os.environ["MIEN_DATA"]) / "scenes")
    few = ListScenes([scenes.scene(index) for index in range(0, len(scenes), 60)], scenes.labels)
    always_happy = np.eye(7, dtype=np.float32)[EXPRESSIONS.index("happiness")]
    run = run_end_to_end(
        few, MtcnnDetector(), lambda crops: np.tile(always_happy, (len(crops), 1)), EXPRESSIONS, CropRule()
    )
    assert len(scenes) == 829
    assert run.result.n_faces == 14
    assert run.result.detection_recall >= 12 / 14
    by_name = {row.label: row for row in run.result.per_class}
    assert by_name["happiness"].accuracy == by_name["happiness"].detection_recall
    assert by_name["neutral"].accuracy == 0
