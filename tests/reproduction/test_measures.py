"""Where a run has its numbers, and of how many images they are a share."""

from dataclasses import replace

import pandas as pd
import pytest
from made_up_study import finish, make_places

from mien.reproduction import evidence as evidence_module
from mien.reproduction.evidence import Evidence, NotMeasuredError
from mien.reproduction.measures import Measured, measure_problem
from mien.reproduction.recipes import plan
from mien.results import LeakFreeScore


@pytest.fixture
def evidence(tmp_path):
    recipe = plan(make_places(tmp_path), "faces/small").recipes[0]
    finish(recipe)
    return Evidence.load(recipe.folder, recipe.folder)


VALUES = [
    ("test.accuracy", 0.625, 100),
    ("test.macro_recall", 0.625, None),
    ("test.loss", 1.234, None),
    ("test.recall.fear", 0.625, 100),
    ("test.recall.Afraid", 0.625, 100),
    ("history.train_accuracy.last", 0.4, 42),
    ("history.train_accuracy.1", 0.25, 42),
    ("history.train_loss.best", 1.6, None),
    ("history.val_accuracy.best", 0.55, 14),
    ("history.val_accuracy.last", 0.5, 14),
    ("history.val_loss.best", 1.5, None),
    ("selection.value", 0.55, 14),
    ("seconds.fit", 92.4, None),
]


@pytest.mark.parametrize(("path", "value", "n"), VALUES)
def test_values(evidence, path, value, n):
    assert measure_problem(path) is None
    assert evidence.measure(path) == Measured(value, n)


def test_a_reported_split_that_is_scored_after_every_epoch(evidence):
    """What choosing by it would have given: on itself, and on the selection split."""
    metrics = evidence.metrics.assign(report_accuracy=[0.3, 0.6], report_loss=[1.2, 1.4])
    known = replace(evidence, metrics=metrics)
    assert known.measure("history.report_accuracy.best") == Measured(0.6, 100)
    assert known.measure("history.val_accuracy.at_best_report_accuracy") == Measured(0.5, 14)
    assert known.measure("history.report_accuracy.at_best_val_accuracy") == Measured(0.3, 100)
    assert known.measure("history.report_accuracy.at_best_report_loss") == Measured(0.3, 100)


def test_an_audit_made_since_tells_the_score_without_copies(tmp_path, monkeypatch):
    recipe = plan(make_places(tmp_path), "faces/small").recipes[0]
    finish(recipe)
    said = {"key": ["a", "b", "c", "d"], "label": ["fear"] * 4, "predicted": ["fear", "anger", "fear", "fear"]}
    pd.DataFrame(said).to_parquet(recipe.folder / "predictions.parquet")
    asked = []
    monkeypatch.setattr(evidence_module, "known_copies", lambda *words: asked.append(words) or frozenset({"a"}))
    found = Evidence.load(recipe.folder, tmp_path)
    assert found.measure("test.copy_free.accuracy") == Measured(pytest.approx(2 / 3), 3)
    assert asked == [(tmp_path, found.result.dataset["fingerprint"], found.result.protocol["report"])]
    monkeypatch.setattr(evidence_module, "known_copies", lambda *_: None)
    with pytest.raises(NotMeasuredError, match=r"the run has no test\.copy_free"):
        Evidence.load(recipe.folder, tmp_path).measure("test.copy_free.accuracy")


MISSING = [
    ("end_to_end.accuracy", "the run has no end_to_end"),
    ("test.leak_free.accuracy", r"the run has no test\.leak_free"),
    ("test.recall.anger", "the test has no image of anger"),
    ("history.train_accuracy.3", r"metrics\.csv has no train_accuracy of epoch 3"),
    ("history.val_accuracy.at_best_report_accuracy", r"metrics\.csv has no report_accuracy"),
    ("history.train_macro_recall.last", r"metrics\.csv has no train_macro_recall"),
]


@pytest.mark.parametrize(("path", "message"), MISSING)
def test_what_a_run_does_not_have(evidence, path, message):
    assert measure_problem(path) is None
    with pytest.raises(NotMeasuredError, match=message):
        evidence.measure(path)


def test_the_leak_free_part_has_its_own_count(evidence):
    test = replace(evidence.result.test, leak_free=LeakFreeScore(90, 0.6, (0.5, 0.7), 0.55, 10))
    known = replace(evidence, result=replace(evidence.result, test=test))
    assert known.measure("test.leak_free.accuracy") == Measured(0.6, 90)
    assert known.measure("test.leak_free.macro_recall") == Measured(0.55)


@pytest.mark.parametrize("path", ["", "test", "accuracy", "history", "history.train_loss", "history.train_loss.0"])
def test_what_is_no_path(path):
    assert measure_problem(path)


def test_a_misspelt_column_is_named():
    assert "did you mean 'report_loss'" in measure_problem("history.val_loss.at_best_reprot_loss")
