"""What W&B shows of an outcome: tables, pictures, sample predictions, and the model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mien.evaluation.evaluate import Evaluation
from mien.loggers.facts import Outcome
from mien.models.bundle import FOLDER as BUNDLE
from mien.report.samples import choose_samples
from mien.results import EvalResult
from mien.secrets import clean_text

SAMPLES = 64


def tables_of(outcome: Outcome) -> dict[str, Any]:
    """By name: the per-class table, the confusion matrix, sample predictions, and the plots."""
    values = pictures(outcome.pictures)
    test, evaluation = outcome.result.test, outcome.evaluation
    if test is not None:
        values |= {"per_class": _per_class(test), "confusion": _confusion(test)}
    if evaluation is not None:
        values["samples"] = _samples(evaluation, outcome.result.seed)
    return values


def pictures(paths: Sequence[Path]) -> dict[str, Any]:
    """Pictures, as ``plots/<name>``."""
    import wandb

    return {f"plots/{path.stem}": wandb.Image(str(path)) for path in paths}


def frame_table(frame: pd.DataFrame) -> Any:
    """A data frame as a table; undefined values are empty, whole numbers stay whole."""
    import wandb

    rows: list[Any] = [
        [None if pd.isna(cell) else cell for cell in row] for row in frame.astype(object).to_numpy().tolist()
    ]
    return wandb.Table(columns=list(frame.columns), data=rows, allow_mixed_types=True)


def artifact_of(outcome: Outcome) -> tuple[Any, None, str, list[str]]:
    """The model's bundle, as ``wandb.Run.log_artifact`` takes it: artifact, name, type, aliases.

    Trainings of one model with several seeds are versions of one artifact.
    """
    import wandb

    run = outcome.result
    name = "".join(
        letter if letter.isalnum() or letter in "._-" else "-" for letter in f"{run.backbone}-{run.trained_on}"
    )
    facts = {"accuracy": None if run.test is None else run.test.accuracy, "seed": run.seed, "protocol": run.protocol}
    artifact = wandb.Artifact(f"{name}-{run.model[:8]}", type="model", metadata=facts)
    for path in sorted((outcome.folder / BUNDLE).iterdir()):
        artifact.add_file(str(path))
    return artifact, None, "model", ["latest", f"seed-{run.seed}"]


def _per_class(test: EvalResult) -> Any:
    columns = ["class", "precision", "recall", "f1", "support"]
    return frame_table(
        pd.DataFrame(
            [(row.label, row.precision, row.recall, row.f1, row.support) for row in test.per_class], columns=columns
        )
    )


def _confusion(test: EvalResult) -> Any:
    """W&B's own chart, as ``wandb.plot.confusion_matrix`` makes it from single predictions."""
    import wandb

    names = [row.label for row in test.per_class]
    cells: list[Any] = [
        [true, said, n]
        for true, row in zip(names, test.confusion, strict=True)
        for said, n in zip(names, row, strict=True)
    ]
    columns: list[str | int] = ["Actual", "Predicted", "nPredictions"]
    return wandb.plot_table(
        vega_spec_name="wandb/confusion_matrix/v1",
        data_table=wandb.Table(columns=columns, data=cells),
        fields={str(column): str(column) for column in columns},
        string_fields={"title": "Confusion"},
    )


def _samples(evaluation: Evaluation, seed: int) -> Any:
    """Right and wrong predictions, half of each where there are as many, the same for every call."""
    import wandb

    table = wandb.Table(columns=["image", "label", "predicted", "probability", "right", "key"])
    for place in choose_samples(evaluation.predictions, SAMPLES, seed):
        row = evaluation.predictions.iloc[place]
        label, said = row["label"], row["predicted"]
        shown = wandb.Image(evaluation.image(place))
        table.add_data(shown, label, said, float(row[f"p_{said}"]), bool(label == said), clean_text(str(row["key"])))
    return table
