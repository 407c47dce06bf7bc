"""How fast a batch is augmented: mien beside kornia (batched) and torchvision's transforms v2 (image by image).

    python bench/augment.py [--side 64] [--rounds 11] [--batches 20] [--threads 1] [--output outputs/bench/augment.json]

All three rotate, zoom, shift, mirror, change brightness and contrast, take colour away and erase a rectangle, with
the ranges of ``augment=strong`` and random numbers of their own for every image. Two more rows are mien's alone: what
``augment=detector_boxes`` costs, and, of it, blur, low resolution and JPEG. Batches are (64, 3, side, side) floats,
on the CPU and on the GPU if there is one. The methods take turns in one process; a round times ``--batches`` batches
of each. Reported are the median over the rounds and, in brackets, the fastest and the slowest; "times mien's" is the
median of the rounds' own ratios. torchvision and kornia resample one after another what mien resamples at once, and
torchvision fills with black where the others repeat the edge.
"""

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import kornia.augmentation as kornia
import torch
from common import shown, spread
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

from mien.augment import Augment
from mien.config.schema import AugmentConfig
from mien.environment import describe
from mien.files import write_json

BATCH = 64
STRONG = AugmentConfig(
    rotate=15, scale=0.15, shift=0.1, flip=0.5, brightness=0.2, contrast=0.2, gray=0.2, erase=0.25
)  # as conf/augment/strong.yaml
PHOTO = AugmentConfig(blur=0.2, low_resolution=0.3, jpeg=0.3)
BOXES = replace(
    PHOTO, rotate=15, scale=0.15, shift=0.1, flip=0.5, brightness=0.2, contrast=0.3, gray=0.4, erase=0.1
)  # as conf/augment/detector_boxes.yaml
SHIFT, ZOOM = (STRONG.shift, STRONG.shift), (1 - STRONG.scale, 1 + STRONG.scale)
AREA, ASPECT = (0.02, 0.2), (1 / math.e, math.e)  # of erased rectangles, as in mien.augment

Method = Callable[[Tensor], Tensor]


def by_mien(config: AugmentConfig = STRONG) -> Method:
    """Every change for the whole batch at once, or for those of its images that it hits."""
    generator = torch.Generator().manual_seed(0)
    return lambda images: Augment(config, images.shape[-1])(images, generator)


def by_kornia() -> Method:
    """Five modules, each for the whole batch; plain ``nn.Sequential``, as kornia's container only adds work."""
    return torch.nn.Sequential(
        kornia.RandomAffine(STRONG.rotate, SHIFT, ZOOM, padding_mode="border", p=1.0),
        kornia.RandomHorizontalFlip(p=STRONG.flip),
        kornia.ColorJitter(STRONG.brightness, STRONG.contrast),
        kornia.RandomGrayscale(p=STRONG.gray),
        kornia.RandomErasing(AREA, ASPECT, value=0.5, p=STRONG.erase),
    )


def by_torchvision() -> Method:
    """Five transforms for one image after the other, on the device of the batch."""
    transform = v2.Compose(
        [
            v2.RandomAffine(STRONG.rotate, SHIFT, ZOOM, interpolation=InterpolationMode.BILINEAR),
            v2.RandomHorizontalFlip(STRONG.flip),
            v2.ColorJitter(STRONG.brightness, STRONG.contrast),
            v2.RandomGrayscale(STRONG.gray),
            v2.RandomErasing(STRONG.erase, AREA, ASPECT, value=0.5),
        ]
    )
    return lambda images: torch.stack([transform(image) for image in images])


METHODS: dict[str, Callable[[], Method]] = {
    "mien": by_mien,
    "kornia": by_kornia,
    "torchvision v2, per image": by_torchvision,
    "mien, detector_boxes": partial(by_mien, BOXES),
    "mien, its blur, low resolution and JPEG": partial(by_mien, PHOTO),
}


def seconds(method: Method, images: Tensor, batches: int) -> float:
    """Seconds a batch."""
    start = time.perf_counter()
    for _ in range(batches):
        method(images)
    if images.is_cuda:
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / batches


@torch.no_grad()
def measure(device: str, side: int, rounds: int, batches: int) -> list[dict[str, Any]]:
    """One row a method: milliseconds a batch, images a second, and time as a multiple of mien's."""
    torch.manual_seed(0)
    images = torch.rand(BATCH, 3, side, side).to(device)
    methods = {name: build() for name, build in METHODS.items()}
    for method in methods.values():
        seconds(method, images, 2)  # warm up
    times: dict[str, list[float]] = {name: [] for name in methods}
    for number in range(rounds):
        for name in list(methods)[:: 1 if number % 2 else -1]:
            times[name].append(seconds(methods[name], images, batches))
    return [
        {
            "device": device,
            "method": name,
            "milliseconds": spread([1000 * t for t in taken]),
            "images_per_second": spread([BATCH / t for t in taken]),
            "times_miens": spread([t / own for t, own in zip(taken, times["mien"], strict=True)]),
        }
        for name, taken in times.items()
    ]


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=64, help="of the images, in pixels")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--batches", type=int, default=20, help="batches of each method a round")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of PyTorch on the CPU")
    parser.add_argument("--output", type=Path, default=Path("outputs/bench/augment.json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    rows = [row for device in devices for row in measure(device, options.side, options.rounds, options.batches)]
    shape = (BATCH, 3, options.side, options.side)
    title = f"Augmenting a batch {shape}, CPU threads: {options.threads}"
    table = Table("device", "method", "ms a batch", "images/s", "times mien's", title=title)
    for row in rows:
        figures = shown(row["milliseconds"], 2), shown(row["images_per_second"], 0), shown(row["times_miens"], 2)
        table.add_row(row["device"], row["method"], *figures)
    console = Console()
    console.print(table)
    record = {"shape": shape, "threads": options.threads, "rounds": options.rounds, "batches": options.batches}
    environment = describe("python bench/augment.py", seed=0)
    write_json(options.output, {**record, "kornia": version("kornia"), "rows": rows, "environment": environment})
    console.print(f"written to {options.output}")


if __name__ == "__main__":
    main()
