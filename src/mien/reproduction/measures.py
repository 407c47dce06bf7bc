"""Where a run has a number: paths such as ``test.accuracy``, ``test.recall.fear`` or ``history.train_loss.last``.

A measured value comes with the number of images that it is a share of, where it is one: intervals need it.
"""

import re
from dataclasses import dataclass

from mien.errors import nearest
from mien.labels import COLOURS, canonical

CURVE_COLUMNS = tuple(
    f"{split}_{score}" for split in ("train", "val", "report") for score in ("accuracy", "loss", "macro_recall")
)
"""The columns of ``metrics.csv`` that a study may speak of; ``report_*`` are there with ``protocol.report_curve``."""
AT_BEST = "at_best_"
"""Before a column: at the epoch where that one is best."""

_FIXED = {
    "test": ("accuracy", "macro_recall", "macro_f1", "ece", "loss"),
    "test.leak_free": ("accuracy", "macro_recall"),
    "test.copy_free": ("accuracy", "macro_recall"),
    "end_to_end": ("accuracy", "detection_recall", "accuracy_given_detection"),
    "selection": ("value",),
    "seconds": ("fit",),
}
_EXAMPLES = (
    "test.recall.<class>",
    *(f"history.<column>.{which}" for which in ("last", "best", "<epoch>", f"{AT_BEST}<column>")),
)
_SHARES = re.compile(r"(accuracy|recall|f1|ece|detection)$|^selection\.value$|^test\.recall\.")


@dataclass(frozen=True)
class Measured:
    """A measured value.

    Attributes:
        value: As the run has it: a share is a fraction.
        n: Of how many images it is a share; ``None`` where it is none (losses, means over classes).
    """

    value: float
    n: int | None = None


def measure_problem(path: str) -> str | None:
    """What is wrong with a path; ``None`` where nothing is."""
    start, _, last = path.rpartition(".")
    if last in _FIXED.get(start, ()):
        return None
    if start == "test.recall":
        return None if canonical(last) in COLOURS else f"unknown class {last!r}; {nearest(last, COLOURS)}"
    if start.startswith("history."):
        return _history_problem(start.removeprefix("history."), last)
    known = [f"{prefix}.{name}" for prefix, names in _FIXED.items() for name in names]
    return f"unknown measure {path!r}; {nearest(path, [*known, *_EXAMPLES])}"


def _history_problem(column: str, which: str) -> str | None:
    if column not in CURVE_COLUMNS:
        return f"unknown column {column!r}; {nearest(column, CURVE_COLUMNS)}"
    if which in ("last", "best") or (which.isdecimal() and int(which) > 0):
        return None
    if which.startswith(AT_BEST):
        other = which.removeprefix(AT_BEST)
        return None if other in CURVE_COLUMNS else f"unknown column {other!r}; {nearest(other, CURVE_COLUMNS)}"
    return f"expected history.{column}.last, .best, .{AT_BEST}<column> or an epoch from 1 on, got {which!r}"


def is_share(path: str) -> bool:
    """Whether what a path leads to is a fraction in 0..1; ``selection.value`` is taken for one (it may be a loss).

    Examples:
        >>> [is_share(path) for path in ("test.macro_recall", "history.val_accuracy.best", "test.loss", "seconds.fit")]
        [True, True, False, False]
        >>> is_share("history.val_loss.at_best_report_accuracy")
        False
    """
    if path.startswith("history."):
        return not path.split(".")[1].endswith("_loss")  # whatever column chooses the epoch
    return _SHARES.search(path) is not None
