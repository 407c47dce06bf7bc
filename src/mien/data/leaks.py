"""Images of one part of a data set that stand byte for byte in its train part too."""

from collections import defaultdict

from mien.data.source import Part
from mien.types import LeakedImage, Leaks, SplitName


def find_leaks(train: Part, part: Part, split: SplitName) -> Leaks:
    """The images of a part that stand byte for byte in train, whatever their names and labels there.

    Args:
        train: The train part.
        part: The other part.
        split: Its name.
    """
    wanted, copies = set(part.digests), defaultdict[bytes, list[int]](list)
    for index, digest in enumerate(train.digests):
        if digest in wanted:
            copies[digest].append(index)
    images = []
    for index, digest in enumerate(part.digests):
        if found := copies.get(digest):
            agree = bool((train.labels[found] == part.labels[index]).all())
            images.append(LeakedImage(part.reader.key(index), tuple(map(train.reader.key, found)), agree))
    return Leaks(split, tuple(images))
