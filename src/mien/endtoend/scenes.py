"""Where whole photos with known faces come from. Scenes are made one at a time, so that memory stays bounded."""

from collections.abc import Iterator
from typing import Protocol

from mien.config.schema import ScenesConfig
from mien.data.drawn import draw_scene
from mien.endtoend.collages import read_collages
from mien.endtoend.photos import read_photos
from mien.endtoend.table import read_table
from mien.errors import ConfigError, nearest
from mien.files import user_path
from mien.labels import EXPRESSIONS, LabelSet
from mien.types import Scene

SCENES = ("drawn", "photos", "table", "collages", "none")
"""What ``scenes.name`` may be."""


class SceneSource(Protocol):
    """A sequence of scenes of known length.

    Attributes:
        name: For results and captions.
        labels: The classes that ``Scene.labels`` refers to.
        tight: Boxes are face boxes; else they are pictures around faces, or there are none.
    """

    name: str
    labels: LabelSet
    tight: bool

    def __len__(self) -> int: ...

    def scene(self, index: int) -> Scene:
        """The scene at a position 0..len-1, the same one each time; its image is decoded or drawn now."""
        ...

    def __iter__(self) -> Iterator[Scene]:
        """All scenes in order, each made when it is asked for."""
        ...


class DrawnScenes:
    """Scenes of one to six drawn faces with true boxes.

    Args:
        count: Number of scenes.
        seed: Seed of the renderer.
    """

    name = "drawn"
    labels = EXPRESSIONS
    tight = True

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self.seed = seed

    def __len__(self) -> int:
        return self.count

    def scene(self, index: int) -> Scene:
        """Draw one scene; it follows from the seed and the index alone."""
        return draw_scene(self.seed, index)

    def __iter__(self) -> Iterator[Scene]:
        return (self.scene(index) for index in range(len(self)))


def build_scenes(config: ScenesConfig, labels: LabelSet | None = None) -> SceneSource | None:
    """The scenes that the config names, ``None`` where the stage is off. Photos are checked here, before any work.

    Args:
        config: Name and settings.
        labels: photos, table: the classes that may occur; ``None``: any.

    Raises:
        ConfigError: The name is unknown, or a setting is missing or out of range.
        DataError: The photos are missing, unreadable or not laid out as expected; all problems at once.
    """
    if config.name not in SCENES:
        raise ConfigError([f"scenes={config.name}: unknown scenes; {nearest(config.name, SCENES)}"])
    if config.name == "none":
        return None
    if config.name in ("drawn", "collages") and config.count < 1:
        raise ConfigError([f"scenes.count={config.count}: expected at least 1; scenes=none turns the stage off"])
    if config.name == "drawn":
        return DrawnScenes(config.count, config.seed)
    if config.root is None:
        raise ConfigError([f"scenes={config.name} needs scenes.root=<{_ROOTS[config.name]}>"])
    root = user_path(config.root)
    if config.name == "photos":
        return read_photos(root, labels)
    if config.name == "table":
        return read_table(root, config.table, labels)
    return read_collages(root, config.split, config.count, config.seed)


_ROOTS = {
    "photos": "folder with images/ and labels.csv",
    "table": "folder with images/ and label.lst",
    "collages": "folder of class folders",
}
