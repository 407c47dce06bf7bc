"""Overlap and matching against numbers computed by hand."""

import numpy as np
import pytest

from mien.endtoend.match import LOOSE_IOU, box_areas, hits_by_score, iou_matrix, main_face, match_boxes


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
        ([(0, 0, 10, 10)], [(0, 0, 10, 5)], [0]),  # IoU 0.5 exactly
        ([(0, 0, 10, 10)], [(0, 0, 10, 4.9)], [None]),
        ([(0, 0, 10, 10), (0, 0, 10, 10)], [(0, 0, 10, 10)], [0, None]),  # one detection serves one face
        # The greedy choice for the first face (detection 0, 0.9) would leave the second with nothing (0.4 < 0.5);
        # together 0.7 + 0.78 is more.
        ([(0, 0, 10, 10), (3, 0, 10, 10)], [(1, 0, 10, 10), (0, 0, 7, 10)], [1, 0]),
    ],
)
def test_match_boxes(true, found, expected):
    assert match_boxes(iou_matrix(boxes(*true), boxes(*found))) == expected


def test_a_pasted_crop_is_found_by_the_face_inside_it():
    crop, inside = boxes((0, 0, 100, 100)), boxes((25, 25, 75, 75))  # IoU 0.25
    assert match_boxes(iou_matrix(crop, inside)) == [None]
    assert match_boxes(iou_matrix(crop, inside), LOOSE_IOU) == [0]
    assert match_boxes(iou_matrix(crop, boxes((30, 30, 70, 70))), LOOSE_IOU) == [None]  # 0.16


TWICE = [[0.9, 0.6, 0.2], [0.55, 0.8, 0.0]]
"""Overlaps of two true faces with three detections."""


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.9, 0.8, 0.7], [True, True, False]),
        ([0.8, 0.9, 0.7], [True, True, False]),
        ([0.7, 0.7, 0.99], [True, True, False]),  # the best score is no face and takes none
    ],
)
def test_each_face_is_hit_once(scores, expected):
    assert hits_by_score(np.array(TWICE), np.array(scores, np.float32)).tolist() == expected


def test_a_second_find_of_a_face_is_false_unless_another_face_is_free():
    twice, scores = np.array([[0.6, 0.9]]), np.array([0.9, 0.8], np.float32)
    assert hits_by_score(twice, scores).tolist() == [True, False]  # by score, not by overlap
    both = np.array([[0.9, 0.6], [0.0, 0.55]])
    assert hits_by_score(both, scores).tolist() == [True, True]
    assert hits_by_score(both, scores, 0.58).tolist() == [True, False]


def test_hits_without_faces_or_detections():
    assert hits_by_score(np.zeros((0, 2)), np.array([0.9, 0.8], np.float32)).tolist() == [False, False]
    assert hits_by_score(np.zeros((2, 0)), np.zeros(0, np.float32)).tolist() == []


def test_main_face_is_the_largest():
    assert main_face(boxes()) is None
    assert main_face(boxes((0, 0, 5, 5), (0, 0, 6, 5), (9, 9, 15, 14))) == 1
