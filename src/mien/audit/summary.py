"""From what was found, image by image, to the typed result."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.audit.duplicates import LIKENESS, Group, Pairs
from mien.audit.images import Images, all_parts
from mien.audit.label_errors import ENOUGH, Suspect
from mien.audit.leaks import count_leaks, find_leaks
from mien.audit.out_of_fold import OutOfFold
from mien.audit.outliers import Outlier
from mien.audit.result import Agreement, AuditResult, DuplicateCounts, LabelErrors, Leak, PartFacts, Unreadable
from mien.config.audit import AuditConfig
from mien.config.schema import DatasetConfig
from mien.data.source import SourceData
from mien.data.split import cut
from mien.metrics.intervals import wilson_interval
from mien.types import SplitName


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found, image by image.

    Attributes:
        images: The images.
        pairs: Near-duplicates, two by two.
        exact: Groups of byte-identical images.
        near: Groups of near-duplicates.
        clean: Positions of the images that are left when nothing leaks, as :func:`mien.audit.tables.without_leaks`.
        outliers: Images unlike the rest.
        said: What models say of images that they were not trained on; ``None`` where no predictions were given.
        suspects: Likely label errors, by their position in ``images``.
    """

    images: Images
    pairs: Pairs
    exact: list[Group]
    near: list[Group]
    clean: NDArray[np.int64] | None
    outliers: list[Outlier]
    said: OutOfFold | None
    suspects: list[Suspect]


def summarise(
    config: AuditConfig, command: str, found: Findings, unreadable: Sequence[Unreadable], cut_off: Sequence[str]
) -> AuditResult:
    """The result of an audit.

    Args:
        config: What was asked for.
        command: The command line.
        found: What was found.
        unreadable: Images that cannot be read.
        cut_off: Splits that the data set does not have.
    """
    images, source = found.images, found.images.source
    sizes = {str(split): len(part) for split, part in source.parts.items()}
    leaked = find_leaks(images, found.pairs)
    return AuditResult(
        dataset={"name": source.name, "version": source.version},
        labels=tuple(source.labels),
        fingerprints=_fingerprints(source, config.dataset),
        command=command,
        near=config.near,
        likeness=LIKENESS,
        cut=tuple(cut_off),
        parts=_parts(images, unreadable),
        unreadable=tuple(unreadable),
        duplicates=(_count("exact", found.exact, sizes), _count("near", found.near, sizes)),
        leaks=count_leaks(leaked, sizes),
        leaked=leaked,
        outliers=dict(Counter(outlier.reason for outlier in found.outliers)),
        label_errors=_label_errors(found, leaked),
        clean=None if found.clean is None else dict(Counter(images.splits[found.clean].tolist())),
    )


def _fingerprints(source: SourceData, config: DatasetConfig) -> tuple[str, ...]:
    """Those under which runs know the data: as it is, and with a validation part cut off where it has none."""
    if SplitName.VALIDATION in source.parts or SplitName.TRAIN not in source.parts:
        return (source.spec().fingerprint,)
    rest, part = cut(source.parts[SplitName.TRAIN], config.validation_fraction, config.split_seed)
    with_validation = source.with_parts({**source.parts, SplitName.TRAIN: rest, SplitName.VALIDATION: part})
    return source.spec().fingerprint, with_validation.spec().fingerprint


def _parts(images: Images, unreadable: Sequence[Unreadable]) -> tuple[PartFacts, ...]:
    facts = []
    for split, part in all_parts(images.source):
        counts = np.bincount(part.labels, minlength=len(images.source.labels)).tolist()
        bad = sum(one.split == split for one in unreadable)
        gray = int((~images.coloured[images.splits == str(split)]).sum())
        imbalance = max(counts) / min(counts) if min(counts) else None
        facts.append(PartFacts(str(split), len(part), bad, gray, tuple(counts), imbalance))
    return tuple(facts)


def _count(kind: str, groups: Sequence[Group], splits: Iterable[str]) -> DuplicateCounts:
    within = {split: sum(max(group.splits.count(split) - 1, 0) for group in groups) for split in splits}
    return DuplicateCounts(
        kind,
        groups=len(groups),
        images=sum(len(group.members) for group in groups),
        across=sum(group.across for group in groups),
        conflicting=sum(group.conflicting for group in groups),
        within=within,
    )


def _label_errors(found: Findings, leaked: Sequence[Leak]) -> LabelErrors | None:
    said, images = found.said, found.images
    if said is None:
        return None
    rows, probabilities = said.of(images.places)
    labels = images.labels[rows]
    right = probabilities.argmax(1) == labels
    counts = np.bincount(labels, minlength=len(images.source.labels))
    return LabelErrors(
        covered=len(rows),
        images=len(images),
        agreement=float(right.mean()),
        suspects=len(found.suspects),
        folders=said.folders,
        in_train=said.in_train,
        skipped=said.skipped,
        rare=tuple(name for name, count in zip(images.source.labels, counts, strict=True) if count < ENOUGH),
        by_copy=_by_copy(images, leaked, rows, right),
    )


def _by_copy(
    images: Images, leaked: Sequence[Leak], rows: NDArray[np.int64], right: NDArray[np.bool_]
) -> tuple[Agreement, ...]:
    """The models' accuracy on images of validation and test with and without a copy in train."""
    copies = {leak.key: "exact" if leak.exact else "near" for leak in leaked if leak.into == SplitName.TRAIN}
    outcomes: dict[str, list[bool]] = {"none": [], "near": [], "exact": []}
    for row, hit in zip(rows.tolist(), right.tolist(), strict=True):
        if images.splits[row] != SplitName.TRAIN:
            outcomes[copies.get(images.key(row), "none")].append(hit)
    return tuple(
        Agreement(copy, len(hits), sum(hits) / len(hits), wilson_interval(sum(hits), len(hits)))
        for copy, hits in outcomes.items()
        if hits
    )
