"""Scoring a finished model: test, end to end, and the files of its result."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from mien.data.decode import Decoded
from mien.data.source import SourceData
from mien.endtoend.records import EndToEndRun
from mien.endtoend.scenes import SceneSource
from mien.endtoend.score import with_gap
from mien.endtoend.sheet import draw_sheet
from mien.endtoend.stage import run_end_to_end
from mien.evaluation.evaluate import Evaluation, evaluate, predict
from mien.evaluation.explain import Explainer
from mien.evaluation.predict import Predictor
from mien.files import atomic_path, read_json, write_text
from mien.models.bundle import CARD, FACTS, Bundle
from mien.report.explanations import Explained, choose_explained, plot_explanations
from mien.report.model_card import model_card
from mien.report.run import report_run
from mien.results import RunResult, SelectionScore
from mien.runs import model_id
from mien.types import CropRule, FaceDetector, Leaks, SplitName


@dataclass(frozen=True)
class Call:
    """How a run was started, for its records.

    Attributes:
        command: The command line.
        overrides: Of the run alone.
        sweep: The name of the sweep that it belongs to, if any.
        name: What tells it from the other jobs of that sweep.
    """

    command: str = ""
    overrides: tuple[str, ...] = ()
    sweep: str | None = None
    name: str = ""


Photos = tuple[SceneSource | None, FaceDetector]
"""Whole photos, ``None`` for no end-to-end stage, and what finds the faces in them."""


@dataclass(frozen=True)
class Crops:
    """A part of a data set, decoded.

    Attributes:
        source: The data set.
        split: The part.
        decoded: Its images.
        leaks: What of it stands in train byte for byte; ``None`` where that is unknown.
        copies: Keys of what has a copy there, exact or near; ``None`` where no audit says so.
        own: Whether the model was trained on this data set.
    """

    source: SourceData
    split: SplitName
    decoded: Decoded
    leaks: Leaks | None = None
    copies: frozenset[str] | None = None
    own: bool = True


@dataclass(frozen=True)
class Exam:
    """What a model is scored on: ready-made crops, whole photos, or both.

    Of ``selection``, the split that a model in training was chosen on, only the predictions are kept.
    """

    crops: Crops | None
    scenes: SceneSource | None
    detector: FaceDetector
    selection: Decoded | None = None


@dataclass(frozen=True)
class Scored:
    """A result, and what its files and plots are made from."""

    result: RunResult
    evaluation: Evaluation | None
    faces: EndToEndRun | None
    selection: pd.DataFrame | None


def score(bundle: Bundle, exam: Exam, device: str, call: Call, seconds: dict[str, float]) -> Scored:
    """Evaluate on the reported split and on whole photos."""
    predictor, crops = Predictor(bundle, device), exam.crops
    with _timed(seconds, "test"):
        evaluation = None if crops is None else _evaluate(crops, predictor)
    test = None if evaluation is None else evaluation.result
    with _timed(seconds, "end_to_end"):
        faces = _end_to_end(exam, predictor, bundle.crop)
    about = bundle.about
    result = RunResult(
        command=call.command,
        protocol=_protocol(about["protocol"], crops),
        dataset=NOTHING if crops is None else named(crops.source),
        backbone=bundle.name,
        parameters=bundle.classifier.count_parameters()[0],
        trainable_parameters=about["trainable_parameters"],
        epochs=about["epochs"],
        seconds=seconds,
        test=test,
        end_to_end=None if faces is None else faces.result,
        selection=None if about["selection"] is None else SelectionScore(**about["selection"]),
        overrides=call.overrides,
        seed=about["seed"],
        trained_on=about["dataset"]["name"],
        own_data=None if crops is None else crops.own,
        weights=about["config"]["backbone"]["weights"] if "config" in about else "",
        model=model_id(about["config"], about["dataset"]["fingerprint"]) if "config" in about else "",
        members=tuple(about.get("members", ())),
    )
    return Scored(_with_gap(result, about), evaluation, faces, _selection(exam, predictor))


def _protocol(trained: dict[str, Any], crops: Crops | None) -> dict[str, Any]:
    """The protocol that the model was trained under, with what is reported here."""
    report = NOTHING["name"] if crops is None else str(crops.split)
    looked_at = crops is not None and crops.own and report == trained["report"] and trained.get("report_curve", False)
    return trained | {"report": report, "report_curve": looked_at}


def _evaluate(crops: Crops, predictor: Predictor) -> Evaluation:
    """Scores on crops, with and without those that stand in train too, or have a copy there."""
    leaked = None if crops.leaks is None else crops.leaks.keys()
    return evaluate(crops.decoded, crops.source.labels, predictor, leaked, crops.copies)


def _selection(exam: Exam, predictor: Predictor) -> pd.DataFrame | None:
    """The predictions on the selection split, for what is fitted on it after training, such as a temperature."""
    if exam.selection is None or exam.crops is None:
        return None
    return predict(exam.selection, exam.crops.source.labels, predictor).table


def _end_to_end(exam: Exam, predictor: Predictor, crop: CropRule) -> EndToEndRun | None:
    """The final stage: detect, crop, classify; ``None`` without scenes."""
    if exam.scenes is None:
        return None
    return run_end_to_end(exam.scenes, exam.detector, predictor.faces, predictor.labels, crop)


def _with_gap(result: RunResult, about: dict[str, Any]) -> RunResult:
    """The result with the distance between photos and crops: those scored now, else those of the model's own test."""
    if result.end_to_end is None:
        return result
    if result.test is not None:
        crops = f"{result.dataset['name']}, {result.protocol['report']}"
        accuracy, n = result.test.accuracy, result.test.n
    elif "test" in about:
        crops = f"{about['dataset']['name']}, {about['protocol']['report']}"
        accuracy, n = about["test"]["accuracy"], about["test"]["n"]
    else:
        return result
    return replace(result, end_to_end=with_gap(result.end_to_end, crops, accuracy, n))


