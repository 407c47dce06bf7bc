"""Tracks along trajectories made by hand."""

import numpy as np
import pytest

from mien.recognition.tracking import Tracker
from mien.types import Faces

SIDE = 100.0


def boxes_at(*centres, side=SIDE):
    """Square boxes around (x, y) centres."""
    return np.array([[x - side / 2, y - side / 2, x + side / 2, y + side / 2] for x, y in centres], np.float32)


def faces(boxes, scores=None, landmarks=None):
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    count = len(boxes)
    scores = np.full(count, 0.9, np.float32) if scores is None else np.asarray(scores, np.float32)
    # Five points inside each box: its centre five times, where none are given.
    middle = np.repeat((boxes[:, None, :2] + boxes[:, None, 2:]) / 2, 5, axis=1)
    return Faces(boxes, scores, middle if landmarks is None else landmarks)


def centre(track):
    return (track.box[:2] + track.box[2:]) / 2


def ids(tracks):
    return [track.id for track in tracks]


def test_faces_get_numbers_in_the_order_in_which_they_come():
    tracker = Tracker()
    assert tracker.update(Faces.none()) == []
    first = tracker.update(faces(boxes_at((100, 100), (400, 100)), scores=[0.9, 0.8]))
    assert ids(first) == [0, 1]
    assert first[1].box.tolist() == [350, 50, 450, 150]
    assert [track.score for track in first] == pytest.approx([0.9, 0.8])
    assert first[0].box.dtype == first[0].landmarks.dtype == np.float32
    assert first[0].landmarks.shape == (5, 2)
    # The detector's order does not matter, a new face gets a new number.
    second = tracker.update(faces(boxes_at((700, 100), (401, 100), (101, 100)), scores=[0.7, 0.6, 0.5]))
    assert ids(second) == [0, 1, 2]
    assert [track.score for track in second] == pytest.approx([0.5, 0.6, 0.7])
    assert centre(second[2]).tolist() == [700, 100]


def test_crossing_faces_keep_their_numbers():
    """They pass each other at 8 pixels a frame, 40 pixels apart in height: the boxes overlap by up to 43 %."""
    tracker = Tracker()
    for frame in range(61):
        right, left = (100 + 8 * frame, 200), (580 - 8 * frame, 240)
        tracks = tracker.update(faces(boxes_at(right, left) if frame % 2 else boxes_at(left, right)))
        if frame == 0:
            assert centre(tracks[1]).tolist() == [100, 200]
        assert ids(tracks) == [0, 1]
        assert np.abs(centre(tracks[1]) - right).max() <= (2 if frame > 1 else 8)
        assert np.abs(centre(tracks[0]) - left).max() <= (2 if frame > 1 else 8)


def test_a_face_hidden_behind_another_comes_back_as_itself():
    tracker = Tracker()
    for frame in range(61):
        front, behind = (100 + 8 * frame, 200), (580 - 8 * frame, 215)
        hidden = abs(front[0] - behind[0]) < 0.7 * SIDE
        tracks = tracker.update(faces(boxes_at(front) if hidden else boxes_at(front, behind)))
    assert hidden is False
    assert ids(tracks) == [0, 1]
    assert centre(tracks[0]) == pytest.approx(front, abs=1)
    assert centre(tracks[1]) == pytest.approx(behind, abs=1)


@pytest.mark.parametrize(("max_age", "missed", "number"), [(30, 5, 0), (5, 5, 0), (4, 5, 1), (30, 30, 0), (30, 31, 1)])
def test_a_face_missed_for_some_frames(max_age, missed, number):
    """It moves on at 3 pixels a frame all the while."""
    tracker = Tracker(max_age=max_age)
    for frame in range(10):
        tracker.update(faces(boxes_at((100 + 3 * frame, 100))))
    for _ in range(missed):
        tracker.update(Faces.none())
    (track,) = tracker.update(faces(boxes_at((100 + 3 * (10 + missed), 100))))
    assert track.id == number
    assert centre(track) == pytest.approx([100 + 3 * (10 + missed), 100], abs=0.5)


@pytest.mark.parametrize("coast", [0, 1, 3])
def test_a_missed_face_is_reported_for_a_while_where_it_should_be(coast):
    tracker = Tracker(coast=coast)
    for frame in range(20):
        tracker.update(faces(boxes_at((100 + 5 * frame, 100))))
    for frame in range(20, 20 + coast):
        (track,) = tracker.update(Faces.none())
        assert centre(track) == pytest.approx([100 + 5 * frame, 100], abs=0.5)
    assert tracker.update(Faces.none()) == []
    assert tracker.predict() == []


