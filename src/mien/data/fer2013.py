"""``dataset=fer2013``: the CSV of the ICML 2013 challenge, or the releases as image folders.

What ``dataset.root`` holds decides. In every form the official split stands: Training is train, PublicTest is
validation and PrivateTest is test. The folder release on Kaggle has one test folder for both tests; its file names
start with the name of the official part, and where they do, the name decides and not the folder.
"""

import logging
from pathlib import Path

from mien.config.schema import DatasetConfig
from mien.data.class_folders import Tree, natural_order, read_class_folders, require_classes, tree_parts
from mien.data.fer2013_csv import USAGES, read_csv
from mien.data.layout import Layout
from mien.data.source import SourceData
from mien.labels import EXPRESSIONS

logger = logging.getLogger(__name__)

LAYOUT = Layout(
    name="fer2013",
    picture=(
        "<dataset.root>/fer2013.csv or icml_face_data.csv (or dataset.root=<the CSV file>): emotion,pixels,Usage\n"
        "or <dataset.root>/{train,validation,test}/{angry,disgust,fear,happy,neutral,sad,surprise}/*.jpg\n"
        "or <dataset.root>/{train,test}/... as on Kaggle, with files named {Training,PublicTest,PrivateTest}_<id>.jpg"
    ),
    origin="Kaggle, msambare/fer2013 (folders), or Kaggle's ICML 2013 facial expression challenge (CSV)",
)

_CSV_PLACES = ("fer2013.csv", "icml_face_data.csv", "fer2013/fer2013.csv")


def load_fer2013(config: DatasetConfig) -> SourceData:
    """Read whichever release is there.

    Raises:
        DataError: ``dataset.root`` is missing or laid out differently, or a CSV row is wrong.
    """
    root = LAYOUT.root(config)
    places = [root] if root.is_file() else [root / place for place in _CSV_PLACES]
    csv = next((place for place in places if place.is_file()), None)
    if csv is not None:
        logger.info("fer2013: reading %s", csv)
        return SourceData("fer2013", "", EXPRESSIONS, read_csv(csv, LAYOUT))
    tree = read_class_folders(root, LAYOUT)
    require_classes(tree, EXPRESSIONS, root, LAYOUT)
    return SourceData("fer2013", "", EXPRESSIONS, tree_parts(root, _official(tree), EXPRESSIONS))


def _official(tree: Tree) -> Tree:
    """The tree with every file whose name tells its official part in that part."""
    sorted_out: Tree = {}
    strangers = 0
    for folder_split, classes in tree.items():
        for name, paths in classes.items():
            for path in paths:
                usage = Path(path).name.split("_")[0]
                split = USAGES.get(usage, folder_split)
                strangers += split is not folder_split
                sorted_out.setdefault(split, {}).setdefault(name, []).append(path)
    if strangers:
        logger.info("fer2013: %d files lie in another split's folder; their names decide", strangers)
    for classes in sorted_out.values():
        for paths in classes.values():
            paths.sort(key=natural_order)
    return sorted_out
