"""Mistakes in a ``published.yaml`` that its types do not show; each as a sentence that begins with the key."""

import math
import re
from collections.abc import Iterator

from mien.errors import nearest
from mien.reproduction.measures import CURVE_COLUMNS, measure_problem
from mien.reproduction.schema import Part, Quantity, Study

NUMBER = re.compile(r"-?\d+(\.\d+)?")
BETTER = ("higher", "lower", "neither")
UNITS = ("%", "")
SPLITS = ("train", "validation", "test")


def problems_of(study: Study) -> Iterator[str]:
    """Everything that is wrong with a study."""
    if not study.parts:
        yield "parts: there is none"
    for name, part in study.parts.items():
        where = f"parts.{name}"
        if not re.fullmatch(r"[\w.-]+", name):
            yield f"{where}: the name becomes a folder: expected letters, digits, '_', '-' or '.'"
        yield from _recipe(part, where)
        yield from _curves(part, where)
        if not part.quantities:
            yield f"{where}.quantities: there is none"
        for number, quantity in enumerate(part.quantities, 1):
            yield from _numbers(quantity, place := f"{where}.quantities[{number}] ({quantity.name})")
            yield from _measure(quantity, place)


def _recipe(part: Part, where: str) -> Iterator[str]:
    if part.preset is None and not part.overrides:
        yield f"{where}: expected a preset, overrides, or both"
    if not part.seeds or len(set(part.seeds)) < len(part.seeds) or min(part.seeds) < 0:
        yield f"{where}.seeds: expected whole numbers >= 0, each once, got {list(part.seeds)}"
    for split, count in part.counts.items():
        if split not in SPLITS:
            yield f"{where}.counts.{split}: unknown split; {nearest(split, SPLITS)}"
        if count < 1:
            yield f"{where}.counts.{split}: expected a whole number > 0, got {count}"
    for override in part.overrides:
        if "=" not in override:
            yield f"{where}.overrides: expected key=value, got {override!r}"


def _numbers(quantity: Quantity, where: str) -> Iterator[str]:
    for key, value in (("printed", quantity.printed), ("goal", quantity.goal)):
        if value is not None and not NUMBER.fullmatch(value):
            yield f"{where}.{key}: expected a number as printed, such as '98.530', got {value!r}"
    if quantity.unit not in UNITS:
        yield f"{where}.unit: expected '%' or nothing, got {quantity.unit!r}"
    if not 0 < quantity.scale < math.inf:  # nan is neither
        yield f"{where}.scale: expected a number above 0, got {quantity.scale:g}"


def _measure(quantity: Quantity, where: str) -> Iterator[str]:
    if quantity.better not in BETTER:
        yield f"{where}.better: got {quantity.better!r}; {nearest(quantity.better, BETTER)}"
    if quantity.goal is not None and quantity.better == "neither":
        yield f"{where}.better: a goal needs higher or lower"
    if quantity.measure is None and not quantity.why:
        yield f"{where}.why: measure is null, so say why it cannot be measured"
    if quantity.measure is not None and (problem := measure_problem(quantity.measure)):
        yield f"{where}.measure: {problem}"


def _curves(part: Part, where: str) -> Iterator[str]:
    for column, values in part.curves.items():
        if column not in CURVE_COLUMNS:
            yield f"{where}.curves.{column}: unknown column; {nearest(column, CURVE_COLUMNS)}"
        for epoch, value in enumerate(values, 1):
            if not NUMBER.fullmatch(value):
                yield f"{where}.curves.{column}[{epoch}]: expected a number as printed, got {value!r}"