def test_a_face_out_of_sight_keeps_its_size():
    """One that came nearer would otherwise fill the picture, one that went away turn inside out."""
    tracker = Tracker()
    for frame in range(10):
        (track,) = tracker.update(faces(boxes_at((300, 300), side=100 - 5 * frame)))
    size = track.box[2] - track.box[0]
    tracker.update(Faces.none())
    for _ in range(25):
        tracker.predict()
    (track,) = tracker.update(faces(boxes_at((300, 300), side=50)))
    assert track.id == 0
    assert size == pytest.approx(55, abs=6)
    assert track.box[2] - track.box[0] == pytest.approx(50, abs=2)


@pytest.mark.parametrize("every", [2, 5, 10])
def test_between_detections_boxes_move_on(every):
    """A face of 100 pixels at 4 pixels a frame, looked for in every so-manieth frame: after three detections the
    predicted box is less than 2 pixels off."""
    tracker = Tracker()
    for frame in range(60):
        place = (100 + 4 * frame, 100 - frame)
        if frame % every:
            (track,) = tracker.predict()
        else:
            (track,) = tracker.update(faces(boxes_at(place)))
        assert track.id == 0
        assert frame < 2 * every or np.abs(centre(track) - place).max() < 2
        assert np.abs(track.landmarks - centre(track)).max() < 0.01


def shaky(frames, noise, speed, seed=0):
    """Boxes of a face with so much noise on every side, and where they truly are."""
    rng = np.random.default_rng(seed)
    true = np.array([boxes_at((200 + speed * frame, 200))[0] for frame in range(frames)])
    return true + rng.normal(0, noise, true.shape), true


@pytest.mark.parametrize("speed", [0, 3])
def test_smoothed_boxes_jitter_less_and_do_not_lag(speed):
    """2 pixels of noise on a face of 100, the usual of the filter, over 300 frames."""
    measured, true = shaky(300, 2.0, speed)
    tracker = Tracker()
    smoothed = np.array([tracker.update(faces(box))[0].box for box in measured])[30:]
    before, after = (measured - true)[30:], smoothed - true[30:]
    assert after.std() < 0.62 * before.std()
    assert np.diff(after, axis=0).std() < 0.35 * np.diff(before, axis=0).std()  # what the eye sees as trembling
    assert abs(after[:, [0, 2]].mean()) < 0.5  # at a steady speed the box is in place


def test_a_sudden_start_is_followed_within_a_twentieth_of_the_face():
    """At rest, then at once 5 pixels a frame: 150 a second at 30 frames, one and a half faces."""
    tracker = Tracker()
    places = [200.0] * 30 + [200.0 + 5 * frame for frame in range(1, 30)]
    lags = [place - centre(tracker.update(faces(boxes_at((place, 200))))[0])[0] for place in places]
    assert max(np.abs(lags[:30])) < 0.01
    assert max(lags) < 5
    assert abs(lags[-1]) < 1


def test_without_noise_the_detected_boxes_are_reported():
    measured, _ = shaky(50, 3.0, 2)
    tracker = Tracker(noise=0)
    for box in measured.astype(np.float32):
        assert tracker.update(faces(box))[0].box == pytest.approx(box, abs=1e-3)


def test_unknown_landmarks_stay_unknown():
    tracker = Tracker()
    unknown = np.full((1, 5, 2), np.nan, np.float32)
    for frame in range(3):
        (track,) = tracker.update(faces(boxes_at((100 + frame, 100)), landmarks=unknown))
    tracker.update(Faces.none())
    assert np.isnan(track.landmarks).all()
    assert np.isfinite(track.box).all()


def test_a_detection_far_away_is_another_face():
    tracker = Tracker(coast=0)
    tracker.update(faces(boxes_at((100, 100))))
    # Overlap 1/3 at 50 pixels, 0.25 at 60: below 0.3.
    assert ids(tracker.update(faces(boxes_at((150, 100))))) == [0]
    tracker = Tracker(coast=0)
    tracker.update(faces(boxes_at((100, 100))))
    assert ids(tracker.update(faces(boxes_at((160, 100))))) == [1]


def test_a_reported_track_does_not_change_later():
    tracker = Tracker()
    (track,) = tracker.update(faces(boxes_at((100, 100))))
    before = track.box.copy()
    tracker.update(faces(boxes_at((110, 100))))
    assert np.array_equal(track.box, before)


def test_a_face_seen_only_once_leaves_no_ghost():
    tracker, face = Tracker(coast=3), faces(boxes_at((100, 100)))
    assert len(tracker.update(face)) == 1
    assert tracker.update(Faces.none()) == []
    assert len(tracker.update(face)) == 1
    assert len(tracker.update(Faces.none())) == 1  # seen twice: it is followed through a miss
