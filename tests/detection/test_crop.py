"""The geometry of face crops, on an image whose pixels say where they are."""

import numpy as np
import pytest

from mien.detection import crop_face


@pytest.fixture
def image():
    """100 high, 200 wide; red is x, green is y."""
    y, x = np.mgrid[:100, :200]
    return np.stack([x, y, np.zeros_like(x)], axis=2).astype(np.uint8)


def span(crop):
    """Left, top, right, bottom (exclusive) of a crop in its image."""
    return crop[0, 0, 0], crop[0, 0, 1], crop[0, -1, 0] + 1, crop[-1, 0, 1] + 1


@pytest.mark.parametrize(
    ("box", "margin", "expected"),
    [
        ((40, 30, 60, 50), 0.0, (40, 30, 60, 50)),
        ((40, 30, 60, 50), 0.5, (35, 25, 65, 55)),  # side 30 around (50, 40)
        ((40, 30, 60, 50), -0.5, (45, 35, 55, 45)),
        ((40, 20, 60, 60), 0.0, (30, 20, 70, 60)),  # the longer side makes the square
        ((-10, -20, 10, 20), 0.0, (0, 0, 20, 20)),  # corner: clipped, not filled
        ((190, 90, 210, 110), 0.0, (190, 90, 200, 100)),
        ((0, 0, 200, 100), 0.0, (0, 0, 200, 100)),  # the whole photo stays whole
        ((90, 40, 110, 60), 9.0, (0, 0, 200, 100)),
        ((10.4, 10.4, 10.6, 10.6), 0.0, (10, 10, 11, 11)),  # at least a pixel
        ((300, 300, 320, 320), 0.0, (199, 99, 200, 100)),  # wholly outside: the nearest pixel
        ((-60, -60, -40, -40), 0.0, (0, 0, 1, 1)),
    ],
)
def test_crop_spans_the_expected_pixels(image, box, margin, expected):
    assert span(crop_face(image, np.float32(box), margin)) == expected


def test_crop_at_half_pixels_keeps_its_side(image):
    for left in np.arange(20, 22, 0.1):
        assert crop_face(image, np.float32([left, 20, left + 30, 50]), 0.0).shape == (30, 30, 3)


def test_crop_does_not_keep_the_photo_alive(image):
    assert crop_face(image, np.float32([0, 0, 200, 100]), 0.0).base is None
