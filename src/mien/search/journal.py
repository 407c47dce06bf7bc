"""The lock of the file that a study is kept in."""

import os
from pathlib import Path

from filelock import FileLock


class JournalLock:
    """Optuna's journal, written by one process at a time; what a process that died half wrote is cut off.

    Optuna's own locks are files that stay behind when their process is killed: all others wait for half a minute then.
    And a line that is cut short, by a kill or a full disk, makes it refuse the whole journal ever after.

    Args:
        journal: The file.
    """

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self._lock = FileLock(f"{journal}.lock")

    def acquire(self) -> bool:
        """Wait for the lock, and mend the file."""
        self._lock.acquire()
        _cut_half_line(self.journal)
        return True

    def release(self) -> None:
        """Let the next process write."""
        self._lock.release()


def _cut_half_line(path: Path) -> None:
    """Remove what follows the last line break."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        if end == 0:
            return
        file.seek(end - 1)
        if file.read(1) == b"\n":
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
