"""``dataset=mixed``: several sets as one, with mapped labels and a weight for each.

Every set is found by its own loader, and where it lacks a test or validation part, that is cut from its train, as when
it is used alone. No image leaks from one set into another: what stands byte for byte in any set's test is left out of
every validation and train, and what stands in any validation is left out of every train.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mien.config.schema import DatasetConfig
from mien.data.concatenated import concatenate, set_names
from mien.data.source import Part, SourceData
from mien.data.split import with_test, with_validation
from mien.errors import ConfigError, DataError, nearest
from mien.labels import LabelSet, canonical
from mien.types import SplitName

logger = logging.getLogger(__name__)

_OWN_KEY = re.compile(r"\bdataset\.(root|version|table)\b")


def load_mixed(config: DatasetConfig, load: Callable[[DatasetConfig], SourceData]) -> SourceData:
    """Find and check all sets of a mix. The mix has a train, a validation and a test part.

    Args:
        config: Its ``mixed`` names the sets.
        load: Finds one of them: :func:`mien.data.catalog.load_source`.

    Raises:
        ConfigError: No data set has such a name, or ``labels`` names a class that a set does not have.
        DataError: A set is missing or not laid out as expected; the message begins with its key in the config. Or a
            part of the mix is empty.
    """
    sources = {name: _load(name, config, load) for name in config.mixed}
    names = {name: _new_names(name, source.labels, config.mixed[name].labels) for name, source in sources.items()}
    labels = LabelSet.of(new for own in names.values() for new in own if new)
    codes = {name: np.array([labels.index(new) if new else -1 for new in own]) for name, own in names.items()}
    parts = {
        split: concatenate({name: _mapped(source.parts[split], codes[name]) for name, source in sources.items()})
        for split in SplitName
    }
    version = " + ".join(f"{source.name} {source.version}".strip() for source in sources.values())
    return SourceData("mixed", version, labels, _without_leaks(parts))


def draw_weights(part: Part, config: DatasetConfig) -> NDArray[np.float64] | None:
    """(N,) how often each image of a mix is to be drawn in an epoch, on average; ``None``: once, every one."""
    names = set_names(part)
    if names is None or all(member.weight == 1 for member in config.mixed.values()):
        return None
    return np.array([config.mixed[name].weight for name in names])


def _load(name: str, config: DatasetConfig, load: Callable[[DatasetConfig], SourceData]) -> SourceData:
    """One set with all three parts; cut before its labels are mapped, so that the cut is that of the set alone."""
    part = config.mixed[name]
    own = replace(config, name=part.name, root=part.root, version=part.version, table=part.table, mixed={})
    try:
        source = with_test(load(own), config.test_fraction, config.split_seed)
        return with_validation(source, config.validation_fraction, config.split_seed)
    except ConfigError as error:
        raise ConfigError(_told_of(name, problem) for problem in error.problems) from error
    except DataError as error:
        raise DataError(_told_of(name, str(error))) from error


def _told_of(name: str, message: str) -> str:
    """A set's own message, with the keys that this set has in a mix."""
    return f"dataset.mixed.{name}: " + _OWN_KEY.sub(rf"dataset.mixed.{name}.\1", message)


def _new_names(name: str, labels: LabelSet, renames: dict[str, str]) -> list[str]:
    """What each class of a set is called in the mix; ``""`` for a class that is dropped."""
    wanted = {canonical(old): canonical(new) for old, new in renames.items()}
    unknown = [old for old in wanted if old not in labels.names]
    if unknown:
        key = f"dataset.mixed.{name}.labels"
        raise ConfigError(f"{key}: the set has no class {old!r}; {nearest(old, labels)}" for old in unknown)
    names = [wanted.get(own, own) for own in labels]
    if not any(names):
        raise ConfigError([f"dataset.mixed.{name}.labels: drops every class of the set; leave the set out"])
    return names


def _mapped(part: Part, codes: NDArray[np.int64]) -> Part:
    """A part with its classes' labels in the mix; images of a class with a negative one are left out."""
    labels = codes[part.labels]
    return part.labelled(labels).take(np.flatnonzero(labels >= 0))


def _without_leaks(parts: dict[SplitName, Part]) -> dict[SplitName, Part]:
    """Validation without the images of test, and train without those of both."""
    seen: set[bytes] = set()
    clean: dict[SplitName, Part] = {}
    for split in (SplitName.TEST, SplitName.VALIDATION, SplitName.TRAIN):
        part = parts[split]
        leaked = np.array([digest in seen for digest in part.digests], bool)
        seen.update(part.digests)
        if leaked.any():
            found = Counter(set_names(part.take(np.flatnonzero(leaked))) or [])
            text = ", ".join(f"{count} of {name}" for name, count in found.items())
            logger.info("mixed: left out of %s, since they stand in %s too: %s", split, " or ".join(clean), text)
        if leaked.all():
            why = f"all its {len(part)} images stand in {' or '.join(clean)} too" if len(part) else "no class is left"
            raise DataError(f"data set mixed: {split} is empty, since {why}; look at the parts and labels of its sets")
        clean[split] = part.take(np.flatnonzero(~leaked))
    return {split: clean[split] for split in SplitName}
