"""Scores of a hand-made table of faces."""

from dataclasses import replace

import numpy as np
import pytest

from mien.endtoend.records import EndToEndRun, FaceRecord
from mien.endtoend.score import score_detections, score_faces, with_gap
from mien.errors import DataError
from mien.face_results import CropGap, DetectionScore, Outcomes, SizeScore
from mien.labels import LabelSet

LABELS = LabelSet(("anger", "fear", "happiness"))


def face(label, predicted):
    """A face of a class; ``None`` as prediction: it was missed."""
    if predicted is None:
        return FaceRecord("s", 0, label)
    probabilities = np.full(3, 0.1, np.float32)
    probabilities[predicted] = 0.8
    return FaceRecord("s", 0, label, box=np.float32([1, 2, 3, 4]), score=0.95, probabilities=probabilities)


FACES = [face(0, 0), face(0, 2), face(0, None), face(0, 0), face(2, None)]


def test_a_miss_counts_as_wrong():
    result = score_faces(FACES, LABELS, "drawn", "mtcnn")
    assert (result.scenes, result.detector, result.n_faces) == ("drawn", "mtcnn", 5)
    assert result.detection_recall == 3 / 5
    assert result.accuracy_given_detection == 2 / 3
    assert result.accuracy == 2 / 5
    assert result.accuracy_ci95 == pytest.approx((0.1176, 0.7693), abs=1e-4)  # Wilson for 2 of 5


def test_a_class_without_a_face_has_no_score_rather_than_zero():
    anger, fear, happiness = score_faces(FACES, LABELS, "drawn", "mtcnn").per_class
    assert (anger.support, anger.detection_recall, anger.accuracy) == (4, 3 / 4, 2 / 4)
    assert anger.accuracy_given_detection == 2 / 3
    assert (fear.label, fear.support) == ("fear", 0)
    assert fear.detection_recall is fear.accuracy_given_detection is fear.accuracy is None
    assert (happiness.detection_recall, happiness.accuracy) == (0, 0)
    assert happiness.accuracy_given_detection is None


def test_nothing_found_leaves_the_accuracy_of_the_found_undefined():
    result = score_faces([face(1, None)], LABELS, "drawn", "mtcnn")
    assert (result.detection_recall, result.accuracy_given_detection, result.accuracy) == (0, None, 0)


def boxed(label, predicted, iou, side=50):
    """A face whose true box has this shorter side, found with this overlap (``None``: missed)."""
    found = face(label, predicted if iou is not None else None)
    return replace(found, iou=iou, true_box=np.float32([10, 10, 10 + side, 30 + side]))


BOXED = [
    boxed(0, 0, 0.9, 39.5),
    boxed(0, 0, 0.6, 40),  # right whatever the box
    boxed(0, 1, 0.7, 79),  # 0.7 is good
    boxed(0, 1, 0.69, 80),
    boxed(2, 1, 0.5, 160),
    boxed(2, 2, None, 500),
]


def test_where_errors_come_from():
    result = score_faces(BOXED, LABELS, "drawn", "mtcnn", tight=True)
    assert result.outcomes == Outcomes(right=2, missed=1, wrong_good_box=1, wrong_poor_box=2)
    assert result.outcomes.total == result.n_faces == 6
    anger, fear, happiness = (row.outcomes for row in result.per_class)
    assert anger == Outcomes(2, 0, 1, 1)
    assert fear == Outcomes(0, 0, 0, 0)
    assert happiness == Outcomes(0, 1, 0, 1)


def test_without_face_boxes_a_wrong_label_is_wrong_whatever_the_box():
    result = score_faces(FACES, LABELS, "photos", "mtcnn")
    assert result.outcomes == Outcomes(right=2, missed=2, wrong_good_box=1, wrong_poor_box=None)
    assert result.by_size == ()
    assert result.detection is result.gap is None


def test_accuracy_against_size():
    small, middle, large, huge = score_faces(BOXED, LABELS, "drawn", "mtcnn", tight=True).by_size
    assert small == SizeScore(0, 40, 1, 1.0, 1.0, pytest.approx((0.2065, 1), abs=1e-4))  # Wilson for 1 of 1
    assert middle == SizeScore(40, 80, 2, 1.0, 0.5, pytest.approx((0.0945, 0.9055), abs=1e-4))
    assert large == SizeScore(80, 160, 1, 1.0, 0.0, pytest.approx((0, 0.7935), abs=1e-4))
    assert huge == SizeScore(160, None, 2, 0.5, 0.0, pytest.approx((0, 0.6576), abs=1e-4))


def test_a_size_without_a_face_has_no_accuracy():
    rows = score_faces([boxed(0, 0, 0.9, 50)], LABELS, "drawn", "mtcnn", tight=True).by_size
    assert [row.support for row in rows] == [0, 1, 0, 0]
    assert rows[0] == SizeScore(0, 40, 0, None, None, (0.0, 1.0))


def test_detections_are_scored():
    scores, hits = np.array([0.95, 0.9, 0.8, 0.6]), np.array([True, False, True, False])
    assert score_detections(scores, hits, n_faces=4, n_found=2, min_iou=0.5) == DetectionScore(
        min_iou=0.5, n_detections=4, false_faces=2, precision=0.5, average_precision=pytest.approx((1 + 2 / 3) / 4)
    )
    none = score_detections(np.zeros(0), np.zeros(0, bool), n_faces=4, n_found=0, min_iou=0.5)
    assert none == DetectionScore(0.5, 0, 0, None, 0.0)


def test_the_gap_is_a_difference_with_newcombes_interval():
    photos = score_faces([face(0, 0)] * 48 + [face(0, 1)] * 32, LABELS, "photos", "mtcnn")
    gap = with_gap(photos, "fer2013", 56 / 70, 70).gap
    assert gap == CropGap("fer2013", 0.8, pytest.approx(0.2), pytest.approx((0.0524, 0.3339), abs=5e-5))


def test_no_true_face_is_an_error():
    with pytest.raises(DataError, match="scenes photos hold no labelled face"):
        score_faces([], LABELS, "photos", "mtcnn")


def test_table_of_faces(tmp_path):
    run = EndToEndRun(score_faces(FACES, LABELS, "drawn", "mtcnn"), tuple(FACES), LABELS)
    frame = run.to_frame()
    assert list(frame) == [
        *("scene", "label", "detected", "outcome", "predicted", "score", "iou", "left", "top", "right", "bottom"),
        *("true_left", "true_top", "true_right", "true_bottom", "p_anger", "p_fear", "p_happiness"),
    ]
    assert frame["outcome"].tolist() == ["right", "wrong_good_box", "missed", "right", "missed"]
    assert frame["predicted"].fillna("-").tolist() == ["anger", "happiness", "-", "anger", "-"]
    assert frame["detected"].tolist() == [True, True, False, True, False]
    assert frame.loc[0, ["left", "top", "right", "bottom"]].tolist() == [1, 2, 3, 4]
    assert frame.loc[2, "predicted":].isna().all()
    assert frame.loc[0, "true_left":"true_bottom"].isna().all()
    true = EndToEndRun(run.result, (boxed(0, 1, 0.6, 20),), LABELS).to_frame().loc[0]
    assert true[["iou", "true_left", "true_top", "true_right", "true_bottom"]].tolist() == [0.6, 10, 10, 30, 50]
    assert (true["outcome"], true["left"], true["p_fear"]) == ("wrong_poor_box", 1, pytest.approx(0.8))
    frame.to_parquet(tmp_path / "faces.parquet")
