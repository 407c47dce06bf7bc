"""A small study of two parts, and finished runs of it that were never trained."""

from pathlib import Path

import pandas as pd

from mien.config.load import to_yaml
from mien.files import write_json, write_text
from mien.reproduction.recipes import Places
from mien.results import ClassScore, EvalResult, RunResult, SelectionScore
from mien.runs import CONFIG_FILE, DATA_FILE

ROOT = Path(__file__).resolve().parents[2]
STUDY = """
title: Faces of 2020
source: a report
about: Two networks.
parts:
  small:
    title: A small network
    overrides:
      - dataset=drawn_faces
      - dataset.drawn.train=42
      - dataset.drawn.validation=14
      - dataset.drawn.test=21
      - backbone.image_size=32
      - dataset.batch_size=16
      - trainer=cpu
      - trainer.max_epochs=2
      - scenes=none
    seeds: [0, 1]
    cost: seconds
    needs: nothing
    quantities:
      - {name: test accuracy, measure: test.accuracy, printed: "62", unit: "%", goal: "90"}
      - {name: train loss, measure: history.train_loss.last, printed: "3.20", better: lower, scale: 2}
      - {name: training time, measure: null, printed: "12", why: another machine}
    curves: {train_accuracy: ["24.23", "38.84", "40.00"]}
  given:
    title: A network on data that are not here
    overrides: [dataset=micro_expressions, "dataset.root={data}/nowhere", scenes=none]
    quantities:
      - {name: test accuracy, measure: test.accuracy, printed: "82", unit: "%"}
"""


def make_places(folder, text=STUDY, name="faces"):
    """A folder with one study."""
    write_text(folder / "experiments" / name / "published.yaml", text)
    return Places(folder / "experiments", ROOT / "conf", str(folder / "data"), folder / "outputs")


def made_up_result(accuracy, recipe, n=100):
    """Scores of a run: this accuracy on n images, of two classes of which the second has no image."""
    hits = round(accuracy * n)
    rows = (ClassScore("fear", accuracy, 1.0, 0.9, n), ClassScore("anger", None, 0.0, None, 0))
    test = EvalResult(n, accuracy, (0.1, 0.9), accuracy, 0.5, 0.1, 1.234, rows, ((hits, n - hits), (0, 0)))
    return RunResult(
        command=recipe.command,
        protocol={"name": "clean", "selection": "validation", "checkpoint": "best", "report": "test"},
        dataset={"name": "drawn_faces", "version": "1", "fingerprint": "ab12"},
        backbone="small_cnn",
        parameters=10,
        trainable_parameters=10,
        epochs=2,
        seconds={"fit": 92.4, "test": 1.5, "end_to_end": 0.0},
        test=test,
        end_to_end=None,
        selection=SelectionScore("validation", "accuracy", 0.55, 2),
        seed=recipe.seed,
    )


def finish(recipe, accuracy=0.625, losses=(2.0, 1.6)):
    """Leave what a finished run leaves, as far as reports read it."""
    metrics = pd.DataFrame({"epoch": [1, 2], "train_loss": losses, "train_accuracy": [0.25, 0.4]})
    metrics["val_accuracy"], metrics["val_loss"] = [0.55, 0.5], [1.5, 1.7]
    recipe.folder.mkdir(parents=True, exist_ok=True)
    metrics.to_csv(recipe.folder / "metrics.csv", index=False)
    counts = {"train": {"fear": 30, "anger": 12}, "validation": {"fear": 14}, "test": {"fear": 100}}
    write_json(recipe.folder / DATA_FILE, {"fingerprint": "ab12", "counts": counts})
    hardware = {"cpu": "a processor", "cores": 2, "memory_gib": 8, "gpus": [], "system": "Linux"}
    git = {"commit": "0123456789abcdef", "dirty": False}
    write_json(recipe.folder / "environment.json", {"git": git, "hardware": hardware, "precision": "32-true"})
    write_text(recipe.folder / CONFIG_FILE, to_yaml(recipe.config))
    made_up_result(accuracy, recipe).save(recipe.folder)
