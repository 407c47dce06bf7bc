"""The camera reader, with made-up cameras."""

import re
import sys
import time
from itertools import pairwise
from threading import Event

import av
import numpy as np
import pytest
from made_up_videos import make_video, pictures

from mien.errors import DataError
from mien.recognition import camera
from mien.recognition.camera import CameraReader
from mien.recognition.video import VideoInfo


def jpeg_colours(stream):
    stream.pix_fmt = "yuvj420p"


def picture(value):
    return np.full((4, 6, 3), value, np.uint8)


def test_pictures_come_with_numbers_and_times():
    asked = Event()

    def capture(index):
        assert index == 3
        yield picture(0)
        for value in range(1, 4):
            asked.wait(5)
            asked.clear()
            time.sleep(0.02)
            yield picture(value)

    with CameraReader(3, capture) as reader:
        assert reader.info == VideoInfo(6, 4, 30.0, None, None)
        frames = []
        for frame in reader:
            frames.append(frame)
            asked.set()
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 1, 2, 3]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert frames[0].time == 0
    assert all(later.time >= earlier.time + 0.02 for earlier, later in pairwise(frames))
    assert reader.problem == "camera 3 ended after 4 pictures: it gives no more pictures"


def test_only_the_newest_picture_waits():
    taken = Event()

    def capture(index):
        yield from map(picture, range(5))
        taken.set()
        Event().wait(1)

    with CameraReader(0, capture) as reader:
        assert taken.wait(5)
        frame = next(reader)
    assert (frame.index, int(frame.image[0, 0, 0])) == (0, 4)


@pytest.mark.parametrize("error", [OSError(19, "No such device"), av.error.OSError(19, "No such device")])
def test_an_unplugged_camera_ends_with_a_reason_and_its_last_picture(error):
    def capture(index):
        yield picture(9)
        raise error

    with CameraReader(0, capture) as reader:
        time.sleep(0.05)
        assert [int(frame.image[0, 0, 0]) for frame in reader] == [9]
        assert reader.problem == "camera 0 ended after 1 pictures: No such device"
        assert list(reader) == []


def test_a_camera_that_hangs_counts_as_gone():
    def capture(index):
        yield picture(1)
        Event().wait(5)

    with CameraReader(0, capture, patience=0.1) as reader:
        assert len(list(reader)) == 1
    assert reader.problem == "camera 0 ended after 1 pictures: no picture within 0.1 s"


def test_a_camera_without_a_picture_is_refused():
    def silent(index):
        Event().wait(1)
        yield picture(0)

    with pytest.raises(DataError, match=r"camera 2: no picture within 0\.1 s"):
        CameraReader(2, silent, patience=0.1)
    with pytest.raises(DataError, match="camera 2: it gives no more pictures"):
        CameraReader(2, lambda index: iter(()))


def test_closing_ends_the_camera():
    ended = Event()

    def capture(index):
        try:
            while True:
                yield picture(0)
                time.sleep(0.01)
        finally:
            ended.set()

    with CameraReader(0, capture) as reader:
        next(reader)
    assert ended.wait(5)
    assert reader.problem is None


def test_damaged_pictures_are_passed_over(tmp_path, monkeypatch):
    path = make_video(tmp_path / "a.avi", pictures(6), codec="mjpeg", adapt=jpeg_colours)
    content = path.read_bytes()
    starts = [found.start() for found in re.finditer(rb"\xff\xd8\xff", content)]
    broken = bytearray(content)
    for number in (0, 3):
        broken[starts[number] : starts[number + 1] - 8] = bytes(starts[number + 1] - 8 - starts[number])
    path.write_bytes(broken)
    opened = av.open
    monkeypatch.setattr(camera.av, "open", lambda *given, **options: opened(str(path)))
    monkeypatch.setattr(camera, "_SYSTEMS", {sys.platform: "v4l2"})
    assert len(list(camera.open_camera(0))) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="names of Linux")
def test_an_absent_camera_tells_what_was_tried():
    with pytest.raises(
        DataError, match=r"camera 77: /dev/video77 \(v4l2\) cannot be opened: No such file or directory"
    ):
        CameraReader(77)


def test_cameras_of_windows_are_found_by_their_place(monkeypatch):
    monkeypatch.setattr(camera, "_found", lambda system: ["Front", "Back"])
    assert camera._device("dshow", 1) == "video=Back"
    assert camera._device("avfoundation", 1) == "1:none"
    with pytest.raises(DataError, match="none of this number; found: Front, Back"):
        camera._device("dshow", 2)


def test_an_unknown_system_is_told(monkeypatch):
    monkeypatch.setattr(sys, "platform", "plan9")
    with pytest.raises(DataError, match="cameras are known on linux, darwin, win32; this is plan9"):
        CameraReader(0)
