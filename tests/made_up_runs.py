"""Made-up but believable run folders, with scores that follow from their own predictions."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mien.face_results import ClassEndToEnd, CropGap, DetectionScore, EndToEndResult, Outcomes, SizeScore
from mien.labels import EXPRESSIONS
from mien.results import ClassScore, EvalResult, RunResult

NAMES = EXPRESSIONS.names
CLEAN = {
    "name": "clean",
    "selection": "validation",
    "checkpoint": "best",
    "monitor": "macro_recall",
    "report": "test",
    "flip_average": False,
}


def make_predictions(seed: int = 0, n: int = 350, skill: float = 3.0, absent: tuple[str, ...] = ()) -> pd.DataFrame:
    """Predictions of a model of this skill; the absent classes have no sample."""
    rng = np.random.default_rng(seed)
    present = [k for k, name in enumerate(NAMES) if name not in absent]
    labels = rng.choice(present, size=n)
    logits = rng.normal(size=(n, len(NAMES)))
    logits[np.arange(n), labels] += skill
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    frame = pd.DataFrame({"key": [f"{i:05d}.png" for i in range(n)]})
    frame["label"] = [NAMES[k] for k in labels]
    frame["predicted"] = [NAMES[k] for k in p.argmax(axis=1)]
    return frame.assign(**{f"p_{name}": p[:, k].astype(np.float32) for k, name in enumerate(NAMES)})


def score(predictions: pd.DataFrame) -> EvalResult:
    """The scores of these predictions; interval and calibration are made up."""
    labels, guesses = predictions["label"].to_numpy(), predictions["predicted"].to_numpy()
    rows = []
    for name in NAMES:
        true, said = int((labels == name).sum()), int((guesses == name).sum())
        hits = int(((labels == name) & (guesses == name)).sum())
        f1 = 2 * hits / (true + said) if true else None
        rows.append(ClassScore(name, hits / true if true else None, hits / said if said else None, f1, true))
    accuracy = float((labels == guesses).mean())
    half = 1.96 * float(np.sqrt(accuracy * (1 - accuracy) / len(labels)))
    return EvalResult(
        n=len(labels),
        accuracy=accuracy,
        accuracy_ci95=(accuracy - half, accuracy + half),
        macro_recall=float(np.mean([row.recall for row in rows if row.recall is not None])),
        macro_f1=float(np.mean([row.f1 for row in rows if row.f1 is not None])),
        ece=0.0312,
        loss=0.41,
        per_class=tuple(rows),
        confusion=tuple(tuple(int(((labels == a) & (guesses == b)).sum()) for b in NAMES) for a in NAMES),
    )


def end_to_end(test: EvalResult) -> EndToEndResult:
    """A plausible score on 140 faces in photos, a little below the test's; contempt-like classes stay empty."""
    rows = [
        ClassEndToEnd(s.label, 20, 0.95, 0.97 * s.recall, 0.95 * 0.97 * s.recall)
        if s.recall is not None
        else ClassEndToEnd(s.label, 0, None, None, None)
        for s in test.per_class
    ]
    accuracy = 0.92 * test.accuracy
    return EndToEndResult(
        "drawn", "mtcnn", 140, 0.957, accuracy / 0.957, accuracy, (accuracy - 0.05, accuracy + 0.05), tuple(rows)
    )


def whole_result(accuracy: float = 0.5, tight: bool = True, detector: str = "mtcnn") -> EndToEndResult:
    """A result with all that there can be, on 200 faces of which fear has none; half its parts do without boxes."""
    right = round(200 * accuracy)
    shares = Outcomes(right, 30, 170 - right - 20, 20 if tight else None)
    empty = Outcomes(0, 0, 0, 0 if tight else None)
    rows = [
        ClassEndToEnd(n, 0, None, None, None, empty) if n == "fear" else ClassEndToEnd(n, 9, 0.9, 0.5, 0.4, shares)
        for n in NAMES
    ]
    sizes = (
        SizeScore(0, 40, 0, None, None, (0.0, 1.0)),
        SizeScore(40, 80, 50, 0.8, 0.3, (0.19, 0.44)),
        SizeScore(80, 160, 100, 0.9, 0.5, (0.4, 0.6)),
        SizeScore(160, None, 50, 1.0, 0.7, (0.56, 0.81)),
    )
    return EndToEndResult(
        *("drawn" if tight else "photos", detector, 200, 0.85, accuracy / 0.85, accuracy),
        (accuracy - 0.07, accuracy + 0.07),
        tuple(rows),
        outcomes=shares,
        by_size=sizes if tight else (),
        detection=DetectionScore(0.5, 1180, 1010, 170 / 1180, 0.807) if tight else None,
        gap=CropGap("fer2013", accuracy + 0.142, 0.142, (-0.01, 0.304)),
    )


def make_metrics(epochs: int, top: float, validation: bool = True, seed: int = 0) -> pd.DataFrame:
    """Learning curves that saturate, with noise."""
    rng = np.random.default_rng(seed)
    epoch = np.arange(1, epochs + 1)
    rise = 1 - np.exp(-epoch / max(1.0, epochs / 4))
    frame = pd.DataFrame({"epoch": epoch, "lr": 0.001 * np.cos(epoch / max(1, epochs) * 1.5)})
    frame["train_loss"] = 1.95 - 1.7 * rise + rng.normal(0, 0.02, epochs)
    frame["train_accuracy"] = 0.15 + (min(1.0, top + 0.03) - 0.15) * rise
    if validation:
        frame["val_loss"] = 1.95 - 1.5 * rise + 0.15 * (epoch / epochs) ** 2 + rng.normal(0, 0.04, epochs)
        frame["val_accuracy"] = 0.15 + (top - 0.15) * rise + rng.normal(0, 0.01, epochs)
        frame["val_macro_recall"] = frame["val_accuracy"] - 0.01
    return frame


def make_run(folder: Path, seed: int = 0, skill: float = 3.0, epochs: int = 12, **changes: Any) -> RunResult:
    """Write a finished run; ``changes`` replace fields of its result, ``absent`` names classes without a sample."""
    predictions = make_predictions(seed, skill=skill, absent=changes.pop("absent", ()))
    test = score(predictions)
    folder.mkdir(parents=True, exist_ok=True)
    predictions.to_parquet(folder / "predictions.parquet")
    make_metrics(epochs, test.accuracy, seed=seed).to_csv(folder / "metrics.csv", index=False)
    run = replace(a_result(test, epochs=epochs, end_to_end=end_to_end(test), seed=seed), **changes)
    run.save(folder)
    return run


def a_result(test: EvalResult, **changes: Any) -> RunResult:
    """The result of a training of the small CNN, without whole photos."""
    run = RunResult(
        command="python train.py",
        protocol=CLEAN,
        dataset={"name": "drawn_faces", "version": "1", "fingerprint": "ab12"},
        backbone="small_cnn",
        parameters=391_815,
        trainable_parameters=391_815,
        epochs=3,
        seconds={"fit": 92.4, "test": 1.5, "end_to_end": 7.0},
        test=test,
        end_to_end=None,
    )
    return replace(run, **changes)
