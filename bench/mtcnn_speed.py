"""MTCNN beside facenet-pytorch's, on the same pictures in turns: milliseconds a picture.

    python bench/mtcnn_speed.py [--data <folder of class folders>] [--rounds 9]

Pictures: one face of 350 px; 15 and 60 faces on 1280x720 (drawn faces, or those of --data in a grid). On a GPU a batch
of 32 such frames of 15 faces too. ``mtcnn``, the package of that name, takes part where it is installed.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import PIL.Image
import torch
from common import add_data_options, alternate, clock, command_parser, print_table, ratio, shown, spread, write

from mien.config.schema import DatasetConfig
from mien.data.catalog import load_source
from mien.data.drawn import DrawnFaces
from mien.detection import MtcnnDetector
from mien.types import Image, SplitName

GRIDS = {"1 face, 350x350": (1, 1, 350), "15 faces, 1280x720": (5, 3, 230), "60 faces, 1280x720": (10, 6, 112)}
"""Columns, rows and side of a face's tile in pixels."""
BATCH = 32


def faces(options: argparse.Namespace, count: int) -> list[Image]:
    """Face images, all classes in turn."""
    if options.data is None:
        drawn = DrawnFaces(count, seed=0, size=200)
        return [drawn.read(index) for index in range(count)]
    source = load_source(DatasetConfig(options.dataset, root=str(options.data.absolute())))
    part = source.parts[SplitName.TEST]
    return [part.reader.read(int(index)) for index in np.linspace(0, len(part) - 1, count)]


def grid(pictures: Sequence[Image], columns: int, rows: int, side: int) -> Image:
    """The pictures on gray, in the middle of their cells."""
    width, height = (side, side) if columns == rows == 1 else (1280, 720)
    canvas = PIL.Image.new("RGB", (width, height), (127, 127, 127))
    for n, picture in enumerate(pictures):
        cell = (n % columns * width // columns, n // columns * height // rows)
        canvas.paste(PIL.Image.fromarray(picture).resize((side, side), PIL.Image.Resampling.BICUBIC), cell)
    return np.array(canvas)


def references(device: str) -> dict[str, Callable[[list[Image]], int]]:
    """The other implementations: from pictures to the number of faces found."""
    from facenet_pytorch import MTCNN

    reference = MTCNN(keep_all=True, device=torch.device(device))

    def facenet(pictures: list[Image]) -> int:
        boxes, _ = reference.detect(np.stack(pictures))
        return sum(len(found) for found in boxes if found is not None)

    contenders = {"facenet-pytorch": facenet}
    try:
        from mtcnn import MTCNN as PipMtcnn  # noqa: N811 - it has the same name
    except ImportError:
        return contenders
    package = PipMtcnn()
    return contenders | {"mtcnn": lambda pictures: sum(len(package.detect_faces(p)) for p in pictures)}


def seconds(detect: Callable[[list[Image]], int], pictures: list[Image], repeats: int) -> float:
    """Seconds a picture."""
    start = clock()
    for _ in range(repeats):
        detect(pictures)
    return (clock() - start) / (repeats * len(pictures))


def profile(detect: Callable[[list[Image]], int], pictures: list[Image], calls: int = 5) -> list[dict[str, Any]]:
    """The eight dearest operations of mien's detector by their own time, ms a picture."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities) as found:
        for _ in range(calls):
            detect(pictures)
    rows = sorted(found.key_averages(), key=lambda row: -row.self_cpu_time_total)[:8]
    per = 1000 * calls * len(pictures)
    return [{"operation": row.key, "ms": row.self_cpu_time_total / per, "calls": row.count / calls} for row in rows]


def mien(device: str) -> Callable[[list[Image]], int]:
    """Ours: from pictures to the number of faces found."""
    ours = MtcnnDetector(min_score=0, device=device)
    return lambda pictures: sum(map(len, ours.detect_many(pictures)))


def measure(name: str, pictures: list[Image], options: argparse.Namespace, device: str) -> dict[str, Any]:
    """All contenders on the same pictures."""
    contenders = {"mien": mien(device), **references(device)}
    found = {key: detect(pictures) for key, detect in contenders.items()}
    for detect in contenders.values():
        seconds(detect, pictures, options.repeats)
    runs = {key: partial(seconds, detect, pictures, options.repeats) for key, detect in contenders.items()}
    times = alternate(runs, options.rounds)
    return {
        "pictures": name,
        "faces_found": found,
        "ms_a_picture": {key: spread([1000 * value for value in values]) for key, values in times.items()},
        "times_faster_than": {key: ratio(times[key], times["mien"]) for key in times if key != "mien"},
    }


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = command_parser(__doc__, "mtcnn", rounds=9)
    add_data_options(parser, "drawn faces")
    parser.add_argument("--repeats", type=int, default=5, help="calls a round (default: %(default)s)")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    cases = {name: [grid(faces(options, c * r), c, r, side)] for name, (c, r, side) in GRIDS.items()}
    if device == "cuda":
        cases[f"{BATCH} frames of 15 faces, 1280x720"] = cases["15 faces, 1280x720"] * BATCH
    records = [measure(name, pictures, options, device) for name, pictures in cases.items()]
    for record, pictures in zip(records, cases.values(), strict=True):
        record["profile"] = profile(mien(device), pictures)  # at last: the profiler slows down what comes after it
    others = list(records[0]["times_faster_than"])
    rows = [
        [record["pictures"], *(str(record["faces_found"][key]) for key in ("mien", *others))]
        + [shown(record["ms_a_picture"][key]) for key in ("mien", *others)]
        + [shown(record["times_faster_than"][key], 2) for key in others]
        for record in records
    ]
    columns = ["", *(f"found, {key}" for key in ("mien", *others)), *(f"ms, {key}" for key in ("mien", *others))]
    print_table(f"MTCNN on {device}", [*columns, *(f"{key} / mien" for key in others)], rows)
    for record in records:
        operations = [[row["operation"], f"{row['ms']:.1f}", f"{row['calls']:.0f}"] for row in record["profile"]]
        print_table(f"{record['pictures']}: mien's own time", ["operation", "ms", "calls"], operations)
    write(options, {"device": device, "cases": records})


if __name__ == "__main__":
    main()
