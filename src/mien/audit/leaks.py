"""Images of one split that stand in another, byte for byte or nearly."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mien.audit.duplicates import Pairs
from mien.audit.images import Images
from mien.audit.result import Leak, LeakCounts
from mien.types import SplitName

WAYS = (
    (SplitName.TEST, SplitName.TRAIN),
    (SplitName.VALIDATION, SplitName.TRAIN),
    (SplitName.TEST, SplitName.VALIDATION),
)
"""A split, and the one that must not hold its images."""

_Link = tuple[int, float, bool, int]
"""Distance, likeness with its sign changed (so that the most alike comes first), mirrored, and the other content."""


def find_leaks(images: Images, pairs: Pairs) -> tuple[Leak, ...]:
    """The images that stand in another split too, in the order of :data:`WAYS` and of the data set."""
    links: dict[int, list[_Link]] = defaultdict(list)
    columns = (pairs.first, pairs.second, pairs.distance, pairs.likeness, pairs.mirrored)
    for first, second, distance, alike, mirrored in zip(*(column.tolist() for column in columns), strict=True):
        links[first].append((distance, -alike, mirrored, second))
        links[second].append((distance, -alike, mirrored, first))
    return tuple(leak for split, into in WAYS for leak in _between(images, links, str(split), str(into)))


def _between(images: Images, links: dict[int, list[_Link]], split: str, into: str) -> Iterator[Leak]:
    copies: dict[int, list[int]] = defaultdict(list)
    for index in np.flatnonzero(images.splits == into).tolist():
        copies[int(images.contents[index])].append(index)
    for index in np.flatnonzero(images.splits == split).tolist():
        content = int(images.contents[index])
        exact = copies.get(content, [])
        nearest = min((link for link in links.get(content, []) if link[3] in copies), default=None)
        if exact or nearest:
            labels = tuple(sorted({images.label(copy) for copy in exact}))
            leak = Leak(split, into, images.key(index), images.label(index), tuple(map(images.key, exact)), labels)
            yield leak if nearest is None else _with_nearest(leak, images, nearest, copies[nearest[3]][0])


def _with_nearest(leak: Leak, images: Images, link: _Link, copy: int) -> Leak:
    distance, alike, mirrored, _ = link
    return replace(
        leak,
        near=images.key(copy),
        near_label=images.label(copy),
        distance=distance,
        likeness=round(-alike, 4),
        mirrored=mirrored,
    )


def count_leaks(leaked: tuple[Leak, ...], sizes: dict[str, int]) -> tuple[LeakCounts, ...]:
    """The counts of each of :data:`WAYS` whose two splits there are.

    Args:
        leaked: What :func:`find_leaks` found.
        sizes: Number of images of each split, unreadable ones among them.
    """
    counts = []
    for split, into in WAYS:
        if split in sizes and into in sizes:
            own = [leak for leak in leaked if (leak.split, leak.into) == (split, into)]
            exact = [leak.conflicting for leak in own if leak.exact]
            near = [leak.conflicting for leak in own if not leak.exact]
            numbers = len(exact), sum(exact), len(near), sum(near)
            counts.append(LeakCounts(str(split), str(into), sizes[split], *numbers))
    return tuple(counts)
