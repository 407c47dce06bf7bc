"""Scores of a hand-made table of faces."""

import numpy as np
import pytest

from mien.endtoend.records import EndToEndRun, FaceRecord
from mien.endtoend.score import score_faces
from mien.errors import DataError
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


def test_no_true_face_is_an_error():
    with pytest.raises(DataError, match="scenes photos hold no labelled face"):
        score_faces([], LABELS, "photos", "mtcnn")


def test_table_of_faces(tmp_path):
    run = EndToEndRun(score_faces(FACES, LABELS, "drawn", "mtcnn"), tuple(FACES), LABELS)
    frame = run.to_frame()
    assert list(frame) == [
        *("scene", "label", "detected", "predicted", "score", "left", "top", "right", "bottom"),
        *("p_anger", "p_fear", "p_happiness"),
    ]
    assert frame["predicted"].fillna("-").tolist() == ["anger", "happiness", "-", "anger", "-"]
    assert frame["detected"].tolist() == [True, True, False, True, False]
    assert frame.loc[0, ["left", "top", "right", "bottom"]].tolist() == [1, 2, 3, 4]
    assert frame.loc[2, "score":].isna().all()
    frame.to_parquet(tmp_path / "faces.parquet")
