"""Cutting one part in two: stratified, seeded, and with byte-identical images on one side.

The cut depends on the images, their labels and the seed, not on the order in which a file system lists them.
"""

import logging
from collections import defaultdict

import numpy as np

from mien.data.source import Part, SourceData
from mien.errors import DataError
from mien.types import SplitName

logger = logging.getLogger(__name__)


def with_validation(source: SourceData, fraction: float, seed: int) -> SourceData:
    """The set with a validation part: its own, or one cut from train.

    Args:
        source: A data set.
        fraction: Share of train to cut off, between 0 and 1.
        seed: Seed of the cut.

    Raises:
        DataError: There is no train part to cut from, or nothing would be cut.
    """
    return _with_part(source, SplitName.VALIDATION, fraction, seed)


def with_test(source: SourceData, fraction: float, seed: int) -> SourceData:
    """The set with a test part: its own, or one cut from train. To be called before :func:`with_validation`.

    Args:
        source: A data set.
        fraction: Share of train to cut off, between 0 and 1.
        seed: Seed of the cut.

    Raises:
        DataError: There is no train part to cut from, or nothing would be cut.
    """
    return _with_part(source, SplitName.TEST, fraction, seed)


def takes_validation(selection: str, report: str) -> bool:
    """Whether a training with this selection and reported split keeps a validation part out of train."""
    return "validation" in (selection, report)


def parts_used(selection: str, report: str) -> list[SplitName]:
    """The parts that a training with this selection and reported split reads."""
    return [split for split in SplitName if split in ("train", selection, report)]


def cut(part: Part, fraction: float, seed: int) -> tuple[Part, Part]:
    """Cut a part in two.

    Of a class of n images round(fraction * n) are cut off, at least one and at most n - 1; fewer only where
    duplicates leave no choice, since images of equal bytes stay together even where their labels differ.

    Args:
        part: The part.
        fraction: Share to cut off, between 0 and 1.
        seed: Seed of the cut.

    Returns:
        The rest and the cut-off part, both in the order of ``part``.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"a fraction must lie between 0 and 1, got {fraction}")
    counts = np.bincount(part.labels)
    room = np.rint(fraction * counts).astype(np.int64).clip(1, np.maximum(counts - 1, 0))
    groups = _duplicates(part)
    chosen: list[int] = []
    for position in np.random.default_rng(seed).permutation(len(groups)):
        group = groups[position]
        needed = np.bincount(part.labels[group], minlength=len(counts))
        if (needed <= room).all():
            room = room - needed
            chosen += group
    taken = np.zeros(len(part), bool)
    taken[chosen] = True
    return part.take(np.flatnonzero(~taken)), part.take(np.flatnonzero(taken))


def _with_part(source: SourceData, name: SplitName, fraction: float, seed: int) -> SourceData:
    if name in source.parts:
        return source
    if SplitName.TRAIN not in source.parts:
        found = ", ".join(source.parts) or "nothing"
        raise DataError(f"data set {source.name}: no train part to cut {name} from; it has {found}")
    rest, cut_off = cut(source.parts[SplitName.TRAIN], fraction, seed)
    _check(cut_off, name, source, fraction)
    logger.info("%s: %d images cut from train as %s, %d left", source.name, len(cut_off), name, len(rest))
    return source.with_parts({**source.parts, SplitName.TRAIN: rest, name: cut_off})


def _check(part: Part, name: SplitName, source: SourceData, fraction: float) -> None:
    counts = np.bincount(part.labels, minlength=len(source.labels))
    if not counts.any():
        raise DataError(
            f"data set {source.name}: too few images to cut {name} from train (dataset.{name}_fraction={fraction})"
        )
    lacking = [label for label, count in zip(source.labels, counts, strict=True) if count == 0]
    if lacking:
        logger.warning("%s: too few images of %s to have any in %s", source.name, ", ".join(lacking), name)


def _duplicates(part: Part) -> list[list[int]]:
    """Positions of equal images, one list each, ordered by content."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for index, digest in enumerate(part.digests):
        groups[digest].append(index)
    return [groups[digest] for digest in sorted(groups)]
