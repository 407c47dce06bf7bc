"""The order of the stages: data, model, training, evaluation, end to end, report. The only module that knows it."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import seed_everything

from mien.config.evaluate import EvaluateConfig
from mien.config.load import plain
from mien.config.schema import Config, DetectorConfig
from mien.data.catalog import load_source
from mien.data.decode import decode, decode_parts
from mien.data.source import Part, SourceData
from mien.data.split import with_test, with_validation
from mien.detection import build_detector
from mien.endtoend.records import EndToEndRun
from mien.endtoend.scenes import SceneSource, build_scenes
from mien.endtoend.sheet import draw_sheet
from mien.endtoend.stage import run_end_to_end
from mien.environment import describe, is_first_process
from mien.errors import DataError
from mien.evaluation.evaluate import Evaluation, evaluate
from mien.evaluation.predict import Predictor
from mien.files import atomic_path, write_json
from mien.models.bundle import Bundle, CropRule
from mien.models.factory import Classifier, build_classifier, input_spec
from mien.report.run import report_run
from mien.results import RunResult, SelectionScore
from mien.runs import check_space, claim
from mien.training.data import ExpressionData, to_tensors
from mien.training.fit import Fitted, RunPlace, fit
from mien.training.loggers import build_logger, close_logger, log_result
from mien.training.trainer import check_devices
from mien.types import InputSpec, SplitName

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Call:
    """How a run was started, for its records."""

    command: str = ""
    overrides: tuple[str, ...] = ()


Decoded = tuple[NDArray[np.uint8], Part]
"""Images (N, C, S, S) uint8, and the part that they are."""


@dataclass(frozen=True)
class _Exam:
    """What a model is scored on."""

    source: SourceData
    split: SplitName
    decoded: Decoded
    scenes: SceneSource | None
    detector: DetectorConfig


@dataclass(frozen=True)
class _Scored:
    """A result, and what its files and plots are made from."""

    result: RunResult
    evaluation: Evaluation
    faces: EndToEndRun | None


def run(config: Config, folder: Path, call: Call | None = None) -> RunResult:
    """Run an experiment from data to report.

    Args:
        config: The experiment.
        folder: Its run folder. A finished run of the same experiment is returned as it is, an interrupted one goes on.
        call: How it was started.

    Raises:
        MienError: Anything a user can put right; before training starts wherever that can be known.
    """
    call = call or Call()
    check_devices(config.trainer)
    done = claim(folder, config) if is_first_process() else None
    if done is not None:
        log.info("%s is finished already; resume=never trains anew", folder)
        return done
    seed_everything(config.seed, verbose=False)
    source, scenes = _open(config)
    spec = input_spec(config.backbone)
    classifier = build_classifier(config.backbone, config.head, len(source.labels))
    check_space(folder, classifier.count_parameters()[0])
    decoded = _decode(config, source, spec)
    exam = _Exam(source, (split := SplitName(config.protocol.report)), decoded[split], scenes, config.detector)
    write_json(folder / "environment.json", describe(call.command, config.seed))
    logger = build_logger(config.logger, folder, folder.name, plain(config))
    seconds: dict[str, float] = {}
    try:
        with _timed(seconds, "fit"):
            fitted = fit(config, classifier, spec, _training_data(config, decoded), RunPlace(folder, logger))
        if not fitted.is_main:
            sys.exit()  # one of several training processes; the first goes on alone, so that nothing is counted twice
        bundle = _bundle(config, classifier, spec, source, fitted)
        scored = _score(bundle, exam, _device(config.trainer.accelerator), call, seconds)
        _write(folder, exam, scored, bundle)
        log_result(logger, scored.result)
    finally:
        close_logger(logger)
    return scored.result


def evaluate_model(config: EvaluateConfig, folder: Path, call: Call | None = None) -> RunResult:
    """Score a finished model on a data set of its classes, and on whole photos.

    Args:
        config: Model, data set and scenes.
        folder: Where results, predictions and plots go.
        call: How it was started.

    Raises:
        MienError: No such model or data, or classes that the model does not have.
    """
    bundle = Bundle.load(Path(config.run))
    split, dataset = SplitName(config.split), config.dataset
    source = load_source(dataset)
    if split is SplitName.VALIDATION:
        source = with_validation(source, dataset.validation_fraction, dataset.split_seed)
    if split is SplitName.TEST:
        source = with_test(source, dataset.test_fraction, dataset.split_seed)
    source.labels.mapping_to(bundle.labels)
    scenes = build_scenes(config.scenes, bundle.labels)
    decoded = decode(source.parts[split], bundle.spec, dataset.on_bad_image, dataset.workers)
    exam = _Exam(source, split, decoded, scenes, config.detector)
    scored = _score(bundle, exam, _device(config.accelerator), call or Call(), {"fit": 0.0})
    _write(folder, exam, scored)
    return scored.result


def _open(config: Config) -> tuple[SourceData, SceneSource | None]:
    """The data set, with the parts that the protocol needs, and the whole photos; nothing is decoded yet."""
    dataset, protocol = config.dataset, config.protocol
    source = with_test(load_source(dataset), dataset.test_fraction, dataset.split_seed)
    if SplitName.TRAIN not in source.parts:
        raise DataError(f"{dataset.name} has no training images")
    if "validation" in (protocol.selection, protocol.report):
        source = with_validation(source, dataset.validation_fraction, dataset.split_seed)
    scenes = build_scenes(config.scenes, source.labels)
    if scenes is not None:
        scenes.labels.mapping_to(source.labels)
    return source, scenes


def _decode(config: Config, source: SourceData, spec: InputSpec) -> dict[SplitName, Decoded]:
    """All images that the run will need, so that unreadable ones show before training."""
    dataset, protocol = config.dataset, config.protocol
    needed = {"train", protocol.selection, protocol.report} - {"none"}
    parts = {split: part for split, part in source.parts.items() if split in needed}
    return decode_parts(parts, spec, dataset.on_bad_image, dataset.workers, dataset.decode_size)


def _training_data(config: Config, decoded: dict[SplitName, Decoded]) -> ExpressionData:
    """Training images, and those of the selection split."""
    images, part = decoded[SplitName.TRAIN]
    selection = None
    if config.protocol.selection != "none":
        chosen_images, chosen = decoded[SplitName(config.protocol.selection)]
        selection = to_tensors(chosen_images, chosen.labels)
    return ExpressionData(to_tensors(images, part.labels), selection, config.dataset.batch_size, config.seed)


def _bundle(config: Config, classifier: Classifier, spec: InputSpec, source: SourceData, fitted: Fitted) -> Bundle:
    about = {
        "dataset": _named(source),
        "protocol": asdict(config.protocol),
        "seed": config.seed,
        "epochs": fitted.epochs,
        "selection": None if fitted.selection is None else asdict(fitted.selection),
        "trainable_parameters": classifier.count_parameters()[1],
        "config": plain(config),
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


def _score(bundle: Bundle, exam: _Exam, device: str, call: Call, seconds: dict[str, float]) -> _Scored:
    """Evaluate on the reported split and on whole photos."""
    predictor = Predictor(bundle, device)
    with _timed(seconds, "test"):
        evaluation = evaluate(*exam.decoded, exam.source.labels, predictor)
    with _timed(seconds, "end_to_end"):
        faces = _end_to_end(exam, predictor, bundle.crop)
    about = bundle.about
    result = RunResult(
        command=call.command,
        protocol=about["protocol"] | {"report": str(exam.split)},
        dataset=_named(exam.source),
        backbone=bundle.backbone.model or "" if bundle.backbone.name == "timm" else bundle.backbone.name,
        parameters=bundle.classifier.count_parameters()[0],
        trainable_parameters=about["trainable_parameters"],
        epochs=about["epochs"],
        seconds=seconds,
        test=evaluation.result,
        end_to_end=None if faces is None else faces.result,
        selection=None if about["selection"] is None else SelectionScore(**about["selection"]),
        overrides=call.overrides,
        seed=about["seed"],
    )
    return _Scored(result, evaluation, faces)


def _end_to_end(exam: _Exam, predictor: Predictor, crop: CropRule) -> EndToEndRun | None:
    """The final stage: detect, crop, classify; ``None`` without scenes."""
    if exam.scenes is None:
        return None
    detector = build_detector(exam.detector, str(predictor.device))
    return run_end_to_end(exam.scenes, detector, predictor.images, predictor.labels, crop.margin)


def _write(folder: Path, exam: _Exam, scored: _Scored, bundle: Bundle | None = None) -> None:
    """Write the files of a result; ``results.json`` marks it as finished, and only plots made from it come after."""
    with atomic_path(folder / "predictions.parquet") as path:
        scored.evaluation.predictions.to_parquet(path)
    if scored.faces is not None and exam.scenes is not None:
        with atomic_path(folder / "end_to_end.parquet") as path:
            scored.faces.to_frame().to_parquet(path)
        draw_sheet(scored.faces, exam.scenes, folder / "plots" / "end_to_end.png")
    if bundle is not None:
        test = scored.result.test
        scores = {"n": test.n, "accuracy": test.accuracy, "accuracy_ci95": test.accuracy_ci95}
        replace(bundle, about=bundle.about | {"test": scores}).save(folder)
    scored.result.save(folder)
    report_run(folder, scored.evaluation.image)


def _named(source: SourceData) -> dict[str, str]:
    """Name, version and fingerprint of the data."""
    spec = source.spec()
    return {"name": spec.name, "version": spec.version, "fingerprint": spec.fingerprint}


def _device(accelerator: str) -> str:
    return "cuda" if accelerator != "cpu" and torch.cuda.is_available() else "cpu"


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note a stage's wall time."""
    started = perf_counter()
    yield
    seconds[name] = round(perf_counter() - started, 3)
