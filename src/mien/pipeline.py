"""The order of the stages: data, model, training, evaluation, end to end, report. The only module that knows it."""

import logging
import sys
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import torch
from pytorch_lightning import seed_everything

from mien.cache.store import open_store
from mien.config.evaluate import EvaluateConfig
from mien.config.load import plain
from mien.config.schema import Config, DatasetConfig, TrainerConfig
from mien.data.catalog import load_source
from mien.data.decode import Decoded, Decoder
from mien.data.source import SourceData
from mien.data.split import shared_images, with_test, with_validation
from mien.detection import build_detector
from mien.endtoend.scenes import SceneSource, build_scenes
from mien.environment import describe, is_first_process, local_rank, versions
from mien.errors import DataError, LabelError
from mien.files import read_json, write_json
from mien.models.bundle import Bundle, CropRule
from mien.models.factory import Classifier, build_classifier, input_spec
from mien.results import RESULTS_FILE, RunResult
from mien.runs import check_space, claim, owned
from mien.scoring import Call, Exam, Photos, named, score, write_scores
from mien.training.checkpoints import FOLDER as CHECKPOINTS
from mien.training.checkpoints import LAST
from mien.training.data import ExpressionData, labelled
from mien.training.features import Features
from mien.training.fit import Fitted, RunPlace, fit, settled
from mien.training.loggers import build_logger, close_logger, log_result
from mien.training.trainer import check_devices
from mien.types import FaceDetector, InputSpec, SplitName

log = logging.getLogger(__name__)


def run(config: Config, folder: Path, call: Call | None = None) -> RunResult:
    """Run an experiment from data to report.

    Args:
        config: The experiment.
        folder: Its run folder. A finished run of the same experiment is returned as it is, an interrupted one goes on.
        call: How it was started.

    Raises:
        MienError: Anything a user can put right; before training starts wherever that can be known.
    """
    check_devices(config.trainer)
    with owned(folder) if is_first_process() else nullcontext():
        source, scenes, detector = _open(config)
        done = claim(folder, config, source.spec()) if is_first_process() else None
        if done is not None:
            log.info("%s is finished already; resume=never trains anew", folder)
            return done
        return _run(config, folder, call or Call(), source, (scenes, detector))


def _run(config: Config, folder: Path, call: Call, source: SourceData, photos: Photos) -> RunResult:
    """The stages of a run whose folder is ours."""
    seed_everything(config.seed, verbose=False)
    spec = input_spec(config.backbone)
    classifier = build_classifier(config.backbone, config.head, len(source.labels))
    config = replace(config, trainer=settled(_as_begun(config.trainer, folder), classifier))
    check_space(folder, classifier.count_parameters()[0])
    decoded = _decode(config, source, spec)
    exam = Exam(source, (split := SplitName(config.protocol.report)), decoded[split], *photos)
    environment = describe(call.command, config.seed)
    write_json(folder / "environment.json", environment | {"precision": config.trainer.precision})
    data = _training_data(config, decoded, classifier, spec)
    log.info("training %s in %s", config.backbone.name, config.trainer.precision)
    logger = build_logger(config.logger, folder, folder.name, plain(config)) if is_first_process() else None
    failed = True
    try:
        fitted = fit(config, classifier, spec, data, RunPlace(folder, logger))
        if not fitted.is_main:
            sys.exit()  # one of several training processes; the first goes on alone, so that nothing is counted twice
        bundle = _bundle(config, classifier, spec, source, fitted)
        device = _device(config.trainer.accelerator)
        scored = score(bundle, exam, device, call, {"fit": fitted.seconds})
        write_scores(folder, exam, scored, bundle)
        log_result(logger, scored.result)
        failed = False
    finally:
        close_logger(logger, failed)
    return scored.result


def _as_begun(trainer: TrainerConfig, folder: Path) -> TrainerConfig:
    """A run that is continued, perhaps on another machine, keeps the precision that ``auto`` was at its start."""
    if trainer.precision != "auto" or not (folder / CHECKPOINTS / LAST).is_file():
        return trainer
    return replace(trainer, precision=read_json(folder / "environment.json").get("precision", trainer.precision))


def evaluate_model(config: EvaluateConfig, folder: Path, call: Call | None = None) -> RunResult:
    """Score a finished model on a data set of its classes, and on whole photos.

    Args:
        config: Model, data set and scenes.
        folder: Where results, predictions and plots go.
        call: How it was started.

    Raises:
        MienError: No such model or data, or classes that the model does not have.
    """
    check_devices(TrainerConfig(accelerator=config.accelerator))
    bundle = Bundle.load(Path(config.run))
    split = SplitName(config.split)
    with owned(folder):
        (folder / RESULTS_FILE).unlink(missing_ok=True)
        source = _as_trained(load_source(config.dataset), config.dataset, split, bundle)
        source.labels.mapping_to(bundle.labels)
        scenes = build_scenes(config.scenes, bundle.labels)
        detector = build_detector(config.detector, _device(config.accelerator))
        decoded = Decoder.of(config.dataset, bundle.spec).decode(source.parts[split])
        exam = Exam(source, split, decoded, scenes, detector)
        write_json(folder / "environment.json", describe((call or Call()).command, bundle.about["seed"]))
        scored = score(bundle, exam, _device(config.accelerator), call or Call(), {"fit": 0.0})
        write_scores(folder, exam, scored)
    return scored.result


