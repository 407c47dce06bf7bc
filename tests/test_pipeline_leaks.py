"""Scores without the leaked images, predictions on the selection split, and choosing on the test split."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
import PIL.Image
import pytest
from rich.console import Console

from mien.audit.run import audit, find_subject
from mien.config.audit import AuditConfig
from mien.config.schema import CropConfig, DatasetConfig, DetectorConfig, OnBadImage, ProtocolConfig, TrainerConfig
from mien.data.decode import Decoder
from mien.data.drawn import DrawnFaces
from mien.environment import note_start
from mien.errors import DataError, RunFolderError
from mien.files import read_json, write_json
from mien.metrics.intervals import wilson_interval
from mien.pipeline import evaluate_model, run
from mien.report.record import record
from mien.report.tables import print_summary
from mien.report.wording import interval, percent
from mien.results import RunResult
from mien.training.history import History
from tiny import evaluation, small_config

NAMES = ("Angry", "Disgusted", "Fearful", "Happy", "Neutral", "Sad", "Surprised")
LAST = ProtocolConfig("published", selection="none", checkpoint="last")
WARNING = "chosen on the test split, which is reported: its scores are too high"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Ten drawn faces a class in train and three in test, of which three leak: two of Happy, one of them as Sad."""
    root = tmp_path_factory.mktemp("data") / "faces"
    faces = DrawnFaces(91, 5, 32)
    for index, label in enumerate(faces.labels):
        target = root / ("train" if index < 70 else "test") / NAMES[label] / f"{index}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(faces.read(index)).save(target)
    happy, other = (sorted((root / "test" / name).iterdir()) for name in ("Happy", "Angry"))
    shutil.copy(happy[0], root / "train" / "Happy" / "copy.png")
    shutil.copy(happy[1], root / "train" / "Sad" / "copy.png")
    shutil.copy(other[0], root / "train" / "Angry" / "copy.png")
    return root


