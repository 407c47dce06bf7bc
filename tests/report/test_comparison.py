import json

import pandas as pd
import pytest
from made_up_runs import CLEAN, make_run, whole_result
from matplotlib.image import imread

from mien.report.comparison import compare_runs, write_comparison
from mien.report.comparison_plot import NAME_WIDTH, fold
from mien.report.jobs import load_jobs

SKILLS = {"custom_cnn": 1.5, "resnet18": 3.0, "vgg19": 2.5}


@pytest.fixture
def sweep(tmp_path):
    """Three finished jobs, the second the best, and one that never finished."""
    for number, (backbone, skill) in enumerate(SKILLS.items()):
        overrides = ("trainer.max_epochs=12", f"backbone={backbone}")
        make_run(tmp_path / str(number), number, skill, backbone=backbone, overrides=overrides)
    (tmp_path / "3").mkdir()
    return [tmp_path / str(number) for number in range(4)]


def test_the_frame_holds_the_results_the_best_first(sweep):
    frame = compare_runs(sweep)
    assert frame["job"].tolist() == ["backbone=resnet18", "backbone=vgg19", "backbone=custom_cnn", "job 3"]
    assert frame["status"].tolist() == ["finished"] * 3 + ["not finished"]
    assert frame["folder"].tolist() == ["1", "2", "0", "3"]
    assert frame["accuracy"].iloc[:3].is_monotonic_decreasing
    assert frame.iloc[3, 3:].isna().all()


def test_the_csv_equals_the_results(sweep, tmp_path):
    table = pd.read_csv(write_comparison(tmp_path, sweep)[0], dtype={"folder": str})
    for _, row in table.iloc[:3].iterrows():
        saved = json.loads((tmp_path / row["folder"] / "results.json").read_text())
        test, faces = saved["test"], saved["end_to_end"]
        assert [row["accuracy_low"], row["accuracy_high"]] == test["accuracy_ci95"]
        assert [row["end_to_end_low"], row["end_to_end_high"]] == faces["accuracy_ci95"]
        assert row["end_to_end_accuracy"] == faces["accuracy"]
        for name in ("n", "accuracy", "macro_recall", "macro_f1", "ece"):
            assert row[name] == test[name]
        for name in ("parameters", "epochs", "backbone", "seed"):
            assert row[name] == saved[name]
        assert row["fit_seconds"] == 92.4
        assert (row["protocol"], row["data"], row["fingerprint"]) == ("clean", "drawn_faces 1", "ab12")


def test_the_page_is_in_order_and_names_the_unfinished(sweep, tmp_path):
    page = write_comparison(tmp_path, sweep)[1].read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows] == ["`backbone=resnet18`", "`backbone=vgg19`", "`backbone=custom_cnn`", "`job 3`"]
    assert {len(row) for row in rows} == {14}
    assert rows[0][1] == f"{100 * compare_runs(sweep)['accuracy'][0]:.1f} %"
    assert rows[3][1:] == ["not finished", *["-"] * 11, "3"]
    assert "Not comparable" not in page


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"dataset": {"name": "drawn_faces", "version": "1", "fingerprint": "other"}}, "data"),
        ({"protocol": CLEAN | {"name": "published", "checkpoint": "last"}}, "protocol"),
    ],
)
def test_jobs_that_cannot_be_compared_are_said_to_be_so(sweep, tmp_path, changes, word):
    make_run(sweep[0], **changes)
    assert f"**Not comparable: the jobs differ in {word}.**" in write_comparison(tmp_path, sweep)[1].read_text()


def test_the_three_files_are_the_same_twice(sweep, tmp_path):
    files = write_comparison(tmp_path, sweep)
    assert [path.name for path in files] == ["comparison.csv", "comparison.md", "comparison.png"]
    first = [path.read_bytes() for path in files]
    assert [path.read_bytes() for path in write_comparison(tmp_path, sweep)] == first


