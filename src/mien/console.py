"""What commands share: log lines, error messages, and the command as it was typed."""

import logging
import shlex
import sys
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.text import Text


def fail(message: str, code: int = 2) -> NoReturn:
    """Print an error and exit."""
    tell("error: ", message)
    sys.exit(code)


def tell(head: str, message: str) -> None:
    """Print what went wrong."""
    Console(stderr=True, soft_wrap=True).print(Text.assemble((head, "bold red"), message))


def command_line() -> str:
    """The command as the user could type it again."""
    typed = sys.orig_argv[sys.orig_argv.index(sys.argv[0]) + 1 :] if sys.argv[0] in sys.orig_argv else sys.argv[1:]
    return shlex.join(["python", Path(sys.argv[0]).name, *typed])


def set_up_logging(file: Path, name: str = "") -> None:
    """One line an event on stderr and in a file: mien's own from INFO on, everybody else's from WARNING on.

    Args:
        file: Where they are added.
        name: Stands in front of those on stderr, where several jobs write at the same time.
    """
    shown = _Stderr()
    if name:
        shown.setFormatter(logging.Formatter(f"%(asctime)s [{name.replace('%', '%%')}] %(message)s", "%H:%M:%S"))
    handlers: list[logging.Handler] = [shown, logging.FileHandler(file, delay=True)]
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=handlers, force=True
    )
    logging.getLogger("mien").setLevel(logging.INFO)
    logging.captureWarnings(True)


class _Stderr(logging.Handler):
    """Writes to what ``sys.stderr`` is at the time, so that lines appear above a progress bar that stands there."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        sys.stderr.write(self.format(record) + "\n")
        sys.stderr.flush()
