"""The lists of an audit as CSV files: keys and facts, no images."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mien.audit.duplicates import Group, Pairs
from mien.audit.images import Images
from mien.audit.label_errors import Suspect
from mien.audit.outliers import Outlier
from mien.audit.result import Leak
from mien.data.decode import whole
from mien.data.readers import FileReader
from mien.files import atomic_path

DUPLICATES, LEAKED, OUTLIERS, LABEL_ERRORS = "duplicates.csv", "leaked.csv", "outliers.csv", "label_errors.csv"
CLEAN = "clean.csv"
NAMES = (DUPLICATES, LEAKED, OUTLIERS, LABEL_ERRORS, CLEAN)


def write_table(frame: pd.DataFrame, path: Path) -> Path:
    """Write a table as CSV, atomically."""
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.4g")
    return path


def duplicates_table(images: Images, groups: Sequence[Group], pairs: Pairs) -> pd.DataFrame:
    """One row an image and group: ``kind, group, conflicting, split, key, label, distance``.

    Groups of each kind are numbered from 1, as on the contact sheets.

    ``distance`` is that of the nearest other content of the group, in bits of the perceptual hash; 0 for exact ones.
    """
    nearest = np.full(int(images.contents.max()) + 1, 64)
    for ends in (pairs.first, pairs.second):
        np.minimum.at(nearest, ends, pairs.distance)
    rows, numbers = [], Counter[str]()
    for group in groups:
        numbers[group.kind] += 1
        for member, split, label in zip(group.members, group.splits, group.labels, strict=True):
            distance = 0 if group.kind == "exact" else int(nearest[images.contents[member]])
            facts = group.kind, numbers[group.kind], group.conflicting
            rows.append((*facts, split, images.key(member), label, distance))
    return pd.DataFrame(rows, columns=["kind", "group", "conflicting", "split", "key", "label", "distance"])


def leaked_table(leaked: Sequence[Leak]) -> pd.DataFrame:
    """One row an image that stands in another split: its byte-identical copies there, and its nearest other copy."""
    columns = ["split", "key", "label", "also_in", "exact_copies", "exact_labels"]
    columns += ["near_copy", "near_label", "distance", "likeness", "mirrored"]
    rows = []
    for one in leaked:
        exact = one.label, one.into, " | ".join(one.exact), " | ".join(one.exact_labels)
        rows.append((one.split, one.key, *exact, one.near, one.near_label, one.distance, one.likeness, one.mirrored))
    return pd.DataFrame(rows, columns=columns).astype({"distance": "Int64"})


def outliers_table(images: Images, outliers: Sequence[Outlier]) -> pd.DataFrame:
    """One row an image and reason: ``split, key, label, reason, value, score``."""
    rows = [
        (images.splits[one.index], images.key(one.index), images.label(one.index), one.reason, one.value, one.score)
        for one in outliers
    ]
    return pd.DataFrame(rows, columns=["split", "key", "label", "reason", "value", "score"])


def suspects_table(images: Images, suspects: Sequence[Suspect]) -> pd.DataFrame:
    """One row a likely label error, the likeliest first."""
    names = images.source.labels.names
    entries = []
    for one in suspects:
        facts = images.splits[one.index], images.key(one.index), images.label(one.index), names[one.suggested]
        entries.append((*facts, one.given_probability, one.suggested_probability))
    columns = ["split", "key", "label", "suggested", "p_label", "p_suggested"]
    return pd.DataFrame(entries, columns=columns)


def without_leaks(images: Images, pairs: Pairs) -> NDArray[np.int64] | None:
    """Positions of the images that are left when nothing leaks from one split into another.

    Test stays whole. What has a copy in test, exact or near, leaves validation and train; what has one in what is left
    of validation leaves train. ``None`` where the images are not whole files of one folder, which ``dataset=table``
    could read.
    """
    readers = [whole(part.reader)[0] for part in images.source.parts.values()]
    if not all(isinstance(reader, FileReader) and reader.boxes is None for reader in readers):
        return None
    kept = np.ones(len(images), bool)
    for split, others in (("test", ("validation", "train")), ("validation", ("train",))):
        copies = _with_copies(images, pairs, kept & (images.splits == split))
        kept &= ~(copies & np.isin(images.splits, others))
    return np.flatnonzero(kept)


def clean_table(images: Images, chosen: NDArray[np.int64]) -> pd.DataFrame:
    """Some images as a table for ``dataset=table``: ``path, label, split``."""
    rows = [(images.key(index), images.label(index), images.splits[index]) for index in chosen.tolist()]
    return pd.DataFrame(rows, columns=["path", "label", "split"])


def _with_copies(images: Images, pairs: Pairs, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,) the chosen images and all their exact and near copies."""
    own = np.zeros(int(images.contents.max()) + 1, bool)
    own[images.contents[chosen]] = True
    found = own.copy()
    found[pairs.second[own[pairs.first]]] = True
    found[pairs.first[own[pairs.second]]] = True
    return found[images.contents]
