"""Alignment against scikit-image's similarity transform, and on pictures whose pixels say where they are."""

import numpy as np
import pytest
import skimage.data
from skimage.transform import SimilarityTransform

from mien.detection import MtcnnDetector, crop_face
from mien.detection.align import CENTRE, EXTENT, TEMPLATE, align_face, similarity
from mien.types import CropRule

MIDDLE = np.array([CENTRE.real, CENTRE.imag])
ALIGNED = CropRule(align=True, edge="repeat")


def placed(scale, angle, centre):
    """Landmarks of a face whose crop has its centre there: the template, turned clockwise and scaled."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return ((TEMPLATE - MIDDLE) * scale @ turn + centre).astype(np.float32)


def noise():
    """A picture of 300 x 400 of which no two places are alike."""
    return np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)


def difference(a, b):
    """The largest; Pillow cuts interpolated values down to whole ones, so that 1 is rounding."""
    return np.abs(a.astype(int) - b).max()


@pytest.mark.parametrize("seed", range(5))
def test_the_similarity_is_that_of_umeyama(seed):
    rng = np.random.default_rng(seed)
    points = (TEMPLATE @ rng.normal(0, 1, (2, 2)) + rng.normal(0, 20, (5, 2))).astype(np.float32)
    scale, shift = similarity(points, TEMPLATE)
    reference = SimilarityTransform.from_estimate(points.astype(np.float64), TEMPLATE).params
    expected = [[scale.real, -scale.imag, shift.real], [scale.imag, scale.real, shift.imag], [0, 0, 1]]
    assert np.allclose(reference, expected, atol=1e-6)


def test_the_similarity_has_no_reflection():
    mirrored = TEMPLATE * (-1, 1)
    scale, _ = similarity(mirrored.astype(np.float32), TEMPLATE)
    rest = np.abs(scale * (mirrored - mirrored.mean(0)) @ (1, 1j) - (TEMPLATE - TEMPLATE.mean(0)) @ (1, 1j))
    assert rest.max() > 5  # a mirror image cannot be laid on its original


def test_points_that_are_one_have_no_similarity():
    assert similarity(np.ones((5, 2), np.float32), TEMPLATE)[0] == 0


@pytest.mark.parametrize("margin", [0.0, 0.2, -0.3])
def test_an_upright_face_is_cut_out_pixel_by_pixel(margin):
    side = round(EXTENT * (1 + margin))  # the face is as large as in the template
    image = noise()
    found = align_face(image, placed(1, 0, (200, 150)), EXTENT, margin)
    left, top = 200 - side // 2, 150 - side // 2
    assert found.shape == (side, side, 3)
    assert difference(found, image[top : top + side, left : left + side]) <= 1


def test_a_face_that_lies_on_its_side_is_turned_upright():
    image = noise()
    found = align_face(image, placed(1, np.pi / 2, (200, 150)), EXTENT, 0)
    upright = np.rot90(image[100:200, 150:250])  # clockwise before, so counter-clockwise back
    assert difference(found, upright) <= 1


@pytest.mark.parametrize(("scale", "angle"), [(0.4, 0.3), (1.0, -0.7), (1.7, 2.5)])
def test_the_crop_has_the_photos_resolution_and_the_landmarks_their_place(scale, angle):
    marks = placed(scale, angle, (200, 150))
    y, x = np.mgrid[:300, :400] + 0.5
    spots = sum(np.exp(-((x - mark[0]) ** 2 + (y - mark[1]) ** 2) / 8 / scale**2) for mark in marks)
    image = np.repeat(np.rint(200 * spots).astype(np.uint8)[..., None], 3, axis=2)
    found = align_face(image, marks, EXTENT * scale, 0)
    assert found.shape == (round(EXTENT * scale),) * 2 + (3,)
    expected = (TEMPLATE - MIDDLE) * scale + EXTENT * scale / 2
    for mark in expected:
        assert found[int(mark[1]), int(mark[0]), 0] > 100
    y, x = np.mgrid[: len(found), : len(found)] + 0.5
    centre = [np.average(axis, weights=found[..., 0]) for axis in (x, y)]
    assert np.abs(centre - expected.mean(0)).max() < 0.05


def test_beyond_the_photo_its_edge_pixels_are_repeated():
    image = np.full((60, 60, 3), 77, np.uint8)
    found = align_face(image, placed(1, 0.5, (0, 0)), EXTENT, 0)
    assert found.shape == (100, 100, 3)
    assert (found == 77).all()


def test_a_very_large_face_is_thinned_out():
    image = np.zeros((50, 50, 3), np.uint8)
    image[:, :25] = 200
    found = align_face(image, placed(100, 0, (25, 25)), 100 * EXTENT, 0)  # a square of 10,000 pixels
    assert found.shape == (3333, 3333, 3)
    assert found[1666, 1650].tolist() == [200] * 3
    assert found[1666, 1680].tolist() == [0] * 3


@pytest.mark.parametrize(
    "marks",
    [
        np.full((5, 2), np.nan),
        np.full((5, 2), np.inf),
        np.full((5, 2), 200.0),  # all one point
        placed(2.1, 0, (200, 150)),  # a face more than twice as large as its box
        placed(0.49, 0, (200, 150)),
    ],
)
def test_landmarks_that_are_no_good_give_the_plain_square(marks):
    image, box = noise(), np.float32([150, 100, 250, 200])
    found = crop_face(image, box, np.float32(marks), ALIGNED)
    assert np.array_equal(found, image[100:200, 150:250])


def test_without_align_landmarks_do_not_matter():
    image, box = noise(), np.float32([150, 100, 250, 200])
    assert np.array_equal(crop_face(image, box, placed(1, 1, (200, 150)), CropRule()), image[100:200, 150:250])


def test_a_real_face_covers_what_its_plain_square_covers():
    image = skimage.data.astronaut()
    faces = MtcnnDetector().detect(image)
    aligned = crop_face(image, faces.boxes[0], faces.landmarks[0], ALIGNED)
    plain = crop_face(image, faces.boxes[0], faces.landmarks[0], CropRule())
    assert abs(len(aligned) / len(plain) - 1) < 0.1
    again = MtcnnDetector().detect(edge := np.pad(aligned, ((40, 40), (40, 40), (0, 0)), mode="edge"))
    assert len(again) == 1
    left_eye, right_eye = again.landmarks[0][:2]
    assert abs(left_eye[1] - right_eye[1]) < 0.1 * (right_eye[0] - left_eye[0])  # level
    assert np.abs(again.boxes[0].reshape(2, 2).mean(0) - len(edge) / 2).max() < 0.1 * len(aligned)
