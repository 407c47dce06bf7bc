"""How fast a data set is decoded, and opened again from the cache.

    python bench/decode.py [--data <folder> --dataset fer2013] [--images 3500] [--image-size 64]

    cold, workers=N  all images a run needs (train, validation, test), decoded by N workers at a time, into an empty
                     cache where there is one
    warm             the same opened from the cache
Seconds, contenders taking turns in one process; finding and checking the files is not in them. The files themselves
are in the operating system's cache, since every one of them was read before.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from adapter import LEAN, cache_override, composed
from common import (
    add_data_options,
    alternate,
    clock,
    command_parser,
    data_overrides,
    print_table,
    shown,
    spread,
    write,
)

from mien import pipeline
from mien.data.source import SourceData
from mien.detection import WholeImageDetector
from mien.models.factory import input_spec
from mien.opening import open_for_training

WORKERS = (1, 2)


def overrides_of(options: argparse.Namespace) -> list[str]:
    """The data set and the size of its images."""
    drawn = {"train": options.images, "validation": options.images // 5, "test": options.images * 2 // 5}
    data = data_overrides(options) or [f"dataset.drawn.{split}={count}" for split, count in drawn.items()]
    return [*data, *LEAN, f"backbone.image_size={options.image_size}"]


def decode(overrides: list[str], source: SourceData, workers: int, cache: Path) -> float:
    """Seconds to get all images of a run: the one place that calls the decoder."""
    config = composed([*overrides, f"dataset.workers={workers}", *cache_override(cache)])
    spec = input_spec(config.backbone)
    start = clock()
    pipeline._decode(config, source, spec, WholeImageDetector())
    return clock() - start


def cold(overrides: list[str], source: SourceData, workers: int) -> float:
    """Seconds with an empty cache."""
    with TemporaryDirectory() as folder:
        return decode(overrides, source, workers, Path(folder))


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = command_parser(__doc__, "decode", rounds=5)
    add_data_options(parser, "drawn_faces")
    parser.add_argument("--images", type=int, default=3500, help="drawn train images (default: %(default)s)")
    parser.add_argument("--image-size", type=int, default=64, help="side in pixels (default: %(default)s)")
    options = parser.parse_args()
    overrides = overrides_of(options)
    config = composed(overrides)
    source = open_for_training(config.dataset, config.protocol).source
    with TemporaryDirectory() as folder:
        contenders: dict[str, Callable[[], float]] = {
            f"cold, workers={count}": partial(cold, overrides, source, count) for count in WORKERS
        }
        decode(overrides, source, max(WORKERS), Path(folder))  # fills the cache, and the operating system's
        contenders["warm"] = partial(decode, overrides, source, 1, Path(folder))
        seconds = {name: spread(values) for name, values in alternate(contenders, options.rounds).items()}
    images = {str(split): len(part) for split, part in source.parts.items()}
    total = sum(images.values())
    rows = [[name, shown(value, 3), f"{total / value['median']:,.0f}"] for name, value in seconds.items()]
    title = f"Decoding {total:,} images of {source.name} to {options.image_size} px"
    print_table(title, ["", "seconds: median (min..max)", "images/s"], rows)
    write(options, {"data": source.name, "images": images, "seconds": seconds})


if __name__ == "__main__":
    main()
