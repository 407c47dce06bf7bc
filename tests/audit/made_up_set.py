"""Small data sets with known duplicates, and images as the audit sees them."""

import numpy as np
import PIL.Image
import PIL.ImageOps

from mien.audit.images import SIDE, Images
from mien.data.source import Part, SourceData
from mien.labels import LabelSet
from mien.types import SplitName

NAMES = ("anger", "fear", "sadness")


def photo(seed, side=64):
    """A colourful picture with a structure of its own, as a photograph has."""
    rough = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), np.uint8)
    return PIL.Image.fromarray(rough).resize((side, side), PIL.Image.Resampling.BICUBIC)


class Named:
    """A reader of nothing: keys and digests only."""

    def __init__(self, prefix, digests):
        self.prefix, self.digests = prefix, digests

    def __len__(self):
        return len(self.digests)

    def key(self, index):
        return f"{self.prefix}{index}"

    def digest(self, index):
        return self.digests[index].encode()

    def read(self, index):
        return np.full((8, 8, 3), 10 * index, np.uint8)


def images_of(parts, **facts):
    """Images from ``{split: [(content, label), ...]}``; other facts are constant unless given."""
    source = SourceData("made_up", "", LabelSet(NAMES), {})
    rows = [(split, row, *entry) for split, entries in parts.items() for row, entry in enumerate(entries)]
    for split, entries in parts.items():
        labels = np.array([NAMES.index(label) for _, label in entries], np.int64)
        source.parts[SplitName(split)] = Part(Named(f"{split}-", [content for content, _ in entries]), labels)
    numbers = {}
    n = len(rows)
    constant = {
        "thumbs": np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE), np.uint8).repeat(n, 0),
        "hashes": np.zeros(n, np.uint64),
        "mirrored": np.full(n, 2**64 - 1, np.uint64),
        "sizes": np.full((n, 2), 64),
        "brightness": np.full(n, 100.0),
        "contrast": np.full(n, 50.0),
        "coloured": np.ones(n, bool),
    }
    return Images(
        source,
        splits=np.array([row[0] for row in rows]),
        rows=np.array([row[1] for row in rows]),
        places=np.arange(n),
        labels=np.array([NAMES.index(row[3]) for row in rows]),
        contents=np.array([numbers.setdefault(row[2], len(numbers)) for row in rows]),
        **constant | facts,
    )