def settings(root, protocol=None, epochs=2, **dataset):
    data = DatasetConfig("image_folder", str(root), batch_size=16, cache="off", **dataset)
    trainer = TrainerConfig(max_epochs=epochs, accelerator="cpu", precision="32-true")
    return small_config(dataset=data, trainer=trainer, protocol=protocol or ProtocolConfig("clean"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory, root):
    folder = tmp_path_factory.mktemp("runs") / "leaky"
    return folder, run(settings(root), folder)


def leaked_keys(root):
    happy, other = (sorted((root / "test" / name).iterdir()) for name in ("Happy", "Angry"))
    return {str(path.relative_to(root)) for path in (*happy[:2], other[0])}


def test_the_leaks_stand_in_the_run_with_their_labels(finished, root):
    leaks = read_json(finished[0] / "data.json")["leaks"]
    assert (leaks["count"], leaks["conflicting"], leaks["split"]) == (3, 1, "test")
    assert {image["image"] for image in leaks["images"]} == leaked_keys(root)
    assert Counter((*image["train"], image["labels_agree"]) for image in leaks["images"]) == {
        ("train/Angry/copy.png", True): 1,
        ("train/Happy/copy.png", True): 1,
        ("train/Sad/copy.png", False): 1,
    }


def test_every_prediction_says_whether_its_image_leaked(finished, root):
    table = pd.read_parquet(finished[0] / "predictions.parquet")
    assert list(table)[-2:] == ["digest", "leaked"]
    assert (table["leaked"].dtype, table["leaked"].sum()) == (bool, 3)
    assert set(table["key"][table["leaked"]]) == leaked_keys(root)
    assert table["digest"].str.fullmatch("[0-9a-f]{32}").all()
    assert table["digest"].is_unique


def test_the_score_without_leaked_images_is_that_of_the_other_predictions(finished):
    folder, result = finished
    table = pd.read_parquet(folder / "predictions.parquet").query("not leaked")
    right = table["label"] == table["predicted"]
    score = result.test.leak_free
    assert (score.n, score.leaked, result.test.n) == (18, 3, 21)
    assert score.accuracy == pytest.approx(right.mean())
    assert score.macro_recall == pytest.approx(right.groupby(table["label"]).mean().mean())
    assert score.accuracy_ci95 == wilson_interval(int(right.sum()), 18)
    assert RunResult.load(folder).test.leak_free == score


def printed(result, folder):
    console = Console(width=80, file=StringIO())
    print_summary(result, folder, [], console)
    return console.file.getvalue()


def test_the_score_without_leaked_images_stands_in_summary_record_and_card(finished):
    folder, result = finished
    score = result.test.leak_free
    words = f"without the 3 leaked images: {percent(score.accuracy)} of 18"
    assert words in printed(result, folder)
    line = f"W{words[1:]} (95 % interval {interval(score.accuracy_ci95)}, macro recall {percent(score.macro_recall)})"
    assert line in record(folder)
    assert line in (folder / "bundle" / "README.md").read_text()


def test_without_leaks_the_record_says_so_and_the_terminal_nothing(tmp_path):
    data = DatasetConfig("drawn_faces", batch_size=8, cache="off")
    data.drawn = replace(data.drawn, train=14, validation=7, test=7, size=32)
    result = run(replace(settings(""), dataset=data), tmp_path)
    assert (result.test.leak_free.leaked, result.test.leak_free.accuracy) == (0, result.test.accuracy)
    assert read_json(tmp_path / "data.json")["leaks"] == {"split": "test", "count": 0, "conflicting": 0, "images": []}
    assert "leaked" not in printed(result, tmp_path)
    assert "No leaked image: none of these stands byte for byte in the train part." in record(tmp_path)


def test_a_run_and_its_evaluations_know_what_an_audit_of_the_data_found(finished, root, tmp_path):
    asked = (f"run={finished[0]}", "dataset=image_folder", f"dataset.root={root}", "logger=none", f"output={tmp_path}")
    assert finished[1].test.copy_free is None  # there was no audit yet
    data = DatasetConfig("image_folder", str(root), cache="off")
    found = audit(find_subject(AuditConfig(dataset=data, output=str(tmp_path), predictions=[]))).result
    copied = {leak.key for leak in found.leaked if (leak.split, leak.into) == ("test", "train")}
    assert copied >= leaked_keys(root)
    trained = run(replace(settings(root), output=str(tmp_path)), tmp_path / "run")
    scored = evaluate_model(evaluation(*asked, "accelerator=cpu"), tmp_path / "again")
    for result, folder in ((trained, "run"), (scored, "again")):
        table = pd.read_parquet(tmp_path / folder / "predictions.parquet")
        assert set(table["key"][table["copied"]]) == copied
        right = (table["label"] == table["predicted"])[~table["copied"]]
        score = result.test.copy_free
        assert (score.n, score.leaked, score.accuracy) == (len(right), len(copied), pytest.approx(right.mean()))
        line = f"without the {len(copied)} images with a copy in train: {percent(score.accuracy)} of {score.n}"
        assert line[1:] in record(tmp_path / folder)
        out = StringIO()
        print_summary(result, tmp_path, [], Console(file=out, width=200))
        assert line in out.getvalue()
    on_train = evaluate_model(evaluation(*asked, "accelerator=cpu", "split=train"), tmp_path / "train")
    assert on_train.test.copy_free is None


def test_an_evaluation_tells_the_same_leaks(finished, root, tmp_path):
    folder, result = finished
    asked = (f"run={folder}", "dataset=image_folder", f"dataset.root={root}", "accelerator=cpu")
    again = evaluate_model(evaluation(*asked), tmp_path / "again")
    assert again.test == result.test
    assert again.trained_on == result.trained_on == "image_folder"
    assert read_json(tmp_path / "again" / "data.json")["leaks"] == read_json(folder / "data.json")["leaks"]
    assert not (tmp_path / "again" / "validation.parquet").exists()
    on_train = evaluate_model(evaluation(*asked, "split=train"), tmp_path / "train")
    assert on_train.test.leak_free is None
    assert read_json(tmp_path / "train" / "data.json")["leaks"] is None
    assert list(pd.read_parquet(tmp_path / "train" / "predictions.parquet"))[-1] == "digest"


def test_a_test_of_nothing_but_leaked_images_has_no_score_without_them(finished, root, tmp_path):
    data = tmp_path / "data"
    for split in ("train", "test"):
        shutil.copytree(root / "train", data / split)
    asked = (f"run={finished[0]}", "dataset=image_folder", f"dataset.root={data}", "accelerator=cpu")
    result = evaluate_model(evaluation(*asked), tmp_path / "out")
    score = result.test.leak_free
    assert (score.n, score.accuracy, score.accuracy_ci95, score.macro_recall, score.leaked) == (
        0,
        None,
        (0, 1),
        None,
        73,
    )
    assert RunResult.load(tmp_path / "out") == result
    assert "without the 73 leaked images: - of 0" in printed(result, tmp_path / "out")


def test_detected_faces_have_the_digests_of_their_photos(finished, root, tmp_path):
    config = replace(settings(root, faces="detected"), detector=DetectorConfig("whole_image"), crop=CropConfig(-0.2))
    result = run(config, tmp_path)
    assert result.test.leak_free.leaked == 3
    tables = [pd.read_parquet(folder / "predictions.parquet") for folder in (tmp_path, finished[0])]
    assert tables[0][["key", "digest", "leaked"]].equals(tables[1][["key", "digest", "leaked"]])


def test_every_image_is_digested_once(root, tmp_path, monkeypatch):
    """73 in train and 21 in test, though a validation part is cut from train and predictions have digests."""
    from mien.data.readers import FileReader

    digest, seen = FileReader.digest, []
    monkeypatch.setattr(FileReader, "digest", lambda self, index: seen.append(self.key(index)) or digest(self, index))
    run(settings(root, epochs=1), tmp_path)
    assert len(seen) == len(set(seen)) == 73 + 21


def test_skipped_images_are_counted_and_leave_every_class_an_image(root, tmp_path):
    shutil.copytree(root, tmp_path / "data")
    sad, happy = (sorted((tmp_path / "data" / "train" / name).iterdir()) for name in ("Sad", "Happy"))
    for path in (*sad[1:], happy[0]):
        path.write_bytes(path.read_bytes()[:60])
    config = settings(tmp_path / "data", LAST, epochs=1, on_bad_image=OnBadImage.skip)
    run(config, tmp_path / "run")
    assert read_json(tmp_path / "run" / "data.json")["skipped"] == {"train": len(sad)}
    sad[0].write_bytes(b"")
    with pytest.raises(DataError, match="image_folder: no readable image of sadness in train"):
        run(config, tmp_path / "again")


def test_images_that_were_replaced_by_others_of_their_size_are_noticed(finished, root, tmp_path):
    folder, data = tmp_path / "run", tmp_path / "data"
    shutil.copytree(finished[0], folder)
    shutil.copytree(root, data)
    config = settings(data)
    assert run(config, folder) == finished[1]
    image = next((data / "test" / "Sad").glob("[0-9]*.png"))
    image.write_bytes(image.read_bytes()[:-1] + b"!")
    with pytest.raises(RunFolderError, match="replaced since by others of the same names and sizes"):
        run(config, folder)
    old = read_json(folder / "data.json")
    assert old.pop("content")
    write_json(folder / "data.json", old)
    assert run(config, folder) == finished[1]


def test_predictions_on_the_selection_split_are_kept(finished, root, tmp_path):
    folder, result = finished
    table = pd.read_parquet(folder / "validation.parquet")
    assert list(table) == list(pd.read_parquet(folder / "predictions.parquet"))[:-1]
    asked = (f"run={folder}", "dataset=image_folder", f"dataset.root={root}", "split=validation", "accelerator=cpu")
    evaluate_model(evaluation(*asked), tmp_path)
    again = pd.read_parquet(tmp_path / "predictions.parquet")
    assert again["leaked"].sum() == 0
    assert again["key"].tolist() == table["key"].tolist()
    assert np.array_equal(again.filter(like="p_"), table.filter(like="p_"))
    right = table["label"] == table["predicted"]
    assert right.groupby(table["label"]).mean().mean() == pytest.approx(result.selection.value)


@pytest.fixture(scope="module")
def chosen_on_test(tmp_path_factory, root):
    """A run that chose its epoch on the test split, how often an image set was decoded, and its folder."""
    folder = tmp_path_factory.mktemp("runs") / "published"
    decoded, pixels = [], Decoder._pixels
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Decoder, "_pixels", lambda self, *images: decoded.append(1) or pixels(self, *images))
        result = run(settings(root, ProtocolConfig("published", selection="test", monitor="accuracy"), 3), folder)
    return folder, result, len(decoded)


