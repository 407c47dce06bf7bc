"""A comparison as tables for programs: every run, every pair, every class, and the images that no run gets right."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mien.comparison.calibration import Calibration
from mien.comparison.classes import class_differences
from mien.comparison.compare import Comparison, Tested
from mien.comparison.jobs import Job
from mien.comparison.scores import Score, spread
from mien.face_results import EndToEndResult
from mien.results import RunResult

Cell = str | float | None

VALUES = (
    "protocol", "data", "fingerprint", "backbone", "seed",
    "n", "accuracy", "accuracy_low", "accuracy_high", "macro_recall", "macro_f1", "ece",
    "scenes", "detector", "end_to_end_accuracy", "end_to_end_low", "end_to_end_high",
    "detection_recall", "accuracy_given_detection", "detection_precision", "average_precision", "false_faces", "gap",
    "parameters", "epochs", "fit_seconds",
    "leak_free_n", "leak_free_accuracy", "copy_free_n", "copy_free_accuracy", "selected_by", "selected_value",
)  # fmt: skip
"""What a run's own result says."""
COMPARED = ("model", "compared_n", "compared_accuracy", "nll", "temperature", "nll_scaled", "ece_scaled")
"""What the comparison adds, on the images that all runs share."""
_WHOLE = ["seed", "n", "false_faces", "parameters", "epochs", "leak_free_n", "copy_free_n", "compared_n"]


def run_frame(comparison: Comparison) -> pd.DataFrame:
    """One row a run, the most accurate first, unfinished ones last with empty cells.

    Columns: job, folder, status, and those of :data:`VALUES` and :data:`COMPARED`. Accuracies are fractions; what a
    run was not scored on is empty. Whole numbers stay whole beside empty cells.
    """
    compared = {} if comparison.tested is None else _compared(comparison.tested)
    rows = [_row(job) | compared.get(job.folder, dict.fromkeys(COMPARED)) for job in comparison.jobs]
    return pd.DataFrame(rows).astype(dict.fromkeys(_WHOLE, "Int64"))


def _row(job: Job) -> dict[str, Cell]:
    start: dict[str, Cell] = {"job": job.name, "folder": job.folder.name, "status": job.status}
    if job.run is None:
        return start | dict.fromkeys(VALUES)
    return start | dict(zip(VALUES, _values(job.run), strict=True))


def _values(run: RunResult) -> tuple[Cell, ...]:
    """What stands under :data:`VALUES` for a finished run."""
    test, chosen = run.test, run.selection
    crops: tuple[Cell, ...] = (None,) * 7
    clean: tuple[Cell, ...] = (None,) * 4
    if test is not None:
        crops = (test.n, test.accuracy, *test.accuracy_ci95, test.macro_recall, test.macro_f1, test.ece)
        clean = tuple(
            cell
            for part in (test.leak_free, test.copy_free)
            for cell in ((None, None) if part is None else (part.n, part.accuracy))
        )
    return (
        *(run.protocol["name"], data_name(run), run.dataset["fingerprint"], run.backbone),
        None if run.members else run.seed,
        *crops,
        *_photo_values(run.end_to_end),
        *(run.parameters, None if run.members else run.epochs, run.seconds["fit"]),
        *clean,
        *((None, None) if chosen is None else (f"{chosen.monitor} on {chosen.split}", chosen.value)),
    )


def _photo_values(faces: EndToEndResult | None) -> tuple[Cell, ...]:
    """From ``scenes`` to ``gap`` of :data:`VALUES`."""
    if faces is None:
        return (None,) * 11
    alone = faces.detection
    return (
        *(faces.scenes, faces.detector, faces.accuracy, *faces.accuracy_ci95),
        *(faces.detection_recall, faces.accuracy_given_detection),
        *((None,) * 3 if alone is None else (alone.precision, alone.average_precision, alone.false_faces)),
        None if faces.gap is None else faces.gap.gap,
    )


def data_name(run: RunResult) -> str:
    """Name and version of the data."""
    return f"{run.dataset['name']} {run.dataset['version']}".strip()


