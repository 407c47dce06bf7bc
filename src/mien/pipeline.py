"""The order of the stages: data, model, training, evaluation, end to end, report. The only module that knows it."""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from pytorch_lightning import seed_everything

from mien.config.load import plain
from mien.config.schema import Config, DatasetConfig, DetectorConfig, ProtocolConfig
from mien.data.catalog import load_source
from mien.data.decode import decode
from mien.data.source import SourceData
from mien.data.split import with_test, with_validation
from mien.detection import build_detector
from mien.endtoend.records import EndToEndRun
from mien.endtoend.scenes import SceneSource, build_scenes
from mien.endtoend.sheet import draw_sheet
from mien.endtoend.stage import run_end_to_end
from mien.environment import describe
from mien.errors import DataError
from mien.evaluation.evaluate import Evaluation, evaluate
from mien.evaluation.predict import Predictor
from mien.files import atomic_path, write_json
from mien.models.bundle import Bundle, CropRule
from mien.models.factory import Classifier, build_classifier, input_spec
from mien.report.run import report_run
from mien.results import RunResult
from mien.runs import check_space, claim
from mien.training.data import ExpressionData, to_tensors
from mien.training.fit import RunPlace, fit
from mien.training.loggers import build_logger, close_logger, log_result
from mien.training.trainer import check_devices
from mien.types import InputSpec, SplitName

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Call:
    """How a run was started, for its records."""

    command: str = ""
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Parts:
    """All that is built before work starts, so that whatever is wrong shows at once."""

    source: SourceData
    spec: InputSpec
    classifier: Classifier
    scenes: SceneSource | None


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
    done = claim(folder, config)
    if done is not None:
        log.info("%s is finished already; resume=never trains anew", folder)
        return done
    check_devices(config.trainer)
    seed_everything(config.seed, verbose=False)
    parts = _build(config)
    check_space(folder, parts.classifier.count_parameters()[0])
    write_json(folder / "environment.json", describe(call.command, config.seed))
    logger = build_logger(config.logger, folder, folder.name, plain(config))
    try:
        result = _stages(config, parts, RunPlace(folder, logger), call)
        log_result(logger, result)
        return result
    finally:
        close_logger(logger)


def _build(config: Config) -> _Parts:
    source = split_by_protocol(load_source(config.dataset), config.dataset, config.protocol)
    spec = input_spec(config.backbone)
    scenes = build_scenes(config.scenes, source.labels)
    return _Parts(source, spec, build_classifier(config.backbone, config.head, len(source.labels)), scenes)


def split_by_protocol(source: SourceData, dataset: DatasetConfig, protocol: ProtocolConfig) -> SourceData:
    """Cut the parts that the protocol needs and the data set lacks."""
    source = with_test(source, dataset.test_fraction, dataset.split_seed)
    if protocol.selection == "validation" or protocol.report == "validation":
        source = with_validation(source, dataset.validation_fraction, dataset.split_seed)
    return source


def _stages(config: Config, parts: _Parts, place: RunPlace, call: Call) -> RunResult:
    started = perf_counter()
    fitted = fit(config, parts.classifier, parts.spec, _training_data(config, parts), place)
    seconds = {"fit": perf_counter() - started}
    bundle = _bundle(config, parts)
    predictor = Predictor(bundle, _device(config))
    started = perf_counter()
    reported = parts.source.parts[SplitName(config.protocol.report)]
    evaluation = evaluate(
        reported, parts.source.labels, predictor, config.dataset.on_bad_image, config.dataset.workers
    )
    seconds["test"] = perf_counter() - started
    started = perf_counter()
    faces = end_to_end(parts.scenes, config.detector, predictor, bundle.crop)
    seconds["end_to_end"] = perf_counter() - started
    total, trainable = parts.classifier.count_parameters()
    spec = parts.source.spec()
    result = RunResult(
        command=call.command,
        protocol=asdict(config.protocol),
        dataset={"name": spec.name, "version": spec.version, "fingerprint": spec.fingerprint},
        backbone=config.backbone.model or "timm" if config.backbone.name == "timm" else config.backbone.name,
        parameters=total,
        trainable_parameters=trainable,
        epochs=fitted.epochs,
        seconds=seconds,
        test=evaluation.result,
        end_to_end=None if faces is None else faces.result,
        selection=fitted.selection,
        overrides=call.overrides,
        seed=config.seed,
    )
    write_outputs(place.folder, bundle, evaluation, faces, parts.scenes, result)
    return result


def _training_data(config: Config, parts: _Parts) -> ExpressionData:
    dataset = config.dataset
    part = parts.source.parts.get(SplitName.TRAIN)
    if part is None:
        raise DataError(f"{dataset.name} has no training images")
    train, part = decode(part, parts.spec, dataset.on_bad_image, dataset.workers, dataset.decode_size)
    selection = None
    if config.protocol.selection != "none":
        chosen = parts.source.parts[SplitName(config.protocol.selection)]
        images, chosen = decode(chosen, parts.spec, dataset.on_bad_image, dataset.workers)
        selection = to_tensors(images, chosen.labels)
    return ExpressionData(to_tensors(train, part.labels), selection, dataset.batch_size, config.seed)


def _bundle(config: Config, parts: _Parts) -> Bundle:
    return Bundle(
        parts.classifier,
        parts.source.labels,
        parts.spec,
        config.backbone,
        config.head,
        CropRule(config.detector.margin),
        config.protocol.flip_average,
    )


def _device(config: Config) -> str:
    use_gpu = config.trainer.accelerator != "cpu" and torch.cuda.is_available()
    return "cuda" if use_gpu else "cpu"


def end_to_end(
    scenes: SceneSource | None, detector: DetectorConfig, predictor: Predictor, crop: CropRule
) -> EndToEndRun | None:
    """The final stage: detect, crop, classify; ``None`` without scenes."""
    if scenes is None:
        return None
    finder = build_detector(detector, str(predictor.device))
    return run_end_to_end(scenes, finder, predictor.images, predictor.labels, crop.margin)


def write_outputs(  # noqa: PLR0913 - each is a file of the run folder
    folder: Path,
    bundle: Bundle | None,
    evaluation: Evaluation,
    faces: EndToEndRun | None,
    scenes: SceneSource | None,
    result: RunResult,
) -> None:
    """Write a run's files. ``results.json`` marks it as finished; only the plots, which are made from it, come after."""
    with atomic_path(folder / "predictions.parquet") as path:
        evaluation.predictions.to_parquet(path)
    if faces is not None and scenes is not None:
        with atomic_path(folder / "end_to_end.parquet") as path:
            faces.to_frame().to_parquet(path)
        draw_sheet(faces, scenes, folder / "plots" / "end_to_end.png")
    if bundle is not None:
        about: dict[str, Any] = {"dataset": result.dataset, "protocol": result.protocol, "seed": result.seed}
        about["test"] = {"accuracy": result.test.accuracy, "accuracy_ci95": result.test.accuracy_ci95}
        Bundle(**{**bundle.__dict__, "about": about}).save(folder)
    result.save(folder)
    report_run(folder, evaluation.image)
