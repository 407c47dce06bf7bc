"""Pictures are shown enlarged and with a border; what is found comes back in their own pixels."""

import numpy as np
import pytest

from mien.config.schema import DetectorConfig
from mien.detection import Bordered, as_ruled, build_detector, detect_many
from mien.types import CropRule, Faces


class Spy:
    """Finds the inner half of what it is shown, and remembers that."""

    name = "spy"

    def __init__(self):
        self.shown = []

    def detect(self, image):
        self.shown.append(image)
        height, width = image.shape[:2]
        box = np.float32([[width / 4, height / 4, 3 * width / 4, 3 * height / 4]])
        return Faces(box, np.ones(1, np.float32), np.repeat(box[:, None, :2], 5, 1))


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((60, 60), (180, 180)),  # twice as large, a border of 30
        ((240, 300), (360, 420)),  # large enough: a border of 60
        ((60, 80), (180, 220)),
        ((20, 400), (48, 656)),  # 640 is the limit: 1.6 times as large
        ((1, 1), (180, 180)),
        ((1, 2000), (1, 2000)),
    ],
)
def test_pictures_are_enlarged_and_framed_in_gray(size, shown):
    spy = Spy()
    Bordered(spy).detect(np.full((*size, 3), 200, np.uint8))
    assert spy.shown[0].shape == (*shown, 3)
    middle = spy.shown[0][shown[0] // 2, shown[1] // 2]
    assert middle.tolist() == [200] * 3
    if shown != size:
        assert spy.shown[0][0, 0].tolist() == [127] * 3
        assert ((spy.shown[0] == 200) | (spy.shown[0] == 127)).all()


def test_faces_come_back_in_the_pictures_own_pixels():
    faces = Bordered(Spy()).detect(np.zeros((60, 80, 3), np.uint8))
    # Shown twice as large (160 x 120) with a border of 30: 220 x 180. Its inner half is 55..165 x 45..135.
    assert faces.boxes.tolist() == [[12.5, 7.5, 67.5, 52.5]]
    assert faces.landmarks[0].tolist() == [[12.5, 7.5]] * 5
    assert faces.scores.tolist() == [1]


def test_several_pictures_go_through_together():
    class Together(Spy):
        def detect_many(self, images):
            self.calls = [len(images)]
            return [self.detect(image) for image in images]

    together, images = Together(), [np.zeros((60, 60, 3), np.uint8), np.zeros((200, 100, 3), np.uint8)]
    found = Bordered(together).detect_many(images)
    assert together.calls == [2]
    alone = Bordered(Spy())
    assert alone.name == "spy"
    for faces, image in zip(found, images, strict=True):
        assert np.array_equal(faces.boxes, alone.detect(image).boxes)
    assert [len(faces) for faces in detect_many(Spy(), images)] == [1, 1]


@pytest.mark.parametrize(("name", "bordered"), [("mtcnn", True), ("haar", True), ("whole_image", False)])
def test_the_crop_rule_asks_for_a_border(name, bordered):
    detector = build_detector(DetectorConfig(name))
    found = as_ruled(detector, CropRule(border=0.3))
    assert isinstance(found, Bordered) == bordered
    assert not bordered or (found.border, found.detector) == (0.3, detector)
    assert as_ruled(detector, CropRule()) is detector