def _compared(tested: Tested) -> Mapping[Path, dict[str, Cell]]:
    """By folder what stands under :data:`COMPARED`."""
    rows: dict[Path, dict[str, Cell]] = {}
    for score in tested.scores:
        for job, accuracy in zip(score.model.jobs, score.by_run, strict=True):
            fit: Calibration = tested.calibrations[job.folder]
            own = (
                score.model.name,
                tested.images.n,
                accuracy,
                fit.nll,
                fit.temperature,
                fit.nll_scaled,
                fit.ece_scaled,
            )
            rows[job.folder] = dict(zip(COMPARED, own, strict=True))
    return rows


def model_frame(tested: Tested) -> pd.DataFrame:
    """One row a model, the most accurate first: the mean over its trainings, and how far they spread.

    Columns: model, trainings, seeds, accuracy, accuracy_sd (n - 1; empty for one training), accuracy_low and
    accuracy_high (95 %), accuracy_lowest and accuracy_highest of the trainings, macro_recall and macro_recall_sd, and
    end_to_end_accuracy and end_to_end_sd where all trainings were scored on whole photos. Accuracies are fractions.
    """
    return pd.DataFrame([_model_row(score) for score in tested.scores])


def _model_row(score: Score) -> dict[str, Any]:
    faces = [job.result.end_to_end for job in score.model.jobs]
    photos = [one.accuracy for one in faces if one is not None]
    whole = photos if len(photos) == len(faces) else []
    return {
        "model": score.model.name,
        "trainings": len(score.by_run),
        "seeds": " ".join(str(job.result.seed) for job in score.model.jobs if not job.result.members),
        "accuracy": score.accuracy,
        "accuracy_sd": score.sd,
        "accuracy_low": score.interval[0],
        "accuracy_high": score.interval[1],
        "accuracy_lowest": min(score.by_run),
        "accuracy_highest": max(score.by_run),
        "macro_recall": score.macro_recall,
        "macro_recall_sd": spread(score.macro_by_run),
        "end_to_end_accuracy": float(np.mean(whole)) if whole else None,
        "end_to_end_sd": spread(whole),
    }


def pair_frame(tested: Tested) -> pd.DataFrame:
    """One row a pair of models; differences are the first's minus the second's, fractions with 95 % intervals."""
    columns = (
        "first", "second", "accuracy_difference", "accuracy_low", "accuracy_high",
        "macro_recall_difference", "macro_recall_low", "macro_recall_high",
        "first_only", "second_only", "p_images", "test", "p", "p_holm",
    )  # fmt: skip
    rows = [
        (
            *(pair.first.model.name, pair.second.model.name, pair.difference, *pair.interval),
            *(pair.macro_difference, *pair.macro_interval),
            *(pair.first_only, pair.second_only, pair.p_images, pair.test, pair.p, pair.p_holm),
        )
        for pair in tested.pairs
    ]
    return pd.DataFrame(rows, columns=list(columns))


def class_frame(tested: Tested) -> pd.DataFrame:
    """One row a model and class: recall, and how it differs from the base's, with a 95 % bootstrap interval."""
    return pd.DataFrame(_class_rows(tested))


def _class_rows(tested: Tested) -> Iterator[dict[str, Any]]:
    base = tested.scores[tested.base].model.name
    for m, score in enumerate(tested.scores):
        for row in class_differences(tested, m):
            low, high = row.interval or (None, None)
            yield {
                "model": score.model.name, "class": row.label, "support": row.support, "recall": row.recall,
                "against": base, "difference": row.difference, "difference_low": low, "difference_high": high,
            }  # fmt: skip


def missed_frame(tested: Tested) -> pd.DataFrame:
    """One row an image that no run gets right: its name, true class, and which class most runs take it for.

    Columns: key, label, predicted, runs (the number of runs that say so), leaked (empty where that is unknown).
    """
    images, places = tested.images, tested.missed_by_all
    counts = np.stack([(images.predicted[:, places] == k).sum(axis=0) for k in range(len(images.classes))])
    names = np.array(images.classes)
    return pd.DataFrame(
        {
            "key": images.keys[places],
            "label": names[images.labels[places]],
            "predicted": names[counts.argmax(axis=0)],
            "runs": counts.max(axis=0),
            "leaked": None if images.leaked is None else images.leaked[places],
        }
    )
