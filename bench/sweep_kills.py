"""A sweep that is killed again and again, and repeated until it is done, against one that is left alone.

    python bench/sweep_kills.py [--jobs 200 --kills 20]

Jobs are tiny trainings of three epochs, half with AdamW and half with SGD. The main process gets SIGKILL at random
moments, alone, so that what it started has to end by itself; then the same command is typed again. Counted at the end:
jobs with a result, results that were written a second time (there must be none), jobs that were started more than once,
processes left over, and jobs whose scores, epochs or predictions differ from the sweep that was left alone.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import psutil
from common import ROOT, command_parser, print_table, write
from sweeps import TINY

from mien.files import read_json

MOMENTS = (4.0, 45.0)  # seconds after its start at which a sweep is killed: from the imports on


def command(jobs: int, output: Path) -> list[str]:
    """The sweep as it is typed."""
    moved = [f"seed=range({jobs // 2})", "optimizer=adamw,sgd"]
    return [sys.executable, "train.py", "-m", *moved, *TINY, "trainer.max_epochs=3", f"output={output}"]


def start(jobs: int, output: Path) -> "subprocess.Popen[bytes]":
    """Start the sweep, its messages in a file."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MIEN_CACHE": str(output.parent / "cache")}
    with output.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(command(jobs, output), cwd=ROOT, env=environment, stdout=log, stderr=log)


def written(output: Path) -> dict[str, int]:
    """When each result was written, in ns."""
    return {file.parent.name: file.stat().st_mtime_ns for file in output.glob("*/results.json")}


def left_over(output: Path) -> list[int]:
    """Processes that still have to do with the sweep."""
    own = os.getpid()
    found = []
    for process in psutil.process_iter(["pid", "environ"]):
        cache = (process.info["environ"] or {}).get("MIEN_CACHE")
        if cache == str(output.parent / "cache") and process.info["pid"] != own:
            found.append(process.info["pid"])
    return found


def kill_and_repeat(jobs: int, kills: int, output: Path) -> dict[str, Any]:
    """The sweep under fire: what it took, and what was found at every kill."""
    chance, began = random.Random(0), time.perf_counter()
    finished: list[int] = []
    rewritten, orphans = set(), 0
    before: dict[str, int] = {}
    while True:
        sweep = start(jobs, output)
        try:
            code = sweep.wait(chance.uniform(*MOMENTS) if len(finished) < kills else None)
        except subprocess.TimeoutExpired:
            sweep.kill()
            sweep.wait()
            time.sleep(0.5)
            orphans += len(left_over(output))
            code = None
        now = written(output)
        rewritten |= {name for name, when in before.items() if now.get(name) != when}
        before = now
        if code is not None:
            break
        finished.append(len(now))
        print(f"kill {len(finished)}: {len(now)} of {jobs} finished", flush=True)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "exit_code": code,
        "finished_at_kills": finished,
        "results_written_twice": len(rewritten),
        "processes_left_half_a_second_after_kills": orphans,
    }


def outcome(folder: Path) -> tuple[Any, ...]:
    """What a job found: scores, the values of all epochs but their time, predictions."""
    result = read_json(folder / "results.json")
    epochs = pd.read_csv(folder / "metrics.csv").drop(columns="seconds")
    predictions = pd.read_parquet(folder / "predictions.parquet")
    return result["test"], result["selection"], epochs.to_csv(), predictions.to_csv()


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = command_parser(__doc__, "sweep_kills", rounds=1)
    parser.add_argument("--jobs", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--kills", type=int, default=20, help="default: %(default)s")
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        killed, whole = Path(place) / "killed", Path(place) / "whole"
        found = kill_and_repeat(options.jobs, options.kills, killed)
        began = time.perf_counter()
        code = start(options.jobs, whole).wait()
        found["seconds_uninterrupted"], found["exit_code_uninterrupted"] = time.perf_counter() - began, code
        done = sorted(written(killed))
        attempts = [read_json(killed / name / "job.json")["attempts"] for name in done]
        found |= {"jobs_finished": len(done), "jobs_started_more_than_once": sum(n > 1 for n in attempts)}
        found["starts"] = sum(attempts)
        found["different_results"] = [name for name in done if outcome(killed / name) != outcome(whole / name)]
        found["jobs_finished_uninterrupted"] = len(written(whole))
        time.sleep(0.5)
        found["left_over_at_the_end"] = len(left_over(killed))
    rows = [[name.replace("_", " "), str(value)] for name, value in found.items()]
    print_table(f"{options.jobs} jobs, killed {len(found['finished_at_kills'])} times", ["", ""], rows)
    write(options, found)


if __name__ == "__main__":
    main()
