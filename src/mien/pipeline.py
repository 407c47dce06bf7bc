"""The order of the stages: data, model, training, evaluation, end to end, report. The only module that knows it."""

import logging
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import torch
from pytorch_lightning import seed_everything

from mien.cache.store import open_store
from mien.config.check_images import crop_problems
from mien.config.evaluate import CropChanges, EvaluateConfig
from mien.config.load import plain, to_yaml
from mien.config.schema import Config, CropConfig, DatasetConfig, TrainerConfig
from mien.data.catalog import load_source
from mien.data.decode import Decoded, Decoder
from mien.data.mixed import draw_weights
from mien.data.source import Part, SourceData
from mien.data.split import shared_images, with_test, with_validation
from mien.detection import build_detector, crop_rule
from mien.detection.face_reader import FaceFinder
from mien.endtoend.scenes import SceneSource, build_scenes
from mien.environment import describe, is_first_process, local_rank, versions
from mien.errors import ConfigError, DataError, LabelError
from mien.files import read_json, write_json, write_text
from mien.models.bundle import Bundle
from mien.models.factory import Classifier, build_classifier, input_spec
from mien.results import RESULTS_FILE, RunResult
from mien.runs import CONFIG_FILE, check_space, claim, owned
from mien.scoring import Call, Crops, Exam, Photos, named, score, write_scores
from mien.training.checkpoints import FOLDER as CHECKPOINTS
from mien.training.checkpoints import LAST
from mien.training.data import ExpressionData, labelled
from mien.training.features import Features
from mien.training.fit import Fitted, RunPlace, fit, settled
from mien.training.loggers import build_logger, close_logger, log_result
from mien.training.trainer import check_devices
from mien.types import CropRule, FaceDetector, InputSpec, SplitName

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
    decoded = _decode(config, source, spec, photos[1])
    exam = Exam(Crops(source, (split := SplitName(config.protocol.report)), decoded[split]), *photos)
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
    bundle = _cropping_as_asked(Bundle.load(Path(config.run)), config.crop)
    device = _device(config.accelerator)
    with owned(folder):
        (folder / RESULTS_FILE).unlink(missing_ok=True)
        write_text(folder / CONFIG_FILE, to_yaml(config))
        scenes = build_scenes(config.scenes, bundle.labels)
        detector = build_detector(config.detector, device)
        crops = None if config.dataset.name == "none" else _crops(config, bundle, detector)
        write_json(folder / "environment.json", describe((call or Call()).command, bundle.about["seed"]))
        exam = Exam(crops, scenes, detector)
        scored = score(bundle, exam, device, call or Call(), {"fit": 0.0})
        write_scores(folder, exam, scored)
    return scored.result


def _cropping_as_asked(bundle: Bundle, changes: CropChanges) -> Bundle:
    """The model with another crop rule, where one is asked for."""
    asked = {key: value for key, value in asdict(changes).items() if value is not None}
    config = CropConfig(**asdict(bundle.crop) | asked)
    problems = list(crop_problems(config))
    if asked and problems:
        raise ConfigError(problems)
    return replace(bundle, crop=crop_rule(config))


def _crops(config: EvaluateConfig, bundle: Bundle, detector: FaceDetector) -> Crops:
    """The part of a data set that a model is scored on."""
    split = SplitName(config.split)
    dataset = _cut_as_trained(config.dataset, bundle)
    source = _with_part(load_source(dataset), dataset, split, bundle)
    source.labels.mapping_to(bundle.labels)
    trained_on = bundle.about["config"]["dataset"].get("faces", "given")
    if trained_on != config.dataset.faces:
        log.warning("the model was trained on dataset.faces=%s, and is scored on %s", trained_on, config.dataset.faces)
    parts = _faces({split: source.parts[split]}, config, detector, bundle.crop)
    return Crops(source, split, Decoder.of(config.dataset, bundle.spec).decode(parts[split]))


def _cut_as_trained(dataset: DatasetConfig, bundle: Bundle) -> DatasetConfig:
    """A data set that the model's run knew, alone or in a mix, is cut as it was there, whatever is asked here.

    So no image that the model was trained on stands in its test.
    """
    run = bundle.about["config"]["dataset"]
    known = {run["name"], *(member["name"] for member in run.get("mixed", {}).values())}
    if known.isdisjoint({dataset.name, *(member.name for member in dataset.mixed.values())}):
        return dataset
    return replace(dataset, **{key: run[key] for key in ("test_fraction", "validation_fraction", "split_seed")})


def _with_part(source: SourceData, dataset: DatasetConfig, split: SplitName, bundle: Bundle) -> SourceData:
    """The data set with the part that is asked for, cut off as in training where it has none."""
    source = with_test(source, dataset.test_fraction, dataset.split_seed)
    selected_on = bundle.about["protocol"]["selection"]
    if split is SplitName.VALIDATION or (split is SplitName.TRAIN and selected_on == "validation"):
        source = with_validation(source, dataset.validation_fraction, dataset.split_seed)
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


def _faces(
    parts: Mapping[SplitName, Part], config: Config | EvaluateConfig, detector: FaceDetector, rule: CropRule
) -> Mapping[SplitName, Part]:
    """The parts as they are, or cut down to the faces in them: as ``dataset.faces`` says."""
    if config.dataset.faces == "given":
        return parts
    if rule.preprocess != "standard":
        raise ConfigError([f"dataset.faces=detected: the model has crop.preprocess={rule.preprocess}; use given"])
    return FaceFinder(detector, config.detector, config.dataset.cache).cut_out(parts, rule)


def _decode(config: Config, source: SourceData, spec: InputSpec, detector: FaceDetector) -> dict[SplitName, Decoded]:
    """All images that the run will need, so that unreadable ones show before training."""
    needed = {"train", config.protocol.selection, config.protocol.report} - {"none"}
    parts = {split: part for split, part in source.parts.items() if split in needed}
    faces = _faces(parts, config, detector, crop_rule(config.crop))
    return Decoder.of(config.dataset, spec).decode_parts(faces, config.dataset.decode_size)


def _training_data(
    config: Config, decoded: dict[SplitName, Decoded], classifier: Classifier, spec: InputSpec
) -> ExpressionData:
    """Training images, and those of the selection split; or their features, where only the head is trained on them."""
    chosen_on = config.protocol.selection
    selection = None if chosen_on == "none" else labelled(decoded[SplitName(chosen_on)])
    train = decoded[SplitName.TRAIN]
    images = labelled(train, draw_weights(train.part, config.dataset))
    data = ExpressionData(images, selection, config.dataset.batch_size, config.seed)
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
        crop=crop_rule(config.crop),
        flip_average=config.protocol.flip_average,
        about=about,
    )


def _device(accelerator: str) -> str:
    return "cuda" if accelerator != "cpu" and torch.cuda.is_available() else "cpu"
