"""What a command opens: a data set, its parts and what leaks between them; a model's crop rule. Nothing is decoded."""

import logging
from dataclasses import asdict, dataclass, replace

from mien.config.check_images import crop_problems
from mien.config.evaluate import CropChanges
from mien.config.schema import CropConfig, DatasetConfig, ProtocolConfig
from mien.data.catalog import load_source
from mien.data.leaks import find_leaks
from mien.data.source import SourceData
from mien.data.split import takes_validation, with_test, with_validation
from mien.detection import crop_rule
from mien.errors import ConfigError, DataError
from mien.models.bundle import Bundle
from mien.types import Leaks, SplitName

log = logging.getLogger(__name__)
_CUTS = ("test_fraction", "validation_fraction", "split_seed")
_KINDS = {"image_folder", "table"}
"""Names that say how a data set is stored, not which one it is."""


@dataclass(frozen=True)
class Opened:
    """A data set, found, checked and cut, but not decoded.

    Attributes:
        source: Its parts.
        split: The part that is reported.
        leaks: What of it stands in train too; ``None`` where it is train itself, or there is no train part.
        own: Whether the model was trained, or is to be, on this data set, alone or in a mix.
    """

    source: SourceData
    split: SplitName
    leaks: Leaks | None
    own: bool = True


def open_for_training(dataset: DatasetConfig, protocol: ProtocolConfig) -> Opened:
    """The data set with the parts that the protocol needs.

    Raises:
        DataError: It is missing or not laid out as expected, or lacks training images or classes.
    """
    whole = _whole(dataset)
    where = f"data set {whole.name}" + (f" (dataset.root={dataset.root})" if dataset.root else "")
    if SplitName.TRAIN not in whole.parts:
        raise DataError(f"{where} has no training images, only {', '.join(whole.parts)}; add a train part")
    if len(whole.labels) < 2:
        raise DataError(
            f"{where} has one class only, {whole.labels.names[0]}; expected two or more: is dataset.root one level off?"
        )
    source = whole
    if takes_validation(protocol.selection, protocol.report):
        source = with_validation(whole, dataset.validation_fraction, dataset.split_seed)
    split = SplitName(protocol.report)
    return Opened(source, split, _leaks(whole, source, split))


def cropping_as_asked(bundle: Bundle, changes: CropChanges) -> Bundle:
    """The model with another crop rule, where one is asked for.

    Raises:
        ConfigError: There is no such rule.
    """
    asked = {key: value for key, value in asdict(changes).items() if value is not None}
    config = CropConfig(**asdict(bundle.crop) | asked)
    problems = list(crop_problems(config))
    if asked and problems:
        raise ConfigError(problems)
    return replace(bundle, crop=crop_rule(config))


def open_for_evaluation(dataset: DatasetConfig, split: SplitName, bundle: Bundle) -> Opened:
    """The data set with the part that is asked for, cut off as in training where it has none.

    Raises:
        DataError: It is missing or not laid out as expected, has no such part and no train part to cut it from, or the
            part would be cut from images that the model was trained on.
    """
    dataset, whole, own = _as_trained(dataset, bundle)
    kept_out = _kept_validation(bundle)
    if own and split is SplitName.VALIDATION and split not in whole.parts and not kept_out:
        raise DataError(
            f"split=validation: {whole.name} has no validation part, and the model was trained on all of its train "
            "part, so that none can be cut from it; choose split=test"
        )
    source = whole
    if split is SplitName.VALIDATION or (split is SplitName.TRAIN and kept_out):
        source = with_validation(whole, dataset.validation_fraction, dataset.split_seed)
    if split not in source.parts:
        raise DataError(f"split={split}: {source.name} has only {', '.join(source.parts)}")
    return Opened(source, split, _leaks(whole, source, split), own)


def _as_trained(asked: DatasetConfig, bundle: Bundle) -> tuple[DatasetConfig, SourceData, bool]:
    """A data set that the model's run knew, alone or in a mix, is cut as it was there, whatever is asked here.

    So no image that the model was trained on stands in its test.

    Returns:
        The config that holds, the data set before a validation part is cut from it, and whether the run knew it.
    """
    run = bundle.about["config"]["dataset"]
    known = {run["name"], *(member["name"] for member in run.get("mixed", {}).values())}
    common = known & {asked.name, *(member.name for member in asked.mixed.values())}
    if common:
        config = replace(asked, **{key: run[key] for key in _CUTS})
        whole = _whole(config)
        if common - _KINDS or run["name"] not in _KINDS or _is_trained_on(whole, config, bundle):
            for key in _CUTS:
                if getattr(asked, key) != run[key]:
                    message = "dataset.%s=%s is not used: the model knows these data, cut with %s"
                    log.warning(message, key, getattr(asked, key), run[key])
            return config, whole, True
    return asked, _whole(asked), False


def _whole(dataset: DatasetConfig) -> SourceData:
    return with_test(load_source(dataset), dataset.test_fraction, dataset.split_seed)


def _kept_validation(bundle: Bundle) -> bool:
    protocol = bundle.about["protocol"]
    return takes_validation(protocol["selection"], protocol["report"])


def _is_trained_on(whole: SourceData, config: DatasetConfig, bundle: Bundle) -> bool:
    """Whether these are the very images, labels and parts that the model was trained with."""
    try:
        cut = _kept_validation(bundle)
        source = with_validation(whole, config.validation_fraction, config.split_seed) if cut else whole
    except DataError:
        return False
    fingerprint: str = bundle.about["dataset"]["fingerprint"]
    return source.spec().fingerprint == fingerprint


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
