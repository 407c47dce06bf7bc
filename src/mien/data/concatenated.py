"""Several readers as one, for ``dataset=mixed``."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from mien.data.decode import whole
from mien.data.readers import ImageReader, Selection
from mien.data.source import Part
from mien.types import Image


@dataclass(frozen=True, eq=False)
class Concatenated:
    """The images of several readers, those of one after those of the other.

    Attributes:
        readers: The readers, each under the name of its set.
    """

    readers: Mapping[str, ImageReader]

    @property
    def process_from(self) -> float:
        """As the reader that gains most by processes: the images of the others come along."""
        return min(reader.process_from for reader in self.readers.values())

    def __len__(self) -> int:
        return self.ends[-1]

    def read(self, index: int) -> Image:
        """The image at ``index``, (H, W, 3) uint8 RGB."""
        _, reader, own = self._find(index)
        return reader.read(own)

    def key(self, index: int) -> str:
        """The set's name and the key there, such as ``fer/train/angry/Training_3908.jpg``."""
        name, reader, own = self._find(index)
        return f"{name}/{reader.key(own)}"

    def stamp(self, index: int) -> str:
        """The set's name and the stamp there."""
        name, reader, own = self._find(index)
        return f"{name}/{reader.stamp(own)}"

    def state(self, index: int) -> str:
        """As in its own reader: the pixels do not depend on what the set is called."""
        _, reader, own = self._find(index)
        return reader.state(own)

    def digest(self, index: int) -> bytes:
        """As in its own reader, so that an image that two sets share is found."""
        _, reader, own = self._find(index)
        return reader.digest(own)

    @cached_property
    def ends(self) -> list[int]:
        """For each reader, the first index that is no longer its own."""
        return list(accumulate(len(reader) for reader in self.readers.values()))

    @cached_property
    def _named(self) -> list[tuple[str, ImageReader]]:
        return list(self.readers.items())

    def _find(self, index: int) -> tuple[str, ImageReader, int]:
        """The set's name, its reader, and the position there."""
        place = bisect_right(self.ends, index)
        name, reader = self._named[place]
        return name, reader, index - (self.ends[place - 1] if place else 0)


def concatenate(parts: Mapping[str, Part]) -> Part:
    """Parts of several sets as one part.

    It selects from the sets' whole readers, so that decoded images are shared by all cuts of the same sets, and takes
    over the images' digests.

    Args:
        parts: Parts with labels of one label set, each under the name of its set.
    """
    readers, rows, start = {}, [], 0
    for name, part in parts.items():
        readers[name], own = whole(part.reader)
        rows.append(own + start)
        start += len(readers[name])
    labels = np.concatenate([part.labels for part in parts.values()])
    part = Part(Selection(Concatenated(readers), np.concatenate(rows)), labels)
    vars(part)["digests"] = [digest for own in parts.values() for digest in own.digests]
    return part


def set_names(part: Part) -> list[str] | None:
    """The name of the set that each image of a mix is from; ``None`` where the part is no mix."""
    reader: ImageReader | None = part.reader
    rows = np.arange(len(part))
    while reader is not None and not isinstance(reader, Concatenated):
        rows = reader.indices[rows] if isinstance(reader, Selection) else rows
        reader = getattr(reader, "reader", None)  # of a selection or the like
    if reader is None:
        return None
    names = list(reader.readers)
    return [names[place] for place in np.searchsorted(reader.ends, rows, side="right")]
