"""``dataset=image_folder``: any class folders, with or without split folders above them."""

from mien.config.schema import DatasetConfig
from mien.data.class_folders import read_class_folders, tree_parts
from mien.data.layout import Layout
from mien.data.source import SourceData
from mien.labels import LabelSet

LAYOUT = Layout(
    name="image_folder",
    picture=(
        "<dataset.root>/train/<class>/*.jpg\n"
        "<dataset.root>/validation/<class>/*.jpg   (optional; also val, valid, dev)\n"
        "<dataset.root>/test/<class>/*.jpg         (optional)\n"
        "or, to have all parts cut: <dataset.root>/<class>/*.jpg"
    ),
    origin="your own pictures, one folder a class; dataset=drawn_faces needs none",
)


def load_image_folder(config: DatasetConfig) -> SourceData:
    """Read class folders; the classes are those of the folders.

    Raises:
        DataError: ``dataset.root`` is missing or laid out differently, or a class is empty.
    """
    root = LAYOUT.root(config)
    tree = read_class_folders(root, LAYOUT)
    labels = LabelSet.of(name for classes in tree.values() for name in classes)
    return SourceData("image_folder", "", labels, tree_parts(root, tree, labels))
