"""What the benchmarks share: rounds that alternate, medians with their spread, tables, the JSON, drawn data."""

import argparse
import os
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from mien.environment import describe
from mien.files import write_json

ROOT = Path(__file__).resolve().parents[1]
"""The checkout: commands are run there."""

Spread = dict[str, Any]
"""``median``, ``min``, ``max`` and the ``rounds`` they are of."""

MISSING = "not measured"
WIDTH = 120
"""Columns of a table that goes to a file or a pipe."""


def clock() -> float:
    """Seconds on a clock that waits for the GPU, where there is one."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def alternate(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Let every contender run once a round, another one first each time, so that slow minutes hit all alike.

    Every value is told on stderr as it comes, so that a measurement that is cut short has said something.
    """
    console = Console(stderr=True)
    values: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            values[name].append(contenders[name]())
            console.print(f"round {number + 1} of {rounds}, {name}: {values[name][-1]:.4g}", highlight=False)
    return values


def spread(values: Sequence[float]) -> Spread:
    """Median, smallest and largest value of the rounds, and all of them."""
    return {"median": median(values), "min": min(values), "max": max(values), "rounds": list(values)}


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Spread of the ratios, taken round by round."""
    return spread([a / b for a, b in zip(above, below, strict=True)])


def shown(value: Spread | None, digits: int = 1, factor: float = 1.0) -> str:
    """``median (min..max)`` for a table."""
    if value is None:
        return MISSING
    low, middle, high = (f"{value[key] * factor:,.{digits}f}" for key in ("min", "median", "max"))
    return f"{middle} ({low}..{high})"


def command_parser(doc: str | None, name: str, rounds: int) -> argparse.ArgumentParser:
    """A parser with the options that every command has."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help="runs of every contender (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path(f"outputs/bench/{name}.json"), help="default: %(default)s")
    return parser


def add_data_options(parser: argparse.ArgumentParser, default: str) -> None:
    """``--data`` and ``--dataset``; without them ``default`` is measured."""
    parser.add_argument("--data", type=Path, help=f"folder of a data set (default: {default})")
    parser.add_argument("--dataset", default="micro_expressions", help="what --data holds (default: %(default)s)")


def data_overrides(options: argparse.Namespace) -> list[str]:
    """Hydra overrides of the data set asked for, none where drawn faces are to do."""
    if options.data is None:
        return []
    return [f"dataset={options.dataset}", f"dataset.root={options.data.absolute()}"]


def draw_folder(folder: Path, train: int, test: int = 70, size: int = 80) -> Path:
    """Draw faces into class folders of JPEGs, as the published data sets lie on disk: ``<split>/<class>/<n>.jpg``."""
    import PIL.Image

    from mien.data.drawn import DrawnFaces
    from mien.labels import EXPRESSIONS

    for seed, (split, count) in enumerate({"train": train, "test": test}.items()):
        faces = DrawnFaces(count, seed, size)
        for name in EXPRESSIONS:
            (folder / split / name).mkdir(parents=True)
        for index, label in enumerate(faces.labels):
            picture = PIL.Image.fromarray(faces.read(index))
            picture.save(folder / split / EXPRESSIONS.names[label] / f"{index}.jpg", quality=90)
    return folder


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table whose first column holds names."""
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    console = Console()
    (console if console.is_terminal else Console(width=WIDTH)).print(table)


def write(options: argparse.Namespace, record: Mapping[str, Any]) -> None:
    """Write the JSON: what was measured, with which options, on which commit and hardware, under which load."""
    environment = describe(_command(), seed=0) | {"threads": _threads(), "load_at_end": list(os.getloadavg())}
    asked = {key: value for key, value in vars(options).items() if key not in ("data", "output", "overrides")}
    write_json(options.output, {**record, "options": asked, "environment": environment})
    Console().print(f"written to {options.output}")


def _command() -> str:
    """The command as typed, without the folders of this machine."""
    words = [f"bench/{Path(sys.argv[0]).name}"]
    for word in sys.argv[1:]:
        key, is_pair, value = word.rpartition("=")
        words.append(f"{key}{is_pair}<{Path(value).name}>" if Path(value).is_absolute() else shlex.quote(word))
    return " ".join(["python", *words])


def _threads() -> int:
    import torch

    return torch.get_num_threads()
