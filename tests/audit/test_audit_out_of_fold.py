"""Whose predictions count: only of models that were not trained on an image."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_up_set import photo

from mien.audit.out_of_fold import find_folders, out_of_fold
from mien.config.load import plain
from mien.config.schema import DatasetConfig
from mien.data.catalog import load_source
from mien.data.split import with_validation
from mien.errors import DataError


@pytest.fixture
def data(tmp_path):
    """Train with ten images a class, test with two, the first of which stands in train."""
    for number, label in enumerate(("anger", "fear")):
        for split, seeds in (("train", range(10)), ("test", (0, 50))):
            (tmp_path / "data" / split / label).mkdir(parents=True)
            for seed in seeds:
                photo(100 * number + seed, 16).save(tmp_path / "data" / split / label / f"{seed}.png")
    return DatasetConfig("image_folder", root=str(tmp_path / "data"))


def run_folder(folder, data, split="test", selection="none", digest=True, p=0.7, tables=("predictions",)):
    """What a run leaves that the audit looks at; the model gives every image's first class the probability p."""
    source = load_source(data)
    if selection == "validation":
        source = with_validation(source, data.validation_fraction, data.split_seed)
    part = source.parts[split]
    frame = pd.DataFrame({"key": [part.reader.key(row) for row in range(len(part))], "p_anger": p, "p_fear": 1 - p})
    if digest:
        frame["digest"] = [one.hex() for one in part.digests]
    (folder / "bundle").mkdir(parents=True)
    for name in tables:
        frame.to_parquet(folder / f"{name}.parquet")
    about = {
        "config": {"dataset": plain(data)},
        "protocol": {"selection": selection, "report": "test"},
        "dataset": {"fingerprint": source.spec().fingerprint},
    }
    (folder / "bundle" / "model.json").write_text(json.dumps({"about": about}))
    (folder / "config.yaml").write_text("seed: 0\n")
    (folder / "results.json").write_text("{}")
    return folder


@pytest.mark.parametrize("digest", [True, False])
def test_images_in_the_models_train_part_are_left_out(tmp_path, data, digest):
    folder = run_folder(tmp_path / "run", data, digest=digest)
    said = out_of_fold([folder], load_source(data), data)
    assert said.rows.tolist() == [21, 23]  # 20 images of train, then test: 0 and 50 of anger, 0 and 50 of fear
    assert said.probabilities.tolist() == [pytest.approx([0.7, 0.3])] * 2
    assert said.in_train == (4 if digest else 2)  # by content, the copies in train are covered too
    assert (said.folders, said.skipped) == ((str(folder),), ())


def test_several_models_are_averaged(tmp_path, data):
    folders = [run_folder(tmp_path / str(p), data, p=p) for p in (0.2, 0.6)]
    assert out_of_fold(folders, load_source(data), data).probabilities[0].tolist() == pytest.approx([0.4, 0.6])


def test_the_validation_part_was_not_trained_on(tmp_path, data):
    folder = run_folder(tmp_path / "run", data, "validation", "validation", tables=("validation",))
    said = out_of_fold([folder], load_source(data), data)
    assert [sum(said.rows < 10), sum((said.rows >= 10) & (said.rows < 20))] == [1, 1]  # a tenth of each class
    assert said.in_train == 0


def test_the_data_may_have_moved(tmp_path, data):
    folder = run_folder(tmp_path / "run", data)
    (tmp_path / "data").rename(tmp_path / "moved")
    moved = replace(data, root=str(tmp_path / "moved"))
    assert len(out_of_fold([folder], load_source(moved), moved).rows) == 2


def test_predictions_on_train_are_refused(tmp_path, data):
    folder = run_folder(tmp_path / "run", data, split="train")
    with pytest.raises(DataError, match="its model was trained on all"):
        out_of_fold([folder], load_source(data), data)


def test_an_evaluation_names_its_model(tmp_path, data):
    run = run_folder(tmp_path / "run", data)
    evaluation = tmp_path / "evaluation"
    evaluation.mkdir()
    for name in ("predictions.parquet", "results.json"):
        (evaluation / name).write_bytes((run / name).read_bytes())
    (evaluation / "config.yaml").write_text(f"run: {run}\n")
    assert len(out_of_fold([evaluation], load_source(data), data).rows) == 2
    (evaluation / "config.yaml").write_text(f"run: {tmp_path / 'gone'}\n")
    with pytest.raises(DataError, match=r"its model is not at .*gone"):
        out_of_fold([evaluation], load_source(data), data)


def test_a_data_set_that_has_changed_is_refused(tmp_path, data):
    folder = run_folder(tmp_path / "run", data)
    photo(7, 24).save(tmp_path / "data/train/anger/0.png")
    with pytest.raises(DataError, match="image_folder has changed since"):
        out_of_fold([folder], load_source(data), data)


def test_another_data_set_and_other_classes_are_skipped(tmp_path, data):
    good, other, classes = (run_folder(tmp_path / name, data) for name in ("good", "other", "classes"))
    frame = pd.read_parquet(other / "predictions.parquet")
    frame.assign(digest="00", key="x.png").to_parquet(other / "predictions.parquet")
    frame.rename(columns={"p_fear": "p_neutral"}).to_parquet(classes / "predictions.parquet")
    said = out_of_fold([good, other, classes], load_source(data), data)
    assert said.folders == (str(good),)
    assert "none of its images is in image_folder, such as x.png" in said.skipped[0]
    assert "its classes are anger, neutral; the data set's are anger, fear" in said.skipped[1]
    with pytest.raises(DataError, match="none can be used") as caught:
        out_of_fold([other, classes], load_source(data), data)
    assert str(caught.value).count("\n  - ") == 2


def test_folders(tmp_path, data):
    first, second = (run_folder(tmp_path / "sweep" / name, data) for name in ("a", "b"))
    assert find_folders(first) == [first]
    assert find_folders(tmp_path / "sweep") == [first, second]
    (second / "results.json").unlink()
    assert find_folders(tmp_path / "sweep") == [first]
    with pytest.raises(DataError, match="found 1 unfinished run"):
        find_folders(second)
    with pytest.raises(DataError, match="found no folder"):
        find_folders(tmp_path / "nowhere")
    with pytest.raises(DataError, match="found no predictions"):
        find_folders(tmp_path / "data")


def test_probabilities_follow_the_data_sets_class_order(tmp_path, data):
    folder = run_folder(tmp_path / "run", data)
    frame = pd.read_parquet(folder / "predictions.parquet")
    frame[["p_fear", "key", "digest", "p_anger"]].to_parquet(folder / "predictions.parquet")
    assert np.allclose(out_of_fold([folder], load_source(data), data).probabilities, [0.7, 0.3])
