"""``dataset=micro_expressions``: the Kaggle set ``kmirfan/micro-expressions``, in the published size or whole.

It grew after study A was published. The study's unzip log shows which files there were then: of every class exactly
those numbered 1 to N. ``version=v1`` (the default, since published numbers are what people compare with) takes them;
``version=v2`` takes all there are.
"""

import re
from pathlib import Path

from mien.config.schema import DatasetConfig
from mien.data.class_folders import Tree, read_class_folders, require_classes, tree_parts
from mien.data.layout import Layout, listed
from mien.data.source import SourceData
from mien.errors import ConfigError, nearest
from mien.labels import EXPRESSIONS
from mien.types import SplitName

LAYOUT = Layout(
    name="micro_expressions",
    picture=(
        "<dataset.root>/train/{anger,disgust,fear,happiness,neutral,sadness,surprise}/<class><n>.jpg\n"
        "<dataset.root>/test/{anger,disgust,fear,happiness,neutral,sadness,surprise}/<class><n>.jpg"
    ),
    origin="Kaggle, kmirfan/micro-expressions",
)

V1_COUNTS: dict[SplitName, tuple[int, ...]] = {
    SplitName.TRAIN: (1320, 592, 444, 1740, 564, 1322, 956),
    SplitName.TEST: (330, 140, 110, 430, 140, 320, 230),
}
"""Files of each class, in the order of ``EXPRESSIONS``, in the published 6,938 + 1,700 images."""


def load_micro_expressions(config: DatasetConfig) -> SourceData:
    """Read the set in version v1 (also where ``dataset.version`` is null) or v2.

    Raises:
        ConfigError: Another version is asked for.
        DataError: ``dataset.root`` is missing or laid out differently, a class is empty, or v1 is not complete.
    """
    version = "v1" if config.version is None else config.version
    if version not in ("v1", "v2"):
        raise ConfigError([f"dataset.version={version}: {nearest(version, ['v1', 'v2'])}"])
    root = LAYOUT.root(config)
    tree = read_class_folders(root, LAYOUT)
    require_classes(tree, EXPRESSIONS, root, LAYOUT)
    if version == "v1":
        tree = _published(tree, root)
    return SourceData("micro_expressions", version, EXPRESSIONS, tree_parts(root, tree, EXPRESSIONS))


def _published(tree: Tree, root: Path) -> Tree:
    problems: list[str] = []
    kept: Tree = {}
    for split, counts in V1_COUNTS.items():
        kept[split] = {}
        for name, count in zip(EXPRESSIONS, counts, strict=True):
            numbered = _by_number(tree.get(split, {}).get(name, []))
            wanted = range(1, count + 1)
            missing = [number for number in wanted if number not in numbered]
            if missing:
                problems.append(f"{split}/{name}: {len(missing)} of {count} missing, such as {name}{missing[0]}.jpg")
            kept[split][name] = [numbered[number] for number in wanted if number in numbered]
    if problems:
        reason = "version v1 is not complete; dataset.version=v2 takes what is there:\n" + listed(problems, 14)
        raise LAYOUT.error(reason, root)
    return kept


def _by_number(paths: list[str]) -> dict[int, str]:
    """Files named ``<class><n>``; others, such as ``anger3 (1).jpg``, were not in the published set."""
    matches = [(re.fullmatch(r"\D*(\d+)", Path(path).stem), path) for path in paths]
    return {int(match[1]): path for match, path in matches if match}