def test_a_published_study_may_choose_its_epoch_on_the_test_split(chosen_on_test):
    folder, result, decoded = chosen_on_test
    metrics = pd.read_csv(folder / "metrics.csv")
    assert decoded == 2  # train and test, no validation, and test once
    assert (result.selection.split, result.selection.value) == ("test", metrics["val_accuracy"].max())
    assert result.test.accuracy == pytest.approx(result.selection.value)
    assert set(read_json(folder / "data.json")["counts"]) == {"train", "test"}
    assert not (folder / "validation.parquet").exists()


def test_a_choice_on_the_test_split_is_told_everywhere(chosen_on_test, finished):
    folder, result, _ = chosen_on_test
    assert f"\n{WARNING}\n" in printed(result, folder)
    assert f"selection on test, report on test, flip averaging off; {WARNING} |" in record(folder)
    assert f"This model was {WARNING}." in (folder / "bundle" / "README.md").read_text()
    clean = printed(finished[1], finished[0]) + record(finished[0]) + (finished[0] / "bundle" / "README.md").read_text()
    assert "chosen on the test split" not in clean


def test_it_is_told_of_the_models_own_data_only(chosen_on_test, root, tmp_path):
    folder, _, _ = chosen_on_test
    own = (f"run={folder}", "dataset=image_folder", f"dataset.root={root}", "accelerator=cpu")
    assert WARNING in printed(evaluate_model(evaluation(*own), tmp_path / "own"), tmp_path)
    other = (f"run={folder}", "dataset=drawn_faces", "dataset.drawn.test=7", "accelerator=cpu")
    assert "chosen on" not in printed(evaluate_model(evaluation(*other), tmp_path / "other"), tmp_path)


