"""What a sweep costs beyond its jobs, and what two jobs at a time gain.

    python bench/sweeps.py [--jobs 4 20]

Overhead: sweeps of a few and of many tiny jobs (`train.py -m`, each job a process of its own) take turns with the same
runs called one after the other in one process (`bench/runs.py`, no Hydra, no processes). The seconds that a sweep of
many takes more than one of few, for each job more, less the seconds of a run, are a job's overhead; so the start of
the command, which both pay, is left out, and stands beside it. `again` is the same command once all is done.

At a time: four jobs of ResNet18 one after the other with one thread and with two, and two at a time with one thread.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from common import ROOT, alternate, command_parser, print_table, ratio, shown, spread, write

TINY = (
    *("dataset.drawn.train=42", "dataset.drawn.validation=14", "dataset.drawn.test=21", "dataset.batch_size=16"),
    *("backbone.image_size=32", "trainer=cpu", "trainer.max_epochs=1", "scenes=none", "logger=none"),
)
LARGER = (
    *("dataset.drawn.train=700", "dataset.drawn.validation=70", "dataset.drawn.test=70", "dataset.batch_size=32"),
    *("backbone=resnet18", "backbone.weights=none", "backbone.image_size=64"),
    *("trainer=cpu", "trainer.max_epochs=2", "scenes=none", "logger=none"),
)


def sweep(folder: Path, jobs: int, *overrides: str, threads: int = 1) -> float:
    """Wall time of a sweep over so many seeds.

    Raises:
        SystemExit: It failed.
    """
    call = [sys.executable, "train.py", "-m", f"seed=range({jobs})", *overrides, f"output={folder}/outputs"]
    return _timed(call, folder, threads)


def _timed(call: Sequence[str], folder: Path, threads: int) -> float:
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MIEN_CACHE": f"{folder.parent}/cache"}
    start = time.perf_counter()
    done = subprocess.run(call, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(call)} failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def overhead(few: int, many: int, rounds: int) -> dict[str, Any]:
    """Seconds of a job beyond its run, of the start of a sweep, and of a sweep that is done already."""
    runs: list[float] = []
    again: list[float] = []

    def swept(jobs: int) -> float:
        with TemporaryDirectory(dir=place) as folder:
            seconds = sweep(Path(folder), jobs, *TINY)
            if jobs == many:
                again.append(sweep(Path(folder), jobs, *TINY))
            return seconds

    def plain() -> float:
        with TemporaryDirectory(dir=place) as folder:
            note = Path(folder) / "seconds"
            _timed([sys.executable, "bench/runs.py", str(note), str(many), *TINY], Path(folder), threads=1)
            runs.append(float(note.read_text()))
            return runs[-1]

    with TemporaryDirectory() as place:
        swept(1)  # fills the cache of drawn images
        took = alternate({"few": lambda: swept(few), "many": lambda: swept(many), "run": plain}, rounds)
    each = [(long - short) / (many - few) for short, long in zip(took["few"], took["many"], strict=True)]
    start = [short - few * job for short, job in zip(took["few"], each, strict=True)]
    return {
        "job_in_a_sweep": spread(each),
        "run_in_one_process": spread(took["run"]),
        "overhead": spread([job - run for job, run in zip(each, took["run"], strict=True)]),
        "start": spread(start),
        "again": spread(again),
    }


def at_a_time(rounds: int) -> dict[str, Any]:
    """Wall time of four jobs, one after the other and two at a time."""
    two = ("launcher=joblib", "launcher.jobs=2", "launcher.cpus=1")

    def swept(*overrides: str, threads: int) -> float:
        with TemporaryDirectory(dir=place) as folder:
            return sweep(Path(folder), 4, *LARGER, *overrides, threads=threads)

    with TemporaryDirectory() as place:
        swept(threads=2)  # fills the cache
        took = alternate(
            {
                "one_thread": lambda: swept(threads=1),
                "two_threads": lambda: swept(threads=2),
                "two_jobs": lambda: swept(*two, threads=1),
            },
            rounds,
        )
    best = [min(pair) for pair in zip(took["one_thread"], took["two_threads"], strict=True)]
    return {name: spread(values) for name, values in took.items()} | {"gain": ratio(best, took["two_jobs"])}


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser: argparse.ArgumentParser = command_parser(__doc__, "sweeps", rounds=3)
    parser.add_argument("--jobs", type=int, nargs=2, default=(4, 20), metavar=("FEW", "MANY"), help="default: 4 20")
    options = parser.parse_args()
    found = {"overhead": overhead(*options.jobs, options.rounds), "at_a_time": at_a_time(options.rounds)}
    rows = [[name.replace("_", " "), shown(value, 2)] for part in found.values() for name, value in part.items()]
    print_table("Sweeps", ["", "seconds (gain: ratio): median (min..max)"], rows)
    write(options, found)


if __name__ == "__main__":
    main()
