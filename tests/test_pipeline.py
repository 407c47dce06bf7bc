"""The main line from config to files, on a few drawn faces."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import PIL.Image
import pytest
import torch

from mien.data.catalog import load_source
from mien.data.drawn import DrawnFaces
from mien.errors import ConfigError, DataError, DeviceError, LabelError, RunFolderError, WeightsError
from mien.evaluation.predict import Predictor
from mien.labels import EXPRESSIONS
from mien.models.bundle import Bundle
from mien.pipeline import evaluate_model, run
from mien.report.notes import looked_at
from mien.results import RunResult
from mien.runs import owned
from mien.scoring import Call
from tiny import TINY, composed, evaluation


def tiny(*overrides):
    return composed(*TINY, "trainer.max_epochs=2", "logger=none", *overrides)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run with its end-to-end stage."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    result = run(tiny("scenes.count=3"), folder, Call("python train.py", ("scenes.count=3",)))
    return folder, result


def test_a_run_folder_holds_what_scripts_rely_on(finished):
    folder, _ = finished
    expected = {"config.yaml", "environment.json", "metrics.csv", "predictions.parquet", "results.json", "checkpoints"}
    expected |= {"bundle", "plots", "data.json", "validation.parquet"}
    assert expected <= {path.name for path in folder.iterdir()}
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert {path.name for path in (folder / "bundle").iterdir()} == {"README.md", "model.json", "model.safetensors"}
    plots = {path.name for path in (folder / "plots").iterdir()}
    photos = {"end_to_end.png", "end_to_end_errors.png"}
    assert plots == {"confusion.png", "curves.png", "per_class.png", "samples.png"} | photos
    assert not list(folder.rglob(".writing-*"))


def test_weights_that_are_not_there_are_told_before_anything_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr("mien.pipeline.decode", None)
    with pytest.raises(WeightsError, match=r"no file nowhere\.pt; expected none, or a checkpoint's path"):
        run(tiny("backbone.weights=nowhere.pt"), tmp_path)


def test_results_json_keeps_the_contract(finished):
    folder, result = finished
    values = json.loads((folder / "results.json").read_text())
    assert (values["schema"], values["status"], values["command"]) == (1, "finished", "python train.py")
    assert set(values["dataset"]) == {"name", "version", "fingerprint"}
    assert set(values["seconds"]) == {"fit", "test", "end_to_end"}
    test = {"n", "accuracy", "accuracy_ci95", "macro_recall", "macro_f1", "ece", "loss", "per_class", "confusion"}
    assert set(values["test"]) == test | {"per_set", "leak_free", "copy_free"}
    assert set(values["test"]["per_class"][0]) == {"label", "recall", "precision", "f1", "support"}
    end_to_end = {"n_faces", "detection_recall", "accuracy_given_detection", "accuracy", "per_class"}
    assert end_to_end <= set(values["end_to_end"])
    assert values["protocol"]["name"] == "clean"
    assert values["test"]["n"] == 21
    assert sum(map(sum, values["test"]["confusion"])) == 21
    assert RunResult.load(folder) == result


def test_predictions_are_the_scores(finished):
    folder, result = finished
    table = pd.read_parquet(folder / "predictions.parquet")
    assert list(table)[:3] == ["key", "label", "predicted"]
    assert list(table)[3:] == [*(f"p_{name}" for name in EXPRESSIONS), "digest", "leaked"]
    assert (table["label"] == table["predicted"]).mean() == pytest.approx(result.test.accuracy)
    assert table.filter(like="p_").sum(axis=1).to_numpy() == pytest.approx(np.ones(21), abs=1e-5)


def test_checkpoints_need_no_pickle_and_the_bundle_predicts_the_same(finished):
    folder, _ = finished
    for name in ("best", "last"):
        torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
    table = pd.read_parquet(folder / "predictions.parquet")
    part = load_source(tiny().dataset).parts["test"]
    photos = [part.reader.read(index) for index in range(len(part))]
    assert np.allclose(Predictor(Bundle.load(folder)).images(photos), table.filter(like="p_"), atol=1e-5)


def test_a_missed_face_counts_as_wrong(finished):
    faces = finished[1].end_to_end
    assert faces.n_faces == sum(row.support for row in faces.per_class) > 3
    given = faces.accuracy_given_detection or 0.0
    assert faces.accuracy == pytest.approx(given * faces.detection_recall)
    assert faces.outcomes.total == faces.n_faces
    assert faces.gap.gap == pytest.approx(finished[1].test.accuracy - faces.accuracy)


def test_the_reported_split_can_be_scored_after_every_epoch_too(tmp_path):
    """It changes nothing else, and after the epoch that is kept it is the score of the test."""
    published = ("scenes=none", "protocol=published", "protocol.selection=validation", "protocol.checkpoint=best")
    published += ("trainer.precision=32-true",)  # as the test is scored
    run(tiny(*published), tmp_path / "plain")
    result = run(tiny(*published, "protocol.report_curve=true"), tmp_path / "curve")
    plain, curve = (pd.read_csv(tmp_path / name / "metrics.csv") for name in ("plain", "curve"))
    pd.testing.assert_frame_equal(curve[list(plain)].drop(columns="seconds"), plain.drop(columns="seconds"))
    assert set(curve) - set(plain) == {"report_loss", "report_accuracy", "report_macro_recall"}
    kept = curve.set_index("epoch").loc[result.selection.epoch]
    assert kept["report_accuracy"] == pytest.approx(result.test.accuracy)
    assert kept["report_loss"] == pytest.approx(result.test.loss, rel=1e-4)


def test_that_the_reported_split_was_looked_at_is_said_of_no_other(tmp_path, folders):
    published = ("scenes=none", "protocol=published", "protocol.report_curve=true", "trainer.max_epochs=1")
    run(tiny(*published), tmp_path / "run")
    asked = {"own": ("dataset=drawn_faces", *TINY[:3]), "other": ("dataset=image_folder", f"dataset.root={folders}")}
    told = {"own": "the test split, which is reported, was scored after every epoch too", "other": ""}
    for name, data in asked.items():
        config = evaluation(f"run={tmp_path / 'run'}", *data, "accelerator=cpu")
        assert looked_at(evaluate_model(config, tmp_path / name)) == told[name]
    card = (tmp_path / "run" / "bundle" / "README.md").read_text()
    assert "The test split, which is reported, was scored after every epoch too." in card


def test_the_reported_split_can_be_scored_where_none_selects(tmp_path):
    run(tiny("scenes=none", "protocol=published", "protocol.report_curve=true"), tmp_path)
    curve = pd.read_csv(tmp_path / "metrics.csv")
    assert curve["report_accuracy"].notna().all()
    assert not [name for name in curve if name.startswith("val_")]


def test_a_finished_run_is_not_run_again(finished):
    folder, result = finished
    before = (folder / "metrics.csv").stat().st_mtime_ns
    assert run(tiny("scenes.count=3", "output=elsewhere"), folder) == result
    assert (folder / "metrics.csv").stat().st_mtime_ns == before


def test_another_experiments_folder_is_refused_with_the_differences(finished):
    with pytest.raises(RunFolderError, match=r"(?s)holds another experiment;.*optimizer.lr: there 0.002, now 0.5"):
        run(tiny("scenes.count=3", "optimizer.lr=0.5"), finished[0])


def test_a_run_of_another_version_is_refused(finished, tmp_path):
    folder = tmp_path / "old"
    shutil.copytree(finished[0], folder)
    file = folder / "config.yaml"
    file.write_text(file.read_text().replace("detector:\n", "detector:\n  margin: 0.2\n"))
    with pytest.raises(RunFolderError, match=r"config.yaml is of another version of mien: Key 'margin'"):
        run(tiny("scenes.count=3"), folder)


def test_a_run_that_failed_before_its_first_checkpoint_leaves_the_folder_free(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        run(tiny("dataset=image_folder", "dataset.root=/nowhere", "scenes=none"), tmp_path)
    assert run(tiny("scenes=none", "trainer.max_epochs=1"), tmp_path).epochs == 1


def test_resume_never_trains_anew(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0], folder)
    again = run(tiny("scenes.count=3", "resume=never"), folder)
    assert again.test == finished[1].test
    assert (folder / "metrics.csv").stat().st_mtime_ns != (finished[0] / "metrics.csv").stat().st_mtime_ns


def test_an_unfinished_run_is_never_taken_for_finished(finished, tmp_path):
    folder = tmp_path / "cut"
    shutil.copytree(finished[0], folder)
    (folder / "results.json").unlink()
    with pytest.raises(RunFolderError, match="the run is not finished"):
        RunResult.load(folder)
    assert run(tiny("scenes.count=3"), folder).test == finished[1].test


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Drawn faces as class folders of another spelling: the 21 test images, three a class."""
    root = tmp_path_factory.mktemp("data")
    names = ("Angry", "Disgusted", "Fearful", "Happy", "Neutral", "Sad", "Surprised")
    faces = DrawnFaces(42, 5, 64)
    for index, label in enumerate(faces.labels):
        target = root / ("train" if index < 21 else "test") / names[label]
        target.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(faces.read(index)).save(target / f"{index}.png")
    return root


