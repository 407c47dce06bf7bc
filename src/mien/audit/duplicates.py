"""Images that stand in a data set more than once: byte for byte, or nearly.

Near-duplicates are found in two steps. A perceptual hash proposes pairs: all pairs whose 64 bits differ in ``near``
places or fewer, in which faces that merely look alike are among them. The likeness of the two thumbnails then decides.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mien.audit.images import SIDE, Images
from mien.data.chunks import progress

LIKENESS = 0.92
"""Least correlation of two thumbnails of the same photograph; how it was chosen: experiments/audit/README.md."""
FLAT = 2.0
"""Contrast below which an image is as good as constant; its hash means nothing, so it is no near-duplicate."""
_SHIFT = 3  # thumbnail pixels by which one of two crops may be off the other
_SCALES = (0.95, 1.05, 0.9, 1.1)  # of one of two crops beside the other
_HOPELESS = 0.6  # likeness at equal scale that no other scale mends
_CHUNK = 2**21  # pairs of hashes compared at a time
_PAIRS = 2**15  # pairs of thumbnails

Kind = Literal["exact", "near"]


@dataclass(frozen=True, eq=False)
class Pairs:
    """P pairs of near-duplicate contents (see :attr:`Images.contents`), each once, ``first < second``.

    Attributes:
        first: (P,) int64.
        second: (P,) int64.
        distance: (P,) int64, bits in which the perceptual hashes differ.
        likeness: (P,) float64, as :func:`likeness` tells.
        mirrored: (P,) bool, whether one is the other's mirror image.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    distance: NDArray[np.int64]
    likeness: NDArray[np.float64]
    mirrored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class Group:
    """Images of one content, or of contents that are connected by near-duplicate pairs.

    Attributes:
        kind: exact or near.
        members: Positions in :class:`Images`, two or more.
        splits: Of each member.
        labels: Of each member.
    """

    kind: Kind
    members: tuple[int, ...]
    splits: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def conflicting(self) -> bool:
        """Whether the members have several labels."""
        return len(set(self.labels)) > 1

    @property
    def across(self) -> bool:
        """Whether the members stand in several splits."""
        return len(set(self.splits)) > 1


def exact_groups(images: Images) -> list[Group]:
    """Images that are equal byte for byte; groups across splits first, and among these those of several labels."""
    return _groups(images, "exact", images.contents)


def near_groups(images: Images, pairs: Pairs) -> list[Group]:
    """Images connected by near-duplicate pairs, with their byte-identical copies; in the order of exact groups."""
    n = int(images.contents.max()) + 1
    links = coo_array((np.ones(len(pairs), bool), (pairs.first, pairs.second)), shape=(n, n))
    _, components = connected_components(links, directed=False)
    paired = np.isin(images.contents, np.concatenate([pairs.first, pairs.second]))
    return _groups(images, "near", np.where(paired, components[images.contents], -1))


def _groups(images: Images, kind: Kind, numbers: NDArray[np.int64]) -> list[Group]:
    """Images of equal number, where there are two or more; those of a negative one are left out."""
    found: dict[int, list[int]] = defaultdict(list)
    for index, number in enumerate(numbers.tolist()):
        if number >= 0:
            found[number].append(index)
    groups = [
        Group(kind, tuple(own), tuple(map(str, images.splits[own])), tuple(map(images.label, own)))
        for own in found.values()
        if len(own) > 1
    ]
    return sorted(groups, key=lambda group: (not group.across, not group.conflicting))


