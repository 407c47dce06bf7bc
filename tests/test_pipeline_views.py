"""Ten crops and heat maps, from the config to the files of a run and of an evaluation."""

import logging

import numpy as np
import pandas as pd
import pytest

from mien.data.catalog import load_source
from mien.data.prepare import prepare
from mien.errors import ConfigError
from mien.evaluation.predict import Predictor
from mien.models.bundle import Bundle
from mien.models.views import Views
from mien.pipeline import evaluate_model, run
from mien.recognition.recognizer import Recognizer
from tiny import TINY, composed, evaluation

TEN_CROPS = ("protocol.ten_crop=40", "augment.cut=true", "report.explain=true")


def tiny(*overrides):
    return composed(*TINY, "trainer.max_epochs=1", "logger=none", *overrides)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run with ten crops of its validation, its test and its whole photos, and with heat maps."""
    folder = tmp_path_factory.mktemp("runs") / "ten"
    return folder, run(tiny("scenes.count=2", *TEN_CROPS), folder)


def test_test_and_use_see_ten_crops_of_larger_images(finished):
    folder, result = finished
    bundle = Bundle.load(folder)
    assert bundle.views == Views(32, ten_crop=40)
    assert result.protocol["ten_crop"] == 40
    test = load_source(tiny().dataset).parts["test"]
    photos = [test.reader.read(index) for index in range(5)]
    expected = Predictor(bundle).arrays(np.stack([prepare(photo, 40, 3) for photo in photos]))
    table = pd.read_parquet(folder / "predictions.parquet").filter(like="p_").to_numpy()
    assert table[:5] == pytest.approx(expected, abs=1e-5)
    recognizer = Recognizer.load(folder, "whole_image", "cpu")
    assert recognizer(photos[0])[0].probability == pytest.approx(expected[0].max(), abs=1e-5)


def test_an_evaluation_gives_the_same_scores_and_draws_heat_maps(finished, tmp_path):
    folder, result = finished
    again = evaluate_model(
        evaluation(*TINY[:3], f"run={folder}", "dataset=drawn_faces", "report.explain=true"), tmp_path
    )
    assert again.test.confusion == result.test.confusion
    assert (tmp_path / "plots" / "explain.png").read_bytes() == (folder / "plots" / "explain.png").read_bytes()


def test_heat_maps_asked_of_a_finished_run_are_evaluates(finished, caplog):
    folder, result = finished
    caplog.set_level(logging.INFO, "mien")
    plots = {path: path.stat().st_mtime_ns for path in (folder / "plots").iterdir()}
    assert run(tiny("scenes.count=2", *TEN_CROPS), folder) == result
    assert f"python evaluate.py run={folder} dataset=<its data set> report.explain=true explains it" in caplog.text
    assert run(tiny("scenes.count=2", *TEN_CROPS, "report.explain=false"), folder) == result
    assert {path: path.stat().st_mtime_ns for path in (folder / "plots").iterdir()} == plots


def test_what_cannot_be_explained_is_refused_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr("mien.evaluation.explain.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs captum; pip install mien\[explain\]"):
        run(tiny("report.explain=true", "scenes=none"), tmp_path)
    assert not (tmp_path / "checkpoints").exists()
    with pytest.raises(ConfigError, match="explains predictions on a data set; pass dataset=<name>"):
        evaluation("run=x", "scenes=drawn", "report.explain=true")
