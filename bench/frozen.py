"""Study A's frozen networks, all 100 epochs: mien on cached features against the plain loop.

    python bench/frozen.py [--backbones vgg19,resnet50] [--views 8] [--epochs 100] --data <micro_expressions folder>

mien is measured whole, from the start of ``train.py`` with an empty cache to its end: decoding, the backbone over all
views, 100 epochs of the head, the test. The plain loop (the faster of 0 and 2 workers) is timed over two epochs, which
are extrapolated. Both see random weights, on which speed does not depend.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from adapter import composed, random_weights
from common import ROOT, add_data_options, command_parser, data_overrides, print_table, write
from plain_loop import PlainLoop, PlainProcess

from mien.files import read_json


def mien_seconds(backbone: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Wall time of a whole run, and what it says of its training."""
    experiment = [f"+experiment=fecnn/{backbone}", *data_overrides(options)]
    experiment += random_weights(composed(experiment), folder)
    experiment += [f"backbone.cache_features.views={options.views}", f"trainer.max_epochs={options.epochs}"]
    experiment += ["logger=none", "scenes=none", f"dataset.cache={folder / 'cache'}", f"output={folder / 'outputs'}"]
    start = time.perf_counter()
    subprocess.run([sys.executable, "train.py", *experiment], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    (run,) = (folder / "outputs").glob("*/results.json")
    result = read_json(run)
    precision = read_json(run.parent / "environment.json")["precision"]
    return {"seconds": seconds, "seconds_of_training": result["seconds"]["fit"], "precision": precision}


def plain_seconds(backbone: str, folder: Path, images: int, epochs: int) -> dict[str, Any]:
    """Time of two epochs of the plain loop over a class folder, and of all epochs of ``images`` extrapolated."""
    speeds = {}
    for workers in (0, 2):
        process = PlainProcess(backbone, folder, 32, workers)
        speeds[workers] = process.images_per_second(steps=20, warmup=5)
        process.close()
    workers = max(speeds, key=lambda key: speeds[key])
    loop = PlainLoop.of(backbone, folder, 32, workers)
    rows = loop.train_epochs(2)
    rate = 2 * len(loop.loader.dataset) / sum(row["seconds"] for row in rows)  # type: ignore[arg-type]
    return {"workers": workers, "epochs": rows, "images_per_second": rate, "seconds": epochs * images / rate}


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = command_parser(__doc__, "frozen", rounds=1)
    add_data_options(parser, "none: the presets are study A's on micro_expressions")
    parser.add_argument("--backbones", default="vgg19,resnet50")
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--images", type=int, default=6938, help="training images of an epoch of mien's run")
    options = parser.parse_args()
    if options.data is None:
        parser.error("--data: study A's presets need the micro_expressions folder")
    torch.manual_seed(0)
    record, rows = {}, []
    for backbone in options.backbones.split(","):
        with TemporaryDirectory() as temporary:
            ours = mien_seconds(backbone, options, Path(temporary))
        plain = plain_seconds(backbone, options.data / "train", options.images, options.epochs)
        times = plain["seconds"] / ours["seconds"]
        record[backbone] = {"mien": ours, "plain": plain, "ratio": times}
        rows.append([backbone, f"{ours['seconds']:,.0f} s", f"{plain['seconds']:,.0f} s", f"{times:.1f}"])
    title = f"{options.epochs} epochs, {options.views} views"
    print_table(title, ["", "mien, whole", "plain loop, extrapolated", "plain / mien"], rows)
    write(options, {"backbones": record})


if __name__ == "__main__":
    main()