def test_a_model_is_scored_on_another_set_of_the_same_labels(finished, folders, tmp_path):
    config = evaluation(f"run={finished[0]}", "dataset=image_folder", f"dataset.root={folders}", "accelerator=cpu")
    result = evaluate_model(config, tmp_path)
    assert result.test.n == 21
    assert [row.support for row in result.test.per_class] == [3] * 7
    assert [row.label for row in result.test.per_class] == list(EXPRESSIONS)
    assert (result.dataset["name"], result.epochs, result.end_to_end) == ("image_folder", 2, None)
    assert (tmp_path / "plots" / "samples.png").is_file()


def test_an_evaluation_cuts_the_data_as_the_run_did(tmp_path, folders):
    flat = tmp_path / "flat"
    shutil.copytree(folders / "train", flat)
    shutil.copytree(folders / "test", flat, dirs_exist_ok=True)
    data = ("dataset=image_folder", f"dataset.root={flat}")
    settings = tiny(*data, "scenes=none", "dataset.split_seed=7", "dataset.validation_fraction=0.4")
    trained = run(settings, tmp_path / "run")
    again = evaluate_model(evaluation(f"run={tmp_path / 'run'}", *data, "accelerator=cpu"), tmp_path / "again")
    assert again.test == trained.test
    keys = {}
    for split in ("train", "validation", "test"):
        folder = tmp_path / split
        evaluate_model(evaluation(f"run={tmp_path / 'run'}", *data, f"split={split}", "accelerator=cpu"), folder)
        keys[split] = set(pd.read_parquet(folder / "predictions.parquet")["key"])
    assert sum(map(len, keys.values())) == len(set().union(*keys.values())) == 42


