"""The geometry of face crops, on an image whose pixels say where they are."""

import numpy as np
import pytest

from mien.config.schema import CropConfig
from mien.detection import crop_face, crop_rule
from mien.detection.align import edge_repeated
from mien.types import CropRule

UNKNOWN = np.full((5, 2), np.nan, np.float32)


@pytest.fixture
def image():
    """100 high, 200 wide; red is x, green is y, blue is 77."""
    y, x = np.mgrid[:100, :200]
    return np.stack([x, y, np.full_like(x, 77)], axis=2).astype(np.uint8)


def crop(image, box, **rule):
    return crop_face(image, np.float32(box), UNKNOWN, CropRule(**rule))


def span(crop):
    """Left, top, right, bottom (exclusive) of a crop in its image."""
    return crop[0, 0, 0], crop[0, 0, 1], crop[0, -1, 0] + 1, crop[-1, 0, 1] + 1


INSIDE = [
    ((40, 30, 60, 50), 0.0, (40, 30, 60, 50)),
    ((40, 30, 60, 50), 0.5, (35, 25, 65, 55)),  # side 30 around (50, 40)
    ((40, 30, 60, 50), -0.5, (45, 35, 55, 45)),
    ((40, 20, 60, 60), 0.0, (30, 20, 70, 60)),  # the longer side makes the square
    ((10.4, 10.4, 10.6, 10.6), 0.0, (10, 10, 11, 11)),  # at least a pixel
]


@pytest.mark.parametrize("edge", ["clip", "shift", "repeat"])
@pytest.mark.parametrize(("box", "margin", "expected"), INSIDE)
def test_inside_the_photo_all_edges_are_the_same(image, edge, box, margin, expected):
    assert span(crop(image, box, margin=margin, edge=edge)) == expected


@pytest.mark.parametrize(
    ("box", "margin", "clipped", "shifted"),
    [
        ((-10, -20, 10, 20), 0.0, (0, 0, 20, 20), (0, 0, 40, 40)),  # corner
        ((190, 90, 210, 110), 0.0, (190, 90, 200, 100), (180, 80, 200, 100)),
        ((0, 0, 200, 100), 0.0, (0, 0, 200, 100), (50, 0, 150, 100)),  # the whole photo: its middle square
        ((10, 0, 90, 100), 1.0, (0, 0, 150, 100), (0, 0, 100, 100)),  # larger than the photo is high
        ((90, 40, 110, 60), 9.0, (0, 0, 200, 100), (50, 0, 150, 100)),
        ((300, 300, 320, 320), 0.0, (199, 99, 200, 100), (180, 80, 200, 100)),  # wholly outside
        ((-60, -60, -40, -40), 0.0, (0, 0, 1, 1), (0, 0, 20, 20)),
    ],
)
def test_at_the_edge_crops_are_clipped_or_shifted(image, box, margin, clipped, shifted):
    assert span(crop(image, box, margin=margin)) == clipped
    assert span(crop(image, box, margin=margin, edge="shift")) == shifted


def test_repeated_edge_pixels_keep_the_crop_square(image):
    found = crop(image, (-10, 85, 20, 115), edge="repeat")
    assert found.shape == (30, 30, 3)
    assert found[0, :, 0].tolist() == [0] * 10 + list(range(20))
    assert found[:, 0, 1].tolist() == list(range(85, 100)) + [99] * 15
    assert (found[..., 2] == 77).all()  # never black
    outside = crop(image, (300, 300, 320, 320), edge="repeat")
    assert (outside == image[99, 199]).all()
    assert outside.shape == (20, 20, 3)


def test_a_very_large_square_is_thinned_out():
    panorama = np.zeros((10, 20_000, 3), np.uint8)
    panorama[..., 0] = np.arange(20_000) // 100
    found = crop(panorama, (0, 0, 20_000, 10), edge="repeat")
    assert found.shape == (4000, 4000, 3)  # every fifth pixel
    assert found[0, ::20, 0].tolist() == list(range(200))


def test_windows_reach_beyond_the_picture_in_steps(image):
    window = edge_repeated(image, (-4, 96, 3, 102), 2)
    assert window[0, :, 0].tolist() == [0, 0, 0, 2]
    assert window[:, 0, 1].tolist() == [96, 98, 99]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((40.9, 30.2, 60.9, 55.9), (40, 30, 60, 55)),  # the box, not a square, cut to whole pixels
        ((-10, -20, 10, 20), (0, 0, 10, 20)),
        ((190, 90, 210, 130), (190, 90, 200, 100)),
        ((300, 300, 320, 320), (199, 99, 200, 100)),
    ],
)
def test_study_a_takes_the_box_itself(image, box, expected):
    assert span(crop(image, box, preprocess="study_a")) == expected


def test_crop_at_half_pixels_keeps_its_side(image):
    for left in np.arange(20, 22, 0.1):
        assert crop(image, [left, 20, left + 30, 50]).shape == (30, 30, 3)


@pytest.mark.parametrize("rule", [{}, {"edge": "shift"}, {"edge": "repeat"}, {"preprocess": "study_a"}])
def test_crop_does_not_keep_the_photo_alive(image, rule):
    assert crop(image, [0, 0, 200, 100], **rule).base is None


def test_the_rule_is_the_configs():
    values = {"margin": 0.2, "align": True, "edge": "shift", "border": 0.1, "preprocess": "standard"}
    assert crop_rule(CropConfig(**values)) == CropRule(**values)
    assert crop_rule(CropConfig()) == CropRule()
    with pytest.raises(ValueError, match="expected an edge of"):
        crop_rule(CropConfig(edge="mirror"))
