"""What every source returns: labelled images in named parts."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mien.data.readers import ImageReader, Selection
from mien.errors import DataError
from mien.labels import LabelSet
from mien.types import DataSpec, SplitName


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a data set.

    Attributes:
        reader: Its N images.
        labels: (N,) int64, the class of each.
    """

    reader: ImageReader
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if len(self.reader) != len(self.labels):
            raise ValueError(f"{len(self.reader)} images but {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def digests(self) -> list[bytes]:
        """Each image's digest; the images are read for it once, and not again for what is taken from them later."""
        return [self.reader.digest(index) for index in range(len(self))]

    def take(self, indices: NDArray[np.int64]) -> "Part":
        """The images at these positions, in this order."""
        if isinstance(self.reader, Selection):
            reader = Selection(self.reader.reader, self.reader.indices[indices])
        else:
            reader = Selection(self.reader, indices)
        taken = Part(reader, self.labels[indices])
        if "digests" in vars(self):
            vars(taken)["digests"] = [self.digests[index] for index in indices]
        return taken

    def read_by(self, reader: ImageReader) -> "Part":
        """The same images in another reader, which changes what is seen of them and not their digests."""
        return self._digested(Part(reader, self.labels))

    def labelled(self, labels: NDArray[np.int64]) -> "Part":
        """The same images with other labels."""
        return self._digested(Part(self.reader, labels))

    def _digested(self, same: "Part") -> "Part":
        """The same images, whose digests are known as far as they are here."""
        if "digests" in vars(self):
            vars(same)["digests"] = self.digests
        return same


@dataclass(frozen=True, eq=False)
class SourceData:
    """A data set, found and checked but not decoded.

    Attributes:
        name: The data set's name in the config.
        version: Its version, ``""`` where it has none.
        labels: Its classes.
        parts: Its parts; which there are depends on the set, and on what was cut off (:mod:`mien.data.split`).
    """

    name: str
    version: str
    labels: LabelSet
    parts: dict[SplitName, Part]

    def with_parts(self, parts: dict[SplitName, Part]) -> "SourceData":
        """The same set with other parts."""
        return replace(self, parts=parts)

    def require_classes(self, train: Part, kind: str = "image") -> None:
        """Check that every class has an image to learn from.

        Args:
            train: The images of the train part, or those of them that are left.
            kind: What an image is called in the message.

        Raises:
            DataError: A class has none.
        """
        counts = np.bincount(train.labels, minlength=len(self.labels))
        lacking = [name for name, count in zip(self.labels, counts, strict=True) if not count]
        if lacking:
            raise DataError(
                f"data set {self.name}: no {kind} of {', '.join(lacking)} in train; add some, or drop the class"
            )

    def spec(self, used: Iterable[SplitName] = ()) -> DataSpec:
        """Classes, counts and fingerprint; the fingerprint does not depend on the order of the images.

        Args:
            used: The parts whose images are digested, for ``content``.
        """
        lines: list[str] = []
        counts: dict[SplitName, tuple[int, ...]] = {}
        for split in [split for split in SplitName if split in self.parts]:
            part = self.parts[split]
            per_class = np.bincount(part.labels, minlength=len(self.labels))
            counts[split] = tuple(int(count) for count in per_class)
            lines += [
                f"{split}\t{self.labels.names[label]}\t{part.reader.stamp(index)}"
                for index, label in enumerate(part.labels)
            ]
        head = f"{self.name}\t{self.version}\t{','.join(self.labels)}"
        content = [
            f"{split}\t{self.labels.names[label]}\t{digest.hex()}"
            for split in used
            for label, digest in zip(self.parts[split].labels, self.parts[split].digests, strict=True)
        ]
        digest = _sha256(sorted(content)) if content else ""
        return DataSpec(self.name, self.version, self.labels, counts, _sha256([head, *sorted(lines)]), digest)


def _sha256(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