def stop_at(monkeypatch, epoch):
    """Kill a run when this epoch is reported: before its checkpoint."""
    append = History.append

    def stop(self, row):
        if row["epoch"] == epoch:
            raise KeyboardInterrupt
        append(self, row)

    monkeypatch.setattr(History, "append", stop)
    return lambda: monkeypatch.setattr(History, "append", append)


def test_a_continued_run_keeps_the_pieces_it_was_made_in(root, tmp_path, monkeypatch):
    config, commits = settings(root, epochs=4), iter("abc")
    described = [{"commit": 12 * letter, "dirty": False} for letter in commits]
    monkeypatch.setattr("mien.environment._git", lambda: described.pop(0))
    for epoch in (1, 3):  # the first start leaves no checkpoint, and so nothing of the result
        go_on = stop_at(monkeypatch, epoch)
        with pytest.raises(KeyboardInterrupt):
            run(config, tmp_path)
        go_on()
    run(config, tmp_path)
    environment = read_json(tmp_path / "environment.json")
    assert [piece["git"]["commit"][0] for piece in environment["pieces"]] == ["b", "c"]
    assert environment["git"]["commit"][0] == "c"
    assert environment["precision"] == "32-true"
    assert f"| commits | {12 * 'b'}, {12 * 'c'} |" in record(tmp_path)


def test_a_finished_run_is_not_another_piece(finished, root):
    before = (finished[0] / "environment.json").read_text()
    assert run(settings(root), finished[0]) == finished[1]
    assert (finished[0] / "environment.json").read_text() == before
    assert len(json.loads(before)["pieces"]) == 1


def test_a_run_begun_anew_has_one_piece(finished, root, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0], folder)
    note_start(folder, read_json(folder / "environment.json"), goes_on=True)
    run(replace(settings(root), resume="never"), folder)
    assert len(read_json(folder / "environment.json")["pieces"]) == 1
