"""What processes of the tests do: plain functions, found by name in a process of their own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from mien.errors import ConfigError


def add(numbers):
    return sum(numbers) + int(os.environ.get("RANK", "0")) * 1000


def note_environment(folder):
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "GIVEN")
    rank = os.environ.get("RANK", "0")
    (Path(folder) / rank).write_text(" ".join(os.environ.get(name, "-") for name in names))
    time.sleep(0.2)  # the others write too
    return rank


def refuse(_):
    raise ConfigError(["seed: expected a whole number"])


def divide(number):
    return 1 / number


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def leave(code):
    sys.exit(code)


def one_of_two_dies(folder):
    (Path(folder) / f"pid-{os.environ['RANK']}").write_text(str(os.getpid()))
    if os.environ["RANK"] == "1":
        time.sleep(0.3)
        die(None)
    time.sleep(600)


def sleep_with_a_child(folder):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (Path(folder) / "pids").write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)


def note_interruption(folder):
    try:
        (Path(folder) / "pids").write_text(str(os.getpid()))
        time.sleep(600)
    except KeyboardInterrupt:
        (Path(folder) / "saved").write_text("once")
        raise
