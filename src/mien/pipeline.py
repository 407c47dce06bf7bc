"""The order of the stages: data, model, training, evaluation, end to end, report. The only module that knows it."""

import logging
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path

from pytorch_lightning import seed_everything

from mien.cache.store import open_store
from mien.config.evaluate import EvaluateConfig
from mien.config.load import plain, to_yaml
from mien.config.schema import Config, TrainerConfig
from mien.data.decode import Decoded, Decoder, skipped
from mien.data.mixed import draw_weights
from mien.data.source import SourceData
from mien.data.split import parts_used
from mien.detection import build_detector, crop_rule
from mien.endtoend.scenes import build_scenes
from mien.endtoend.stage import fingerprint
from mien.environment import describe, note_start, versions
from mien.evaluation.explain import check_explainable
from mien.files import write_text
from mien.loggers import Loggers, Outcome, check_loggers, logged, told
from mien.models.bundle import Bundle
from mien.models.factory import Classifier, build_classifier, input_spec
from mien.opening import Opened, cropping_as_asked, open_for_evaluation, open_for_training
from mien.results import RESULTS_FILE, RunResult
from mien.runs import CONFIG_FILE, check_space, claim, note_skipped, owned, write_data
from mien.scoring import Call, Crops, Exam, Photos, Scored, draw_explanations, named, score, write_scores
from mien.stages import crops_of, cut_faces, decode, exam_of, photos_of
from mien.training.checkpoints import FOLDER as CHECKPOINTS
from mien.training.checkpoints import LAST, Watch
from mien.training.data import ExpressionData, labelled
from mien.training.features import Features
from mien.training.fit import Fitted, RunPlace, fit, settled
from mien.training.team import Team
from mien.training.trainer import as_begun, check_devices
from mien.types import FaceDetector, InputSpec, SplitName
from mien.world import device_of, is_first_process, world

log = logging.getLogger(__name__)


def run(config: Config, folder: Path, call: Call | None = None, watch: Watch | None = None) -> RunResult:
    """Run an experiment from data to report.

    Args:
        config: The experiment.
        folder: Its run folder. A finished run of the same experiment is returned as it is, an interrupted one goes on.
        call: How it was started.
        watch: Gets the row of every epoch in the first process, once the epoch is saved; what it raises ends the run.

    Raises:
        MienError: Anything a user can put right; before training starts wherever that can be known.
        SystemExit: This is not the first of several processes, and its part is done: nothing is counted twice.
    """
    check_devices(config.trainer)
    check_loggers(config.logger)
    team = Team()
    with owned(folder) if is_first_process() else nullcontext():
        opened = open_for_training(config.dataset, config.protocol)
        photos = photos_of(config, opened.source.labels)
        data = opened.source.spec(parts_used(config.protocol.selection, config.protocol.report))
        seen = None if config.scenes.root is None else lambda: fingerprint(photos[0])
        done = claim(folder, config, data, opened.leaks, seen) if is_first_process() else None
        if not team.has_work("finished" if done is not None else "train", folder / CONFIG_FILE):
            sys.exit()
        if done is not None:
            log.info("%s is finished already; resume=never trains anew", folder)
            if config.report.explain:
                log.info("python evaluate.py run=%s dataset=<its data set> report.explain=true explains it", folder)
            return done
        return _run(config, RunPlace(folder, watch=watch), call or Call(), opened, photos)


def _run(config: Config, place: RunPlace, call: Call, opened: Opened, photos: Photos) -> RunResult:
    """The stages of a run whose folder is ours."""
    folder, source = place.folder, opened.source
    seed_everything(config.seed, verbose=False)
    spec = input_spec(config.backbone)
    classifier = _network(config, spec, len(source.labels))
    goes_on = (folder / CHECKPOINTS / LAST).is_file()
    trainer = as_begun(config.trainer, folder) if goes_on else config.trainer
    config = replace(config, trainer=settled(trainer, classifier))
    check_space(folder, classifier.count_parameters()[0])
    decoded = _decode(config, source, spec, photos[1])
    exam = exam_of(config, opened, decoded, photos)
    if is_first_process():
        facts = {"precision": config.trainer.precision, "processes": world().size}
        note_start(folder, describe(call.command, config.seed) | facts, goes_on)
        note_skipped(folder, skipped(source.parts, decoded))
    data = _training_data(config, decoded, classifier, spec)
    log.info("training %s in %s", config.backbone.name, config.trainer.precision)
    with _logged(config, folder, call) as loggers:
        fitted = fit(config, classifier, spec, data, replace(place, watch=loggers.before(place.watch)))
        if not fitted.is_main:
            sys.exit()
        bundle = _bundle(config, classifier, spec, source, fitted)
        scored = _examine(config, folder, call, exam, bundle, fitted.seconds)
        loggers.outcome(Outcome(folder, scored, config.sweep.trial is not None))
    return scored.result


