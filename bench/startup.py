"""How long mien takes to start.

    python bench/startup.py [--data <folder> --dataset fer2013] [key=value ...]

    help         wall time of `python train.py --help`
    import       wall time of `python -c "import mien.pipeline"`: PyTorch, torchvision, Lightning and the rest
    first, cold  from the start of the process to the end of the first training step, nothing decoded yet
    first, warm  the same again with the images in the cache of decoded images; all runs share one cache folder
Every run trains anew in a temporary folder, without a logger; further ``key=value`` go to train.py. The files
themselves are in the operating system's cache in all runs but, perhaps, the first.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from adapter import cache_override
from common import ROOT, add_data_options, command_parser, data_overrides, print_table, shown, spread, write


def seconds(*arguments: str) -> float:
    """Wall time of ``python <arguments>``."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - start


def first_step_seconds(overrides: Sequence[str]) -> float:
    """From the start of ``python train.py <overrides>`` to the end of its first step.

    Raises:
        SystemExit: It ended before.
    """
    with TemporaryDirectory() as folder:
        note = Path(folder) / "first_step"
        command = [sys.executable, "bench/first_step.py", str(note), *overrides, f"output={folder}/outputs"]
        start = time.time()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if not note.is_file():
            raise SystemExit(f"train.py took no step:\n{done.stdout}{done.stderr}")
        return float(note.read_text()) - start


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = command_parser(__doc__, "startup", rounds=5)
    add_data_options(parser, "drawn_faces, as by default")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="further arguments of train.py")
    options = parser.parse_args()
    asked = [*data_overrides(options), "logger=none", *options.overrides]
    helped = spread([seconds("train.py", "--help") for _ in range(options.rounds)])
    imported = spread([seconds("-c", "import mien.pipeline") for _ in range(options.rounds)])
    with TemporaryDirectory() as cache:
        overrides = [*asked, *cache_override(Path(cache))]
        cold = spread([first_step_seconds(overrides)])
        warm = spread([first_step_seconds(overrides) for _ in range(options.rounds)])
    found = {"help": helped, "import": imported, "first_step_cold": cold, "first_step_warm": warm}
    rows = [[name.replace("_", " "), shown(value, 2)] for name, value in found.items()]
    print_table("Start", ["", "seconds: median (min..max)"], rows)
    source = options.dataset if options.data else "drawn_faces"
    write(options, {"data": source, "seconds": found})


if __name__ == "__main__":
    main()
