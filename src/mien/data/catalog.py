"""The data sets by name."""

from collections.abc import Callable

from mien.config.schema import DatasetConfig
from mien.data.drawn_faces import load_drawn_faces
from mien.data.fer2013 import load_fer2013
from mien.data.image_folder import load_image_folder
from mien.data.micro_expressions import load_micro_expressions
from mien.data.mixed import load_mixed
from mien.data.source import SourceData
from mien.data.table import load_table
from mien.errors import ConfigError, nearest
from mien.types import SplitName

SOURCES: dict[str, Callable[[DatasetConfig], SourceData]] = {
    "drawn_faces": load_drawn_faces,
    "fer2013": load_fer2013,
    "image_folder": load_image_folder,
    "micro_expressions": load_micro_expressions,
    "mixed": lambda config: load_mixed(config, load_source),
    "table": load_table,
}


def load_source(config: DatasetConfig) -> SourceData:
    """Find and check the configured data set; images are not decoded.

    Raises:
        ConfigError: No data set has this name.
        DataError: It is missing or not laid out as expected, or train lacks a class.
    """
    if config.name not in SOURCES:
        raise ConfigError([f"dataset.name={config.name}: {nearest(config.name, SOURCES)}"])
    source = SOURCES[config.name](config)
    if SplitName.TRAIN in source.parts:
        source.require_classes(source.parts[SplitName.TRAIN])
    return source
