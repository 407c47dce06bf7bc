"""A live window, by tkinter, which comes with Python."""

import os
import sys
from collections.abc import Callable
from typing import Any, Protocol

import PIL.Image

from mien.errors import DeviceError
from mien.types import Image

_SHARE = 0.9
"""A picture fills at most this much of the screen's width and height."""


class Screen(Protocol):
    """What a window needs of a graphical system."""

    size: tuple[int, int]

    def draw(self, picture: PIL.Image.Image) -> None:
        """Show a picture and look after keys and buttons."""
        ...

    def close(self) -> None:
        """Close the window."""
        ...


class Window:
    """Shows picture after picture until the user presses q or Escape, or closes it.

    Args:
        title: Its title.
        make_screen: The graphical system: a function of the title and of what to call when the user has enough.

    Raises:
        DeviceError: There is no display, or Python lacks tkinter.
    """

    def __init__(self, title: str, make_screen: Callable[[str, Callable[[], None]], Screen] | None = None) -> None:
        self._open = True
        self._screen = (make_screen or TkScreen)(title, self._enough)

    def show(self, image: Image) -> bool:
        """Show a picture, made smaller where the screen is.

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            Whether the user wants more.
        """
        if self._open:
            picture = PIL.Image.fromarray(image)
            picture.thumbnail((round(_SHARE * self._screen.size[0]), round(_SHARE * self._screen.size[1])))
            self._screen.draw(picture)
        return self._open

    def close(self) -> None:
        """Close it."""
        self._open = False
        self._screen.close()

    def _enough(self) -> None:
        self._open = False


class TkScreen:
    """A window of tkinter.

    Args:
        title: Its title.
        enough: Called when the user presses q or Escape, or closes the window.

    Attributes:
        size: Of the screen, in pixels.

    Raises:
        DeviceError: There is no display, or Python lacks tkinter.
    """

    def __init__(self, title: str, enough: Callable[[], None]) -> None:
        try:
            import tkinter
        except ImportError as error:
            raise DeviceError(
                "a live window needs Python's tkinter, which this one lacks (on Debian: apt install python3-tk); "
                "go on without show=true"
            ) from error
        try:
            self._root = tkinter.Tk()
        except tkinter.TclError as error:
            place = f" (DISPLAY={os.environ.get('DISPLAY', '')})" if sys.platform == "linux" else ""
            raise DeviceError(f"a live window needs a display{place}: {error}; go on without show=true") from error
        self._root.title(title)
        self._root.protocol("WM_DELETE_WINDOW", enough)
        for key in ("q", "Q", "<Escape>"):
            self._root.bind(key, lambda event: enough())
        self._label = tkinter.Label(self._root, borderwidth=0)
        self._label.pack()
        self._photo: Any = None
        self.size = self._root.winfo_screenwidth(), self._root.winfo_screenheight()

    def draw(self, picture: PIL.Image.Image) -> None:
        """Show a picture and look after keys and buttons."""
        from PIL import ImageTk

        self._photo = ImageTk.PhotoImage(picture, master=self._root)  # the label alone would not keep it
        self._label.configure(image=self._photo)
        self._root.update()

    def close(self) -> None:
        """Close the window."""
        self._root.destroy()