def write_scores(folder: Path, exam: Exam, scored: Scored, bundle: Bundle | None = None) -> None:
    """Write the files of a result, last of all ``results.json``, which marks it as finished."""
    evaluation, test = scored.evaluation, scored.result.test
    if evaluation is not None:
        with atomic_path(folder / "predictions.parquet") as path:
            evaluation.predictions.to_parquet(path)
    if scored.selection is not None:
        with atomic_path(folder / "validation.parquet") as path:
            scored.selection.to_parquet(path)
    if scored.faces is not None and exam.scenes is not None:
        with atomic_path(folder / "end_to_end.parquet") as path:
            scored.faces.to_frame().to_parquet(path)
        draw_sheet(scored.faces, exam.scenes, folder / "plots" / "end_to_end.png")
    if bundle is not None and test is not None:
        scores = {"n": test.n, "accuracy": test.accuracy, "accuracy_ci95": test.accuracy_ci95}
        saved = replace(bundle, about=bundle.about | {"test": scores}).save(folder)
        write_text(saved / CARD, model_card(read_json(saved / FACTS), scored.result))
    report_run(folder, None if evaluation is None else evaluation.image, scored.result)
    scored.result.save(folder)


def draw_explanations(folder: Path, bundle: Bundle, scored: Scored, device: str) -> None:
    """Draw Grad-CAM maps of some predictions on the scored split, ``plots/explain.png``; none without such a split."""
    if scored.evaluation is None:
        return
    explainer, predictions = Explainer(bundle, device), scored.evaluation.predictions
    rows = choose_explained(predictions, scored.result.seed)
    chosen, images = predictions.iloc[rows], scored.evaluation.images[np.array(rows, np.int64)]
    heat = explainer.maps(images, np.array([bundle.labels.index(name) for name in chosen["predicted"]]))
    shown = [
        Explained(image, map_, row["label"], row["predicted"], float(row[f"p_{row['predicted']}"]))
        for image, map_, (_, row) in zip(explainer.seen(images), heat, chosen.iterrows(), strict=True)
    ]
    plot_explanations(shown, bundle.labels.names, explainer.cells, folder / "plots" / "explain.png")


NOTHING = {"name": "none", "version": "", "fingerprint": ""}
"""Stands for the data where only whole photos are scored."""


def named(source: SourceData) -> dict[str, str]:
    """Name, version and fingerprint of the data."""
    spec = source.spec()
    return {"name": spec.name, "version": spec.version, "fingerprint": spec.fingerprint}


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note a stage's wall time."""
    started = perf_counter()
    yield
    seconds[name] = round(perf_counter() - started, 3)