def near_pairs(images: Images, near: int) -> Pairs:
    """All pairs of different contents that show the same photograph, mirror images included.

    All hashes are compared with all others, some millions a time, which takes seconds for 36,000 images. Each pair that
    the hashes propose takes a quarter of a millisecond more: of thousands of frames of one film, long.

    Args:
        images: The images; flat ones are passed over.
        near: Bits in which two hashes may differ, 0..64.
    """
    _, first = np.unique(images.contents, return_index=True)  # one image of each content
    first = first[images.contrast[first] >= FLAT]
    hashes, step = images.hashes[first], max(1, _CHUNK // max(len(first), 1))
    blocks: list[NDArray[np.float64]] = [np.zeros((0, 5))]
    with progress(2 * len(first), "comparing images") as advance:
        for flip, others in enumerate((hashes, images.mirrored[first])):
            for start in range(0, len(first), step):
                distances = np.bitwise_count(hashes[start : start + step, None] ^ others[None, start:])
                rows, columns = np.nonzero(np.triu(distances <= near, 1))
                a, b = first[start + rows], first[start + columns]
                alike = _likeness_of(images.thumbs, a, b, mirrored=bool(flip))
                found = (images.contents[a], images.contents[b], distances[rows, columns], alike, np.full(len(a), flip))
                blocks.append(np.stack(found, axis=1)[alike >= LIKENESS])
                advance(min(step, len(first) - start))
    return _best(np.concatenate(blocks))


def _best(found: NDArray[np.float64]) -> Pairs:
    """Of a pair that was found both upright and mirrored, the more alike one; in the order of the contents."""
    found = found[np.lexsort((-found[:, 3], found[:, 1], found[:, 0]))]
    _, once = np.unique(found[:, :2], axis=0, return_index=True)
    first, second, distance, alike, flip = found[np.sort(once)].T
    return Pairs(first.astype(int), second.astype(int), distance.astype(int), alike, flip.astype(bool))


def _likeness_of(
    thumbs: NDArray[np.uint8], first: NDArray[np.int64], second: NDArray[np.int64], mirrored: bool
) -> NDArray[np.float64]:
    """:func:`likeness` of P pairs of thumbnails, the second ones mirrored or not; some at a time, to bound memory."""
    alike = np.zeros(len(first))
    for start in range(0, len(first), _PAIRS):
        some = slice(start, start + _PAIRS)
        others = thumbs[second[some]]
        alike[some] = likeness(thumbs[first[some]], others[:, :, ::-1] if mirrored else others)
    return alike


def likeness(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How alike thumbnails are, whatever their brightness and contrast: 1 for the same picture.

    The correlation of the inner 26 x 26 pixels of ``a`` with such a window of ``b``; the largest counts of those that
    are shifted by up to 3 pixels (a tenth of the side) and, where that is not enough, enlarged or reduced by 5 or 10 %.
    So a crop that is a little off is found, and another face of the same pose is not.

    Args:
        a: (P, 32, 32) uint8 gray thumbnails.
        b: (P, 32, 32) uint8 gray thumbnails.

    Returns:
        (P,) float64 in -1..1.
    """
    best = _shifted(a, b, 1.0)
    for scale in _SCALES:
        doubtful = np.flatnonzero((best > _HOPELESS) & (best < LIKENESS))
        best[doubtful] = np.maximum(best[doubtful], _shifted(a[doubtful], b[doubtful], scale))
    return best


def _shifted(a: NDArray[np.uint8], b: NDArray[np.uint8], scale: float) -> NDArray[np.float64]:
    """(P,) largest correlation of the inner pixels of ``a`` with the shifted windows of one scale of ``b``."""
    best = np.full(len(a), -1.0)
    windows = [_window(scale, shift) for shift in range(-_SHIFT, _SHIFT + 1)]
    for start in range(0, len(a), 4096):
        chunk = slice(start, start + 4096)
        inner = _unit(a[chunk, _SHIFT:-_SHIFT, _SHIFT:-_SHIFT].astype(np.float32))
        for down in windows:
            rows = down @ b[chunk].astype(np.float32)
            for right in windows:
                correlation = (inner * _unit(rows @ right.T)).sum(1)
                best[chunk] = np.maximum(best[chunk], correlation)
    return best


def _window(scale: float, shift: int) -> NDArray[np.float32]:
    """(26, 32) what picks a window's rows from a thumbnail, by linear interpolation; places outside are the edge's."""
    n = SIDE - 2 * _SHIFT
    places = (np.arange(n) - (n - 1) / 2) * scale + (SIDE - 1) / 2 + shift
    distances = np.abs(places.clip(0, SIDE - 1)[:, None] - np.arange(SIDE))
    weights: NDArray[np.float32] = np.maximum(1 - distances, 0).astype(np.float32)
    return weights


def _unit(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """(P, H, W) as vectors (P, H W) of mean 0 and length 1."""
    vectors = pictures.reshape(len(pictures), -1)
    centred = vectors - vectors.mean(1, keepdims=True)
    lengths = np.sqrt((centred**2).sum(1, keepdims=True))
    unit: NDArray[np.float32] = centred / np.maximum(lengths, np.float32(1e-6))
    return unit