def _as_trained(source: SourceData, dataset: DatasetConfig, split: SplitName, bundle: Bundle) -> SourceData:
    """Cut a data set as the model's own run did, so that no image it was trained on stands in its test.

    The run's fractions and seed hold for the data set it was trained on; those of ``dataset`` for any other.
    """
    trained_on, cuts = bundle.about["dataset"], asdict(dataset)
    if (source.name, source.version) == (trained_on["name"], trained_on["version"]):
        cuts |= bundle.about["config"]["dataset"]
    source = with_test(source, cuts["test_fraction"], cuts["split_seed"])
    selected_on = bundle.about["protocol"]["selection"]
    if split is SplitName.VALIDATION or (split is SplitName.TRAIN and selected_on == "validation"):
        source = with_validation(source, cuts["validation_fraction"], cuts["split_seed"])
    if split not in source.parts:
        raise DataError(f"split={split}: {source.name} has only {', '.join(source.parts)}")
    return source


def _open(config: Config) -> tuple[SourceData, SceneSource | None, FaceDetector]:
    """The data set with the parts that the protocol needs, the whole photos and the detector; nothing is decoded."""
    dataset, protocol = config.dataset, config.protocol
    source = with_test(load_source(dataset), dataset.test_fraction, dataset.split_seed)
    if SplitName.TRAIN not in source.parts:
        raise DataError(f"{dataset.name} has no training images")
    _warn_of_leaks(source)
    if "validation" in (protocol.selection, protocol.report):
        source = with_validation(source, dataset.validation_fraction, dataset.split_seed)
    scenes = build_scenes(config.scenes, source.labels)
    if scenes is not None:
        try:
            scenes.labels.mapping_to(source.labels)
        except LabelError as error:
            raise LabelError(f"scenes={config.scenes.name}: {error}; scenes=none goes without the stage") from error
    return source, scenes, build_detector(config.detector, _device(config.trainer.accelerator))


def _warn_of_leaks(source: SourceData) -> None:
    """Say how many test images stand in train too, byte for byte."""
    leaked = shared_images(source.parts[SplitName.TRAIN], source.parts[SplitName.TEST])
    if leaked:
        n = len(source.parts[SplitName.TEST])
        log.warning("%s: %d of %d test images stand byte for byte in train too", source.name, leaked, n)


def _decode(config: Config, source: SourceData, spec: InputSpec) -> dict[SplitName, Decoded]:
    """All images that the run will need, so that unreadable ones show before training."""
    needed = {"train", config.protocol.selection, config.protocol.report} - {"none"}
    parts = {split: part for split, part in source.parts.items() if split in needed}
    return Decoder.of(config.dataset, spec).decode_parts(parts, config.dataset.decode_size)


def _training_data(
    config: Config, decoded: dict[SplitName, Decoded], classifier: Classifier, spec: InputSpec
) -> ExpressionData:
    """Training images, and those of the selection split; or their features, where only the head is trained on them."""
    chosen_on = config.protocol.selection
    selection = None if chosen_on == "none" else labelled(decoded[SplitName(chosen_on)])
    data = ExpressionData(labelled(decoded[SplitName.TRAIN]), selection, config.dataset.batch_size, config.seed)
    if not config.backbone.cache_features.views:
        return data
    device = _device(config.trainer.accelerator)
    device = f"cuda:{local_rank()}" if device == "cuda" else device
    return Features(config, classifier.backbone, spec, device, open_store(config.dataset.cache)).of(data)


def _bundle(config: Config, classifier: Classifier, spec: InputSpec, source: SourceData, fitted: Fitted) -> Bundle:
    about = {
        "dataset": named(source),
        "protocol": asdict(config.protocol),
        "seed": config.seed,
        "epochs": fitted.epochs,
        "selection": None if fitted.selection is None else asdict(fitted.selection),
        "trainable_parameters": classifier.count_parameters()[1],
        "config": plain(config),
        "versions": versions(),
    }
    return Bundle(
        classifier=classifier,
        labels=source.labels,
        spec=spec,
        backbone=config.backbone,
        head=config.head,
        crop=CropRule(config.detector.margin),
        flip_average=config.protocol.flip_average,
        about=about,
    )


def _device(accelerator: str) -> str:
    return "cuda" if accelerator != "cpu" and torch.cuda.is_available() else "cpu"
