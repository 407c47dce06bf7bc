"""Runs ``train.py`` and ends it right after its first training step; bench/startup.py times it.

    python bench/first_step.py <file> [key=value ...]

The time of day at the end of the step goes to ``<file>``.
"""

import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from adapter import hooked
from common import ROOT, clock


class FirstStep(pl.Callback):
    """Notes the time after the first step, and ends the process.

    Args:
        file: Where to.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def on_train_batch_end(self, *parts: Any) -> None:
        """The first step is done."""
        clock()  # waits for the GPU
        self.file.write_text(repr(time.time()))
        os._exit(0)


def main() -> None:
    """Run train.py with the arguments that follow the file."""
    file, sys.argv = Path(sys.argv[1]), [str(ROOT / "train.py"), *sys.argv[2:]]
    with hooked(lambda trainer, module, data: trainer.callbacks.append(FirstStep(file))):  # type: ignore[attr-defined]
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
