"""Run folders whose predictions are given, so that every number of a comparison can be worked out by hand."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from made_up_runs import NAMES, a_result, make_metrics, score
from mien.comparison.compare import compare
from mien.comparison.jobs import load_jobs
from mien.config.load import to_yaml
from mien.config.schema import OptimizerConfig
from mien.results import SelectionScore
from tiny import small_config

LABELS = np.arange(70) % 7
"""Ten images of each class."""


@dataclass(frozen=True)
class Files:
    """What a run's files hold beside its predictions.

    Attributes:
        lr: The setting in which models differ; ``None``: there is no config.
        names: What the images' names begin with.
        digests: Whether images have digests.
        leaked: Places of the images that stand in train too; ``None``: unknown.
        validation: Whether there are predictions of the selection split.
    """

    lr: float | None = 0.1
    names: str = ""
    digests: bool = True
    leaked: tuple[int, ...] | None = ()
    validation: bool = True


def predictions(wrong, labels=LABELS, sure=0.9):
    """Predictions that are right on all images but those at the places ``wrong``, taken for the next class."""
    said = labels.copy()
    said[list(wrong)] = (said[list(wrong)] + 1) % 7
    p = np.full((len(labels), 7), (1 - sure) / 6, np.float32)
    p[np.arange(len(labels)), said] = sure
    frame = pd.DataFrame({"key": [f"{n:03d}.png" for n in range(len(labels))]})
    frame["label"] = [NAMES[k] for k in labels]
    frame["predicted"] = [NAMES[k] for k in said]
    return frame.assign(**{f"p_{name}": p[:, k] for k, name in enumerate(NAMES)})


def write_run(folder: Path, wrong, seed: int = 0, files: Files | None = None, **changes: Any) -> Path:
    """Write a run; ``changes`` replace fields of its result, or give ``labels`` or its images' places ``keep``."""
    files = files or Files()
    frame = predictions(wrong, changes.pop("labels", LABELS)).iloc[list(changes.pop("keep", range(70)))]
    validation = predictions(range(0, 70, 10))
    if files.digests:
        frame = frame.assign(digest=[f"ab{key}" for key in frame["key"]])
    if files.leaked is not None:
        frame = frame.assign(leaked=frame.index.isin(files.leaked))
    frame = frame.assign(key=files.names + frame["key"])
    folder.mkdir(parents=True)
    frame.to_parquet(folder / "predictions.parquet")
    if files.validation:
        validation.to_parquet(folder / "validation.parquet")
    test = score(frame)
    make_metrics(3, test.accuracy, seed=seed).to_csv(folder / "metrics.csv", index=False)
    if files.lr is not None:
        config = small_config(seed=seed, optimizer=OptimizerConfig("adamw", lr=files.lr), output=str(folder.parent))
        (folder / "config.yaml").write_text(to_yaml(config))
    run = a_result(
        test,
        selection=SelectionScore("validation", "macro_recall", 0.9, 3),
        overrides=(f"seed={seed}", f"optimizer.lr={files.lr}", f"output={folder.parent}"),
        seed=seed,
    )
    replace(run, **changes).save(folder)
    return folder


def compared(*folders, **options):
    """The comparison of some runs."""
    return compare(load_jobs(folders), **options)
