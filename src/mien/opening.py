"""Opening a data set for a command: the parts that it needs, and what leaks between them. Nothing is decoded."""

import logging
from dataclasses import dataclass, replace

from mien.config.schema import DatasetConfig, ProtocolConfig
from mien.data.catalog import load_source
from mien.data.leaks import find_leaks
from mien.data.source import SourceData
from mien.data.split import with_test, with_validation
from mien.errors import DataError
from mien.models.bundle import Bundle
from mien.types import Leaks, SplitName

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened:
    """A data set, found, checked and cut, but not decoded.

    Attributes:
        source: Its parts.
        split: The part that is reported.
        leaks: What of it stands in train too; ``None`` where it is train itself, or there is no train part.
    """

    source: SourceData
    split: SplitName
    leaks: Leaks | None


def open_for_training(dataset: DatasetConfig, protocol: ProtocolConfig) -> Opened:
    """The data set with the parts that the protocol needs.

    Raises:
        DataError: It is missing or not laid out as expected, or lacks training images.
    """
    whole = with_test(load_source(dataset), dataset.test_fraction, dataset.split_seed)
    if SplitName.TRAIN not in whole.parts:
        raise DataError(f"{dataset.name} has no training images")
    source = whole
    if "validation" in (protocol.selection, protocol.report):
        source = with_validation(whole, dataset.validation_fraction, dataset.split_seed)
    split = SplitName(protocol.report)
    return Opened(source, split, _leaks(whole, source, split))


def open_for_evaluation(dataset: DatasetConfig, split: SplitName, bundle: Bundle) -> Opened:
    """The data set with the part that is asked for, cut off as in training where it has none.

    Raises:
        DataError: It is missing or not laid out as expected, or has no such part and no train part to cut it from.
    """
    dataset = _cut_as_trained(dataset, bundle)
    source = whole = with_test(load_source(dataset), dataset.test_fraction, dataset.split_seed)
    selected_on = bundle.about["protocol"]["selection"]
    if split is SplitName.VALIDATION or (split is SplitName.TRAIN and selected_on == "validation"):
        source = with_validation(whole, dataset.validation_fraction, dataset.split_seed)
    if split not in source.parts:
        raise DataError(f"split={split}: {source.name} has only {', '.join(source.parts)}")
    return Opened(source, split, _leaks(whole, source, split))


def _cut_as_trained(dataset: DatasetConfig, bundle: Bundle) -> DatasetConfig:
    """A data set that the model's run knew, alone or in a mix, is cut as it was there, whatever is asked here.

    So no image that the model was trained on stands in its test.
    """
    run = bundle.about["config"]["dataset"]
    known = {run["name"], *(member["name"] for member in run.get("mixed", {}).values())}
    if known.isdisjoint({dataset.name, *(member.name for member in dataset.mixed.values())}):
        return dataset
    return replace(dataset, **{key: run[key] for key in ("test_fraction", "validation_fraction", "split_seed")})


def _leaks(whole: SourceData, source: SourceData, split: SplitName) -> Leaks | None:
    """Find, and tell, what of a part stands in train too.

    Args:
        whole: The data set before a validation part was cut from train. What went there counts as train too, since
            epochs are chosen on it; only a validation part that is itself reported is held against the rest.
        source: The data set as it is used.
        split: The part.
    """
    train = (whole if split in whole.parts else source).parts.get(SplitName.TRAIN)
    if split is SplitName.TRAIN or train is None:
        return None
    part = source.parts[split]
    leaks = find_leaks(train, part, split)
    if leaks.images:
        log.warning(
            "%s: %d of %d %s images stand byte for byte in train too, %d of them with another label",
            *(source.name, len(leaks.images), len(part), split, leaks.conflicting),
        )
    return leaks
