"""Reading of ``<split>/<class>/*`` and ``<class>/*`` folders, shared by all sources that lie so on disk."""

import logging
import re
from pathlib import Path

import numpy as np

from mien.data.layout import Layout, listed
from mien.data.readers import FileReader
from mien.data.source import Part
from mien.errors import nearest
from mien.files import printable
from mien.labels import LabelSet, canonical
from mien.types import SplitName

logger = logging.getLogger(__name__)

Tree = dict[SplitName, dict[str, list[str]]]
"""``tree[split][class]``: paths relative to the root, in the order of the numbers in their names."""

SPLIT_FOLDERS = {
    "train": SplitName.TRAIN,
    "training": SplitName.TRAIN,
    "validation": SplitName.VALIDATION,
    "val": SplitName.VALIDATION,
    "valid": SplitName.VALIDATION,
    "dev": SplitName.VALIDATION,
    "test": SplitName.TEST,
    "testing": SplitName.TEST,
}
"""Names, in lower case, that data sets give their splits."""

IMAGE_SUFFIXES = frozenset(
    {
        *(".apng", ".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"),
        *(".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
    }
)
"""Suffixes, in lower case, of the files that are taken for images: those that Pillow reads."""


def read_class_folders(root: Path, layout: Layout) -> Tree:
    """List the images of all class folders; class names become canonical, hidden files are passed over.

    Folders without splits are all taken for train.

    Args:
        root: The data set's folder.
        layout: What an error says was expected.

    Raises:
        DataError: No class folder, an empty one, two of the same meaning, or a folder beside the splits that is none.
    """
    if not root.is_dir():
        raise layout.error(f"dataset.root={root} is a file", root)
    problems: list[str] = []
    splits = _split_folders(root, problems) or {SplitName.TRAIN: root}
    tree = {split: _read_classes(root, folder, problems) for split, folder in splits.items()}
    if problems:
        raise layout.error("the folders are not as they should be:\n" + listed(problems), root)
    return tree


def require_classes(tree: Tree, labels: LabelSet, root: Path, layout: Layout) -> None:
    """Check that every split has exactly these classes.

    Raises:
        DataError: A class is missing or unknown.
    """
    problems = []
    for split, classes in tree.items():
        problems += [f"{split} has no folder for {name}" for name in labels if name not in classes]
        problems += [f"{split} has an unknown class: {name}" for name in classes if name not in labels.names]
    if problems:
        raise layout.error("the classes are not as they should be:\n" + listed(problems), root)


def tree_parts(root: Path, tree: Tree, labels: LabelSet) -> dict[SplitName, Part]:
    """The parts of a tree, each in label order and within a class in the order of the tree."""
    parts = {}
    for split, classes in tree.items():
        pairs = [(path, index) for index, name in enumerate(labels) for path in classes.get(name, [])]
        paths = tuple(path for path, _ in pairs)
        parts[split] = Part(FileReader(root, paths), np.array([index for _, index in pairs], np.int64))
    return parts


def natural_order(name: str) -> tuple[list[tuple[int, str]], str]:
    """A sort key under which ``anger2`` comes before ``anger10``."""
    pieces = re.split(r"(\d+)", name)
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces], name


def _split_folders(root: Path, problems: list[str]) -> dict[SplitName, Path]:
    folders = _subfolders(root)
    splits: dict[SplitName, Path] = {}
    for folder in folders:
        split = SPLIT_FOLDERS.get(folder.name.lower())
        if split is not None and split in splits:
            problems.append(f"{splits[split].name}/ and {folder.name}/ both mean {split}")
        elif split is not None:
            splits[split] = folder
    if splits:
        strangers = [folder.name for folder in folders if folder.name.lower() not in SPLIT_FOLDERS]
        problems += [f"{name}/ beside the splits is none: {nearest(name.lower(), SPLIT_FOLDERS)}" for name in strangers]
    return splits


def _read_classes(root: Path, folder: Path, problems: list[str]) -> dict[str, list[str]]:
    classes: dict[str, list[str]] = {}
    spelled: dict[str, str] = {}
    subfolders = _subfolders(folder)
    if not subfolders:
        problems.append(f"no class folders in {_place(root, folder)}")
    for subfolder in subfolders:
        name = canonical(subfolder.name)
        if name in classes:
            problems.append(f"{spelled[name]} and {_place(root, subfolder)} both mean {name}; merge or rename them")
        spelled[name] = _place(root, subfolder)
        classes[name] = _images(root, subfolder)
        strange = [path for path in classes[name] if printable(path) != path]
        if strange:
            problems.append(f"{len(strange)} names are not UTF-8, such as {printable(strange[0])}; rename them")
        if not classes[name]:
            inside = ", ".join(f"{child.name}/" for child in _subfolders(subfolder)[:5])
            hint = f"; it holds the folders {inside}: is dataset.root one level too high?" if inside else ""
            problems.append(f"class folder {spelled[name]} is empty: no image in it{hint}")
    return classes


def _images(root: Path, folder: Path) -> list[str]:
    files = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    images = [file.name for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    others = sorted(file.name for file in files if file.suffix.lower() not in IMAGE_SUFFIXES)
    if others:
        text = "%s: %d entries are not taken (folders, or suffixes of no image), such as %s"
        logger.warning(text, _place(root, folder), len(others), printable(others[0]))
    prefix = folder.relative_to(root).as_posix()
    return [f"{prefix}/{name}" for name in sorted(images, key=natural_order)]


def _subfolders(folder: Path) -> list[Path]:
    hidden = (".", "__")  # such as .git and __MACOSX
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(hidden))


def _place(root: Path, folder: Path) -> str:
    return "dataset.root" if folder == root else printable(f"{folder.relative_to(root).as_posix()}/")
