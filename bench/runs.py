"""Runs one after the other in one process, for ``bench/sweeps.py``: ``python bench/runs.py <note> <n> key=value ...``.

Writes the mean seconds of a run but the first to ``<note>``; the configs are composed before the clock starts.
"""

import sys
import time
from pathlib import Path
from statistics import mean

from hydra import compose, initialize_config_dir

from mien.cli import CONF
from mien.config.load import register, typed
from mien.config.schema import Config
from mien.pipeline import run
from mien.sweep import register_resolvers


def main() -> None:
    """Compose, run, note."""
    note, jobs, overrides = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    register("train_schema", Config, overrides)
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        configs = [typed(compose("train", [*overrides, f"seed={seed}"]), Config) for seed in range(jobs)]
    seconds = []
    for config in configs:
        start = time.perf_counter()
        run(config, note.parent / f"run-{config.seed}")
        seconds.append(time.perf_counter() - start)
    note.write_text(str(mean(seconds[1:])), encoding="utf-8")


if __name__ == "__main__":
    main()
