"""Models against each other class by class."""

from dataclasses import dataclass

from mien.comparison.compare import Tested
from mien.comparison.paired import percentile_interval
from mien.comparison.trainings import Interval


@dataclass(frozen=True)
class ClassDifference:
    """The recall of one class, a model's minus that of the model all are held against, with its bootstrap interval."""

    label: str
    support: int
    recall: float | None
    difference: float | None
    interval: Interval | None


def class_differences(tested: Tested, m: int) -> list[ClassDifference]:
    """Of every class how the recall of the model ``m`` differs from the base's.

    ``None`` without a sample, and for the base itself. The 95 % intervals are of one class and model each, not
    adjusted for their number.
    """
    scores, drawn = tested.scores, tested.scored.resampled.recall
    rows = []
    for k, (label, support) in enumerate(zip(tested.images.classes, tested.support, strict=True)):
        own, other = scores[m].recall[k], scores[tested.base].recall[k]
        if own is None or other is None or m == tested.base:
            rows.append(ClassDifference(label, support, own, None, None))
            continue
        bounds = percentile_interval(drawn[:, m, k] - drawn[:, tested.base, k])
        rows.append(ClassDifference(label, support, own, own - other, bounds))
    return rows
