"""The live window, with a made-up screen."""

import sys

import numpy as np
import pytest

from mien.errors import DeviceError
from mien.recognition.show import Window


class FakeScreen:
    """A screen of 200 x 100 pixels that keeps what it is shown."""

    size = 200, 100

    def __init__(self, title, enough):
        self.title, self.enough = title, enough
        self.pictures, self.closed = [], False

    def draw(self, picture):
        self.pictures.append(picture)
        if len(self.pictures) == 3:
            self.enough()  # the user presses q

    def close(self):
        self.closed = True


def test_pictures_are_shown_until_the_user_has_enough():
    window = Window("camera 0", FakeScreen)
    screen = window._screen
    image = np.arange(50 * 40 * 3, dtype=np.uint8).reshape(50, 40, 3)
    assert [window.show(image) for _ in range(5)] == [True, True, False, False, False]
    assert len(screen.pictures) == 3
    assert screen.title == "camera 0"
    assert np.array_equal(np.asarray(screen.pictures[0]), image)
    window.close()
    assert screen.closed


@pytest.mark.parametrize(
    ("height", "width", "shown"), [(90, 180, (180, 90)), (900, 600, (60, 90)), (100, 1800, (180, 10))]
)
def test_large_pictures_are_made_smaller(height, width, shown):
    window = Window("film", FakeScreen)
    window.show(np.zeros((height, width, 3), np.uint8))
    assert window._screen.pictures[0].size == shown


@pytest.mark.skipif(sys.platform != "linux", reason="DISPLAY is of Linux")
def test_without_a_display_the_error_names_it(monkeypatch):
    pytest.importorskip("tkinter")
    monkeypatch.setenv("DISPLAY", "")
    with pytest.raises(DeviceError, match=r"needs a display \(DISPLAY=\): .*; go on without show=true"):
        Window("film")


def test_a_python_without_tkinter(monkeypatch):
    monkeypatch.setitem(sys.modules, "tkinter", None)
    with pytest.raises(DeviceError, match="needs Python's tkinter"):
        Window("film")
