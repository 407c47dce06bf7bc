"""Put a model to work: ``python recognize.py model=<run folder or bundle> source=<photo, folder, video or camera>``."""

import os
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from mien.cli import start, told_once
from mien.config.load import typed
from mien.config.recognize import RecognizeConfig
from mien.console import command_line, set_up_logging
from mien.files import user_path
from mien.sweep import recognition_name

PROBLEMS = 3
"""Exit code where some of the files could not be read; all others are done. 1 is Python's own, of a crash."""
codes: list[int] = []


@hydra.main(version_base="1.3", config_path="conf", config_name="recognize")
@told_once()
def main(composed: DictConfig) -> int:
    """Recognize one source; returns the number of problems."""
    config = typed(composed, RecognizeConfig)
    from mien.recognition.sources import find_sources

    job = HydraConfig.get()
    output = job.runtime.output_dir if job.mode == RunMode.MULTIRUN else config.output  # mien.cli names a sweep's
    folder = user_path(output or Path("outputs", "recognized", recognition_name(job.overrides.task)))
    sources = find_sources(config.source, config.recursive, folder)  # a wrong path shows before torch is loaded
    from mien.recognition.recognizer import find_model
    from mien.recognition.run import recognize
    from mien.recognition.summary import print_summary

    find_model(config.model)
    folder = Path(os.path.relpath(folder))
    folder.mkdir(parents=True, exist_ok=True)
    set_up_logging(folder / "log.txt")
    outcome = recognize(config, sources, folder, command_line())
    print_summary(outcome)
    codes.append(PROBLEMS if outcome.problems else 0)
    return len(outcome.problems)


if __name__ == "__main__":
    start(main, RecognizeConfig, "recognize", paths=("model", "source", "output"))
    sys.exit(max(codes, default=0))