@pytest.mark.parametrize("count", [1, 40])
def test_the_picture_grows_with_the_jobs(tmp_path, count):
    folders = [tmp_path / str(number) for number in range(count)]
    for number, folder in enumerate(folders):
        weights = f"backbone.weights=/data/$models/{'x' * 70}_{number}.safetensors"
        make_run(folder, number, overrides=(weights, "loss.class_weights=balanced", f"optimizer.lr={number}"))
    image = imread(write_comparison(tmp_path, folders)[2])
    assert image.shape[1] == 1600
    assert image.shape[0] > 160 * (2.5 + 0.3 * count)
    assert 0.005 < (image[..., :3] < 0.98).any(axis=2).mean() < 0.5


def photo_sweep(folder, **changes):
    """Evaluations of one model with two detectors."""
    for name, accuracy in {"haar": 0.3, "mtcnn": 0.6}.items():
        faces = whole_result(accuracy, detector=name)
        seconds = {"fit": 0.0, "test": 0.0, "end_to_end": 7.0}
        make_run(folder / name, end_to_end=faces, seconds=seconds, overrides=(f"detector={name}",), **changes)
        (folder / name / "metrics.csv").unlink()
    return [folder / "haar", folder / "mtcnn"]


@pytest.mark.parametrize("changes", [{}, {"test": None}])
def test_detectors_are_compared_on_whole_photos(tmp_path, changes):
    table, page, picture = write_comparison(tmp_path, photo_sweep(tmp_path, **changes))
    frame = pd.read_csv(table)
    assert frame["job"].tolist() == ["detector=mtcnn", "detector=haar"]
    assert frame["accuracy"].isna().all() == (changes != {})
    assert frame.loc[0, ["scenes", "detector", "false_faces"]].tolist() == ["drawn", "mtcnn", 1010]
    numbers = frame.loc[0, ["end_to_end_accuracy", "detection_recall", "average_precision", "gap"]].tolist()
    assert numbers == [0.6, 0.85, 0.807, 0.142]
    rows = [line.strip("| ").split(" | ") for line in page.read_text().splitlines() if line.startswith("| `")]
    best = ["60.0 %", "53.0-67.0 %", "85.0 %", "70.6 %", "14.4 %", "80.7 %", "1,010", "14.2 points", "200"]
    assert rows[0] == ["`detector=mtcnn`", *best, "drawn", "mtcnn", "mtcnn"]
    assert imread(picture).shape[1] == 1600


def test_a_trained_job_is_ranked_by_its_crops(tmp_path):
    folders = photo_sweep(tmp_path)
    make_run(tmp_path / "haar", end_to_end=whole_result(0.3), overrides=("detector=haar",))
    page = write_comparison(tmp_path, folders)[1].read_text()
    assert "macro recall" in page
    assert "false faces |" not in page


def test_a_sweep_without_a_finished_job_still_has_its_table(tmp_path):
    (tmp_path / "0").mkdir()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "results.json").write_text('{"schema": 0, "status": "finished"}')
    files = write_comparison(tmp_path, [tmp_path / "0", tmp_path / "old"])
    assert pd.read_csv(files[0])["status"].tolist() == ["not finished", "unreadable"]


def test_jobs_of_one_name_get_their_folders(tmp_path):
    for number in range(2):
        make_run(tmp_path / str(number), seed=number, overrides=("backbone=small_cnn",))
    assert {job.name for job in load_jobs([tmp_path / "0", tmp_path / "1"])} == {"small_cnn (0)", "small_cnn (1)"}


@pytest.mark.parametrize(
    "name", ["backbone=vgg19", "a=1 " * 40 + "b=2", "path=" + "x" * 200, "p=/data/" + "long_folder/" * 20]
)
def test_long_names_are_folded_and_nothing_is_lost(name):
    lines = fold(name)
    assert max(map(len, lines)) <= NAME_WIDTH
    assert "".join(lines).replace(" ", "") == name.replace(" ", "")
