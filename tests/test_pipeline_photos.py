"""A finished model on whole photos: with and without a data set, and with other crop rules than its own."""

import shutil

import pandas as pd
import PIL.Image
import pytest

from mien.data.catalog import load_source
from mien.errors import ConfigError, RunFolderError
from mien.face_results import CropGap
from mien.labels import EXPRESSIONS
from mien.models.bundle import Bundle
from mien.pipeline import evaluate_model, run
from mien.results import RunResult
from tiny import TINY, composed, evaluation

TRAINING = (*TINY, "trainer.max_epochs=1", "logger=none", "scenes=none")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run, and its result."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    return folder, run(composed(*TRAINING), folder)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """The run's own 21 test images as photos with one face each."""
    root = tmp_path_factory.mktemp("photos")
    (root / "images").mkdir()
    part = load_source(composed(*TRAINING).dataset).parts["test"]
    rows = ["image,label"]
    for index, label in enumerate(part.labels):
        PIL.Image.fromarray(part.reader.read(index)).save(root / "images" / f"{index}.png")
        rows.append(f"{index}.png,{EXPRESSIONS.names[label]}")
    (root / "labels.csv").write_text("\n".join(rows))
    return root


def scored(model, photos, folder, *overrides):
    base = (f"run={model}", "scenes=photos", f"scenes.root={photos}", "detector=whole_image", "accelerator=cpu")
    return evaluate_model(evaluation(*base, *overrides), folder)


def test_whole_photos_need_no_data_set(finished, photos, tmp_path):
    result = scored(finished[0], photos, tmp_path)
    assert result.test is None
    assert (result.dataset["name"], result.protocol["report"]) == ("none", "none")
    assert result.accuracy == result.end_to_end.accuracy
    assert RunResult.load(tmp_path) == result
    files = {path.name for path in tmp_path.iterdir()} - {".lock"}
    assert files == {"config.yaml", "environment.json", "end_to_end.parquet", "plots", "results.json"}
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"end_to_end.png", "end_to_end_errors.png"}


def test_a_finished_run_is_not_given_for_other_photos(photos, tmp_path):
    def again(root):
        scenes = ("scenes=photos", f"scenes.root={root}", "detector=whole_image")
        return run(composed(*TRAINING[:-1], *scenes), tmp_path / "run")

    copy = shutil.copytree(photos, tmp_path / "moved")
    assert again(photos) == again(copy)
    PIL.Image.new("RGB", (48, 48)).save(copy / "images" / "0.png")
    with pytest.raises(RunFolderError, match="the whole photos are others than those that were scored"):
        again(copy)


def test_the_test_images_as_photos_leave_no_gap(finished, photos, tmp_path):
    """The same images, preprocessed the same way: every step from crop to score is checked."""
    model, trained = finished
    faces = scored(model, photos, tmp_path).end_to_end
    assert (faces.n_faces, faces.detection_recall, faces.accuracy) == (21, 1.0, trained.test.accuracy)
    assert (faces.gap.crops, faces.gap.crop_accuracy, faces.gap.gap) == (
        "drawn_faces, test",
        trained.test.accuracy,
        0.0,
    )
    assert faces.gap.gap_ci95[0] < 0 < faces.gap.gap_ci95[1]
    table = pd.read_parquet(tmp_path / "end_to_end.parquet")
    crops = pd.read_parquet(model / "predictions.parquet")
    assert table["predicted"].tolist() == crops["predicted"].tolist()


def test_with_a_data_set_the_gap_is_to_that_one(finished, photos, tmp_path):
    result = scored(finished[0], photos, tmp_path, "dataset=drawn_faces", "dataset.drawn.test=14")
    assert result.test.n == 14
    difference = result.test.accuracy - result.end_to_end.accuracy
    gap = result.end_to_end.gap
    assert gap == CropGap("drawn_faces, test", result.test.accuracy, pytest.approx(difference), gap.gap_ci95)
    assert (tmp_path / "predictions.parquet").is_file()


def test_another_crop_than_the_bundles(finished, photos, tmp_path):
    own = scored(finished[0], photos, tmp_path / "own")
    scored(finished[0], photos, tmp_path / "same", "crop.margin=0")
    scored(finished[0], photos, tmp_path / "tight", "crop.margin=-0.5")
    tables = {name: pd.read_parquet(tmp_path / name / "end_to_end.parquet") for name in ("own", "same", "tight")}
    assert own.end_to_end.n_faces == 21
    assert tables["own"].equals(tables["same"])
    assert not tables["own"].filter(like="p_").equals(tables["tight"].filter(like="p_"))
    assert Bundle.load(finished[0]).crop.margin == 0  # the bundle itself stays


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("crop.edge=clipp",), "crop.edge: unknown value 'clipp'; did you mean 'clip'"),
        (("crop.preprocess=study_a", "crop.margin=0.1"), "study_a takes the box as it is"),
    ],
)
def test_wrong_crops_are_refused_before_any_work(finished, photos, tmp_path, overrides, message):
    with pytest.raises(ConfigError, match=message):
        scored(finished[0], photos, tmp_path / "out", *overrides)
    assert not (tmp_path / "out").exists()


def test_collages_of_the_test_images(finished, photos, tmp_path):
    for row in (photos / "labels.csv").read_text().splitlines()[1:]:
        name, label = row.split(",")
        (tmp_path / "crops" / label).mkdir(parents=True, exist_ok=True)
        PIL.Image.open(photos / "images" / name).save(tmp_path / "crops" / label / name)
    scenes = ("scenes=collages", f"scenes.root={tmp_path / 'crops'}", "scenes.count=3")
    result = scored(finished[0], photos, tmp_path / "out", *scenes, "detector=mtcnn").end_to_end
    assert (result.scenes, result.detection.min_iou, result.outcomes.wrong_poor_box) == ("collages", 0.2, None)
    assert result.detection_recall > 0.6
    assert sum(row.support for row in result.by_size) == result.n_faces


def test_crops_that_nothing_is_cut_by_are_refused(finished):
    with pytest.raises(ConfigError, match=r"crop\.margin: no face is cut out here; pass scenes"):
        evaluation(f"run={finished[0]}", "dataset=drawn_faces", "crop.margin=0.1")


def test_other_images_than_those_of_training_are_told(finished, tmp_path, caplog):
    overrides = (f"run={finished[0]}", "dataset=drawn_faces", "dataset.faces=detected", "detector=whole_image")
    with caplog.at_level("WARNING"):
        evaluate_model(evaluation(*overrides, *TINY[:3], "accelerator=cpu"), tmp_path)
    assert "trained on dataset.faces=given, and is scored on detected" in caplog.text