def test_labels_that_the_model_lacks_are_refused(finished, folders, tmp_path):
    shutil.copytree(folders, tmp_path / "data")
    (tmp_path / "data" / "test" / "Happy").rename(tmp_path / "data" / "test" / "Bored")
    (tmp_path / "data" / "train" / "Happy").rename(tmp_path / "data" / "train" / "Bored")
    config = evaluation(f"run={finished[0]}", "dataset=image_folder", f"dataset.root={tmp_path / 'data'}")
    with pytest.raises(LabelError, match="labels do not match: bored not among the model's classes"):
        evaluate_model(config, tmp_path / "out")


def test_unreadable_images_of_any_split_stop_a_run_before_training(folders, tmp_path):
    shutil.copytree(folders, tmp_path / "data")
    for path in (tmp_path / "data" / "train" / "Sad", tmp_path / "data" / "test" / "Happy"):
        image = sorted(path.iterdir())[0]
        image.write_bytes(image.read_bytes()[:200])
    config = tiny("dataset=image_folder", f"dataset.root={tmp_path / 'data'}", "scenes=none")
    with pytest.raises(DataError, match=r"(?s)2 of 42 images.*dataset.on_bad_image=skip"):
        run(config, tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_changed_data_are_not_mixed_with_an_interrupted_run(folders, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(folders, data)
    settings = tiny("dataset=image_folder", f"dataset.root={data}", "scenes=none")
    run(settings, tmp_path / "run")
    data.rename(tmp_path / "moved")
    moved = tiny("dataset=image_folder", f"dataset.root={tmp_path / 'moved'}", "scenes=none")
    assert run(moved, tmp_path / "run").epochs == 2
    sorted((tmp_path / "moved" / "train" / "Sad").iterdir())[0].unlink()
    with pytest.raises(RunFolderError, match="images or labels of the data set have changed"):
        run(moved, tmp_path / "run")


def test_one_process_a_folder(tmp_path):
    with owned(tmp_path), pytest.raises(RunFolderError, match="another process works here"):
        run(tiny(), tmp_path)


def test_the_published_protocol_has_no_selection(tmp_path, folders):
    config = tiny("protocol=published", "dataset=image_folder", f"dataset.root={folders}", "scenes=none")
    result = run(config, tmp_path)
    assert result.selection is None
    assert (result.protocol["name"], result.protocol["checkpoint"], result.test.n) == ("published", "last", 21)
    assert "val_loss" not in pd.read_csv(tmp_path / "metrics.csv")


def test_selecting_on_the_test_split_is_refused():
    with pytest.raises(ConfigError, match="is no clean protocol"):
        tiny("protocol.selection=test")


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match=r"cannot write to .*; check space and write right"):
        run(tiny(), tmp_path / "file" / "run")


def test_a_disk_too_full_for_the_checkpoints(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("mien.runs.shutil.disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(RunFolderError, match=r"checkpoints need about \d+ MiB, and 0 MiB are free"):
        run(tiny(), tmp_path)


def test_a_gpu_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    config = tiny()
    with pytest.raises(DeviceError, match=r"PyTorch finds no GPU here; use trainer=cpu"):
        run(replace(config, trainer=replace(config.trainer, accelerator="gpu")), tmp_path)
    assert not (tmp_path / "config.yaml").exists()


def test_a_head_trained_on_cached_features_is_a_whole_model(finished, tmp_path):
    trained, _ = finished
    weights = tmp_path / "trunk.pt"
    torch.save(Bundle.load(trained).classifier.backbone.trunk.state_dict(), weights)
    frozen = [f"backbone.weights={weights}", "backbone.freeze=all", "backbone.cache_features.views=2", "scenes=none"]
    settings = tiny(*frozen, "optimizer.lr=0.02", f"dataset.cache={tmp_path / 'cache'}")
    result = run(settings, tmp_path / "features")
    assert result.trainable_parameters == 256 * 7 + 7
    bundle = Bundle.load(tmp_path / "features")
    assert bundle.backbone.cache_features.views == 2
    before, after = torch.load(weights), bundle.classifier.backbone.trunk.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    data = ("dataset=drawn_faces", *TINY[:3])
    scored = evaluate_model(evaluation(f"run={tmp_path / 'features'}", *data, "accelerator=cpu"), tmp_path / "again")
    assert scored.test.accuracy == result.test.accuracy
    environment = json.loads((tmp_path / "features" / "environment.json").read_text())
    assert environment["precision"] in ("32-true", "bf16-mixed")


def test_a_continued_run_keeps_the_precision_that_auto_was(tmp_path):
    settings, folder = tiny("scenes=none"), tmp_path / "run"
    run(settings, folder)
    (folder / "results.json").unlink()
    facts = json.loads((folder / "environment.json").read_text())
    other = {"32-true": "bf16-mixed", "bf16-mixed": "32-true"}[facts["precision"]]
    (folder / "environment.json").write_text(json.dumps(facts | {"precision": other}))
    run(settings, folder)
    assert json.loads((folder / "environment.json").read_text())["precision"] == other
