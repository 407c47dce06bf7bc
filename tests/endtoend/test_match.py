"""Overlap and matching against numbers computed by hand."""

import numpy as np
import pytest

from mien.endtoend.match import box_areas, iou_matrix, main_face, match_boxes


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((0, 0, 10, 10), 1.0),
        ((5, 0, 15, 10), 50 / 150),
        ((5, 5, 15, 15), 25 / 175),
        ((2, 2, 4, 4), 4 / 100),
        ((10, 0, 20, 10), 0.0),  # they touch
        ((20, 20, 30, 30), 0.0),
        ((5, 5, 5, 9), 0.0),  # empty
        ((8, 8, 2, 2), 0.0),  # inside out
    ],
)
def test_iou_of_a_ten_pixel_square(other, expected):
    assert iou_matrix(boxes((0, 0, 10, 10)), boxes(other)) == pytest.approx(np.array([[expected]]))


def test_iou_matrix_has_a_row_a_box_and_is_zero_for_two_empty_boxes():
    assert iou_matrix(boxes((0, 0, 1, 1), (2, 2, 3, 3)), boxes()).shape == (2, 0)
    assert iou_matrix(boxes(), boxes((0, 0, 1, 1))).shape == (0, 1)
    assert iou_matrix(boxes((3, 3, 3, 3)), boxes((3, 3, 3, 3))).tolist() == [[0.0]]


def test_areas():
    assert box_areas(boxes((0, 0, 2, 3), (1, 1, 1, 9), (5, 5, 4, 4))).tolist() == [6, 0, 0]


@pytest.mark.parametrize(
    ("true", "found", "expected"),
    [
        ([], [], []),
        ([(0, 0, 10, 10)], [], [None]),
        ([], [(0, 0, 10, 10)], []),
        ([(0, 0, 10, 10), (50, 0, 60, 10)], [(50, 0, 60, 10), (0, 0, 10, 10)], [1, 0]),
        ([(0, 0, 10, 10)], [(0, 0, 10, 4)], [0]),  # IoU 0.4 exactly
        ([(0, 0, 10, 10)], [(0, 0, 10, 3.9)], [None]),
        ([(0, 0, 10, 10), (0, 0, 10, 10)], [(0, 0, 10, 10)], [0, None]),  # one detection serves one face
        # The greedy choice for the first face (detection 0, 0.9) would leave the second with nothing (0.3 < 0.4);
        # together 0.7 + 0.8 is more.
        ([(0, 0, 10, 10), (3, 0, 10, 10)], [(1, 0, 10, 10), (0, 0, 7, 10)], [1, 0]),
    ],
)
def test_match_boxes(true, found, expected):
    assert match_boxes(boxes(*true), boxes(*found)) == expected


def test_main_face_is_the_largest():
    assert main_face(boxes()) is None
    assert main_face(boxes((0, 0, 5, 5), (0, 0, 6, 5), (9, 9, 15, 14))) == 1
