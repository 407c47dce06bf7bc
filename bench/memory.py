"""How much memory a run needs, and whether its cost grows with the data set alone. Linux only.

    python bench/memory.py [--sizes 1000,3000,10000] [--backbone small_cnn] [--epochs 2]

Each run is `python train.py` on so many drawn faces (a tenth more each for validation and test), in a process of its
own that is watched every 50 ms.
    peak     highest resident memory of the process, as the kernel counts it; `private` and `mapped` are its anonymous
             and its file-backed (or shared) part at the fullest sample; `workers` the private memory of decoding
             processes beside it, highest sample
    data     the decoded images, uint8
    model    parameters, gradients and AdamW's two states, fp32; batch norms' statistics are left out
    over     peak - data - model: Python, PyTorch and its libraries, activations
    us/image the last epoch's time over its training images; the validation images are seen in it too
"""

import argparse
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from adapter import cache_override
from common import ROOT, command_parser, print_table, shown, spread, write

from mien.files import read_json

INTERVAL = 0.05
LINEAR = 0.1
MEGABYTE = 1e6
KEYS = ("peak", "private", "mapped", "workers")


def watch(command: list[str], errors: Path) -> dict[str, int]:
    """Run a command and watch its memory; bytes.

    Raises:
        SystemExit: The command failed.
    """
    highest = dict.fromkeys((*KEYS, "fullest"), 0)
    with errors.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=file)
        while process.poll() is None:
            with suppress(psutil.Error, OSError, KeyError):  # it has just ended
                _sample(psutil.Process(process.pid), highest)
            time.sleep(INTERVAL)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[1:])} failed:\n{errors.read_text()}")
    return {key: highest[key] for key in KEYS}


def _sample(process: psutil.Process, highest: dict[str, int]) -> None:
    status = Path(f"/proc/{process.pid}/status").read_text()
    lines = dict(line.split(":", 1) for line in status.splitlines())
    highest["peak"] = max(highest["peak"], 1024 * int(lines["VmHWM"].split()[0]))
    memory = process.memory_info()
    if memory.rss > highest["fullest"]:
        highest |= {"fullest": memory.rss, "mapped": memory.shared, "private": memory.rss - memory.shared}
    beside = [child.memory_info() for child in process.children(recursive=True)]
    highest["workers"] = max(highest["workers"], sum(info.rss - info.shared for info in beside))


def run(size: int, options: argparse.Namespace) -> dict[str, float]:
    """One training of this size: bytes, and microseconds an image."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rest = size // 10
        data = [f"dataset.drawn.train={size}", f"dataset.drawn.validation={rest}", f"dataset.drawn.test={rest}"]
        lean = ["scenes=none", "logger=none", f"output={folder}/outputs", *cache_override(folder / "cache")]
        what = [f"backbone={options.backbone}", f"trainer.max_epochs={options.epochs}", *options.overrides]
        memory = watch([sys.executable, "train.py", *data, *lean, *what], folder / "errors.txt")
        return {**memory, **_facts(folder / "outputs", size + 2 * rest, size)}


def _facts(outputs: Path, images: int, train: int) -> dict[str, float]:
    """What the run folder tells: sizes in bytes, microseconds an image of the last epoch."""
    import csv

    file = next(outputs.rglob("results.json"))
    result, spec = read_json(file), read_json(file.parent / "bundle" / "model.json")["input"]
    with (file.parent / "metrics.csv").open(encoding="utf-8", newline="") as rows:
        seconds = float(list(csv.DictReader(rows))[-1]["seconds"])
    return {
        "data": images * spec["channels"] * spec["size"] ** 2,
        "model": 4 * (result["parameters"] + 3 * result["trainable_parameters"]),
        "us_an_image": 1e6 * seconds / train,
    }


def summary(runs: dict[int, list[dict[str, float]]]) -> dict[str, Any]:
    """Spreads of all sizes, and whether time grows with them alone."""
    sizes: dict[str, Any] = {}
    for size, rounds in runs.items():
        values = {key: spread([one[key] for one in rounds]) for key in (*KEYS, "us_an_image")}
        facts = {key: rounds[0][key] for key in ("data", "model")}
        over = spread([one["peak"] - one["data"] - one["model"] for one in rounds])
        sizes[str(size)] = {**facts, **values, "over": over}
    costs = [value["us_an_image"]["median"] for value in sizes.values()]
    deviation = max(costs) / min(costs) - 1
    return {"sizes": sizes, "cost_deviation": deviation, "linear_within_10_percent": deviation <= LINEAR}


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = command_parser(__doc__, "memory", rounds=3)
    parser.add_argument("--sizes", default="1000,3000,10000", help="drawn train images (default: %(default)s)")
    parser.add_argument("--backbone", default="small_cnn")
    parser.add_argument("--epochs", type=int, default=2, help="default: %(default)s; the last one is timed")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="further arguments of train.py")
    options = parser.parse_args()
    runs: dict[int, list[dict[str, float]]] = {int(size): [] for size in options.sizes.split(",")}
    for _ in range(options.rounds):
        for size, done in runs.items():
            done.append(run(size, options))
    result = summary(runs)
    columns = ["MB: median (min..max)", *(f"{size} images" for size in result["sizes"])]
    mega = partial(shown, digits=0, factor=1 / MEGABYTE)
    values = list(result["sizes"].values())
    rows = [[key, *(mega(value[key]) for value in values)] for key in (*KEYS, "over")]
    rows += [[key, *(f"{value[key] / MEGABYTE:,.1f}" for value in values)] for key in ("data", "model")]
    rows += [["us/image", *(shown(value["us_an_image"], 0) for value in values)]]
    print_table(f"Memory and cost of {options.backbone}", columns, rows)
    print(f"cost an image differs by {100 * result['cost_deviation']:.1f} % between the sizes")
    write(options, result)


if __name__ == "__main__":
    main()