def _logged(config: Config, folder: Path, call: Call) -> AbstractContextManager[Loggers]:
    """The loggers of a training; none in the other ones of several processes."""
    if not is_first_process():
        return nullcontext(Loggers())
    tags = (config.dataset.name, config.backbone.model or config.backbone.name, config.protocol.name)
    return logged(config.logger, told(config, folder, "train", call, tags))


def _network(config: Config, spec: InputSpec, classes: int) -> Classifier:
    """The network, and a look ahead whether all that is asked of it can be had."""
    classifier = build_classifier(config.backbone, config.head, classes)
    if config.report.explain:
        check_explainable(classifier, spec)
    return classifier


def _examine(config: Config, folder: Path, call: Call, exam: Exam, bundle: Bundle, seconds: float) -> Scored:
    """The scores of the trained model, with their files."""
    device = device_of(config.trainer.accelerator)
    scored = score(bundle, exam, device, call, {"fit": seconds})
    if config.report.explain:
        draw_explanations(folder, bundle, scored, device)
    write_scores(folder, exam, scored, bundle)
    return scored


def evaluate_model(config: EvaluateConfig, folder: Path, call: Call | None = None) -> RunResult:
    """Score a finished model on a data set of its classes, and on whole photos.

    Args:
        config: Model, data set and scenes.
        folder: Where results, predictions and plots go.
        call: How it was started.

    Raises:
        MienError: No such model or data, or classes that the model does not have.
    """
    call = call or Call()
    check_devices(TrainerConfig(accelerator=config.accelerator))
    check_loggers(config.logger)
    bundle = cropping_as_asked(Bundle.load(Path(config.run)), config.crop)
    device = device_of(config.accelerator)
    if config.report.explain:
        check_explainable(bundle.classifier, bundle.spec)
    with owned(folder):
        (folder / RESULTS_FILE).unlink(missing_ok=True)
        write_text(folder / CONFIG_FILE, to_yaml(config))
        scenes = build_scenes(config.scenes, bundle.labels)
        detector = build_detector(config.detector, device)
        crops = None if config.dataset.name == "none" else _crops(config, bundle, detector)
        if crops is not None:
            write_data(folder, crops.source.spec(), crops.leaks)
            note_skipped(folder, skipped(crops.source.parts, {crops.split: crops.decoded}))
        note_start(folder, describe(call.command, bundle.about["seed"]), goes_on=False)
        exam = Exam(crops, scenes, detector)
        tags = (config.dataset.name, config.scenes.name, bundle.backbone.model or bundle.backbone.name)
        facts = told(config, folder, "evaluate", call, [tag for tag in tags if tag != "none"])
        with logged(config.logger, facts) as loggers:
            scored = score(bundle, exam, device, call, {"fit": 0.0})
            if config.report.explain:
                draw_explanations(folder, bundle, scored, device)
            write_scores(folder, exam, scored)
            loggers.outcome(Outcome(folder, scored))
    return scored.result


def _crops(config: EvaluateConfig, bundle: Bundle, detector: FaceDetector) -> Crops:
    """The part of a data set that a model is scored on."""
    opened = open_for_evaluation(config.dataset, (split := SplitName(config.split)), bundle)
    opened.source.labels.mapping_to(bundle.labels)
    trained_on = bundle.about["config"]["dataset"].get("faces", "given")
    if trained_on != config.dataset.faces:
        log.warning("the model was trained on dataset.faces=%s, and is scored on %s", trained_on, config.dataset.faces)
    parts = cut_faces({split: opened.source.parts[split]}, config, detector, bundle.crop)
    prepared = replace(bundle.spec, size=bundle.views.prepared)
    return crops_of(config.output, opened, Decoder.of(config.dataset, prepared).decode(parts[split]))


def _training_data(
    config: Config, decoded: dict[SplitName, Decoded], classifier: Classifier, spec: InputSpec
) -> ExpressionData:
    """Training images, and those that are held out; or their features, where only the head is trained on them."""
    protocol = config.protocol
    selection = None if protocol.selection == "none" else labelled(decoded[SplitName(protocol.selection)])
    reported = labelled(decoded[SplitName(protocol.report)]) if protocol.report_curve else None
    train = decoded[SplitName.TRAIN]
    images = labelled(train, draw_weights(train.part, config.dataset))
    data = ExpressionData(images, selection, config.dataset.batch_size, config.seed, reported)
    if not config.backbone.cache_features.views:
        return data
    device = device_of(config.trainer.accelerator)
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
        ten_crop=config.protocol.ten_crop,
        about=about,
    )


def _decode(config: Config, source: SourceData, spec: InputSpec, detector: FaceDetector) -> dict[SplitName, Decoded]:
    """All images that the run will need, so that unreadable ones show before training."""
    parts = {split: source.parts[split] for split in parts_used(config.protocol.selection, config.protocol.report)}
    decoded = decode(config, parts, spec, detector)
    source.require_classes(decoded[SplitName.TRAIN].part, "readable image")
    return decoded
