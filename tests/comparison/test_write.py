import json
import subprocess
import sys

import pandas as pd
import pytest
from matplotlib.image import imread

from compared_runs import Files, compared, write_run
from made_up_runs import make_run, whole_result
from mien.comparison.compare import compare, compare_leniently
from mien.comparison.jobs import load_jobs
from mien.comparison.ranking_plot import NAME_WIDTH, fold
from mien.comparison.write import compare_sweep, write_comparison

TABLES = ["comparison.csv", "models.csv", "pairs.csv", "per_class.csv", "missed_by_all.csv"]


@pytest.fixture
def jobs(tmp_path):
    """Three finished jobs, the second the best, and one that never finished."""
    for number, count in enumerate((15, 5, 16)):
        write_run(tmp_path / "sweep" / str(number), range(count), files=Files(lr=number / 10))
    (tmp_path / "sweep" / "3").mkdir()
    return [tmp_path / "sweep" / str(number) for number in range(4)]


def written(folders, to):
    """The files of a comparison, by name."""
    return {path.name: path for path in write_comparison(compare(load_jobs(folders)), to, "report", "the command")}


def table(page, head):
    """The cells of the Markdown table whose header begins with ``head``."""
    lines = page.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {head} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(line.strip("| ").split(" | "))
    return rows


def test_the_files_are_the_same_twice(jobs, tmp_path):
    files = written(jobs, tmp_path / "to")
    assert list(files) == ["report.html", "report.md", *TABLES]
    pictures = ["classes.png", "confusion_difference.png", "curves.png", "ranking.png", "reliability.png"]
    assert sorted(path.name for path in (tmp_path / "to" / "plots").iterdir()) == pictures
    first = {name: path.read_bytes() for name, path in files.items()}
    assert {name: path.read_bytes() for name, path in written(jobs, tmp_path / "to").items()} == first


def test_the_table_of_runs_equals_their_results(jobs, tmp_path):
    frame = pd.read_csv(written(jobs, tmp_path / "to")["comparison.csv"], dtype={"folder": str})
    assert frame["folder"].tolist() == ["1", "0", "2", "3"]
    assert frame["status"].tolist() == ["finished"] * 3 + ["not finished"]
    assert frame.iloc[3, 3:].isna().all()
    for _, row in frame.iloc[:3].iterrows():
        saved = json.loads((tmp_path / "sweep" / row["folder"] / "results.json").read_text())
        test = saved["test"]
        assert [row["accuracy_low"], row["accuracy_high"]] == test["accuracy_ci95"]
        for name in ("n", "accuracy", "macro_recall", "macro_f1", "ece"):
            assert row[name] == test[name]
        for name in ("parameters", "epochs", "backbone", "seed"):
            assert row[name] == saved[name]
        assert row["fit_seconds"] == 92.4
        assert (row["protocol"], row["data"], row["fingerprint"]) == ("clean", "drawn_faces 1", "ab12")
        assert (row["compared_n"], row["compared_accuracy"]) == (70, pytest.approx(row["accuracy"]))
        assert row["temperature"] == pytest.approx(1, abs=1e-3)
        assert (row["selected_by"], row["selected_value"]) == ("macro_recall on validation", 0.9)
    best = frame.iloc[0]
    assert best["nll"] == pytest.approx((65 * 0.105361 + 5 * 4.094345) / 70, abs=1e-4)  # -log 0.9, -log 0.1 / 6


def test_scores_on_whole_photos_stay_in_the_table(tmp_path):
    run = make_run(tmp_path / "a", end_to_end=whole_result(0.6))
    frame = pd.read_csv(written([tmp_path / "a"], tmp_path / "to")["comparison.csv"])
    row = frame.iloc[0]
    assert [row["end_to_end_low"], row["end_to_end_high"]] == pytest.approx(list(run.end_to_end.accuracy_ci95))
    assert (row["scenes"], row["detector"], row["false_faces"]) == ("drawn", "mtcnn", 1010)
    numbers = [row[name] for name in ("end_to_end_accuracy", "detection_recall", "average_precision", "gap")]
    assert numbers == [0.6, 0.85, 0.807, 0.142]


def test_pairs_classes_and_missed_images_by_hand(jobs, tmp_path):
    files = written(jobs, tmp_path / "to")
    pairs = pd.read_csv(files["pairs.csv"])
    assert pairs[["first", "second"]].iloc[0].tolist() == ["optimizer.lr=0.1", "optimizer.lr=0.0"]
    assert pairs[["first_only", "second_only", "test"]].iloc[0].tolist() == [10, 0, "McNemar"]
    assert pairs["p_holm"].iloc[0] == pytest.approx(2 * 2 / 1024)
    classes = pd.read_csv(files["per_class.csv"])
    assert len(classes) == 21
    row = classes.query("model == 'optimizer.lr=0.0' and `class` == 'anger'").iloc[0]
    assert row[["support", "recall", "against"]].tolist() == [10, 0.7, "optimizer.lr=0.1"]
    assert row["difference"] == pytest.approx(-0.2)
    missed = pd.read_csv(files["missed_by_all.csv"])
    assert missed["key"].tolist() == [f"00{n}.png" for n in range(5)]
    assert missed[["label", "predicted", "runs", "leaked"]].iloc[0].tolist() == ["anger", "disgust", 3, False]


def test_the_page_opens_with_the_conclusion_and_says_what_is_missing(jobs, tmp_path):
    page = written(jobs, tmp_path / "to")["report.md"].read_text()
    assert page.startswith("# Comparison\n\n> On these 70 test images, of these trainings, **optimizer.lr=0.1**")
    assert "> **Warning.** Not in the comparison, since not finished: `job 3`." in page
    ranked = table(page, "model | accuracy")
    assert ranked[0] == ["`optimizer.lr=0.1`", "92.9 %", "84.3-96.9 %", "92.9 %", "1", "-", "-"]
    runs = table(page, "run | accuracy")
    assert [row[0] for row in runs] == [f"`optimizer.lr={lr}`" for lr in (0.1, 0.0, 0.2)] + ["`job 3`"]
    assert runs[3][1:] == ["not finished", *["-"] * 13, "`3`"]
    assert "5 of 70 (7.1 %) are right in none of the 3 runs." in page
    assert "None of the test images stands byte for byte in the train part of its data set." in page
    assert "the command" in page


def test_leaked_images_and_missing_temperatures_are_told(tmp_path):
    files = Files(leaked=(3, 50), validation=False)
    page = written([write_run(tmp_path / "a", range(5), files=files)], tmp_path / "to")["report.md"].read_text()
    assert table(page, "model | all images | the other 68") == [["`small_cnn`", "92.9 %", "94.1 %", "85.8-97.7 %"]]
    assert "2 of 70 test images stand byte for byte in the train part" in page
    assert table(page, "model | ECE")[0][3:] == ["-", "-", "-"]
    assert "No temperature for any: no validation.parquet" in page


def test_one_run_has_a_page_without_pairs(tmp_path):
    page = written([write_run(tmp_path / "a", [])], tmp_path / "to")["report.md"].read_text()
    assert "## Pairs" not in page
    assert "0 of 70 (0.0 %) are right in none of the 1 run." in page


def test_a_sweep_of_other_images_is_listed_and_not_tested(tmp_path):
    folders = [
        write_run(tmp_path / "s" / "0", []),
        write_run(tmp_path / "s" / "1", [1], files=Files(lr=1), keep=[1, 2]),
    ]
    (tmp_path / "s" / "pairs.csv").write_text("of an earlier comparison")
    comparison, files = compare_sweep(tmp_path / "s", folders)
    assert comparison.tested is None
    assert [path.name for path in files] == ["comparison.html", "comparison.md", "comparison.csv"]
    assert not (tmp_path / "s" / "pairs.csv").exists()
    page = files[1].read_text()
    assert "> Nothing can be concluded of one run against another: the runs were tested on different images" in page
    assert len(table(page, "run | accuracy")) == 2


def test_a_sweep_without_a_finished_job_still_has_its_table(tmp_path):
    for name, text in {"old": '{"schema": 0, "status": "finished"}', "torn": '{"sch'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(text)
    (tmp_path / "0").mkdir()
    _, files = compare_sweep(tmp_path, [tmp_path / "0", tmp_path / "old", tmp_path / "torn"])
    status = pd.read_csv(files[2]).set_index("folder")["status"].to_dict()
    assert status == {"0": "not finished", "old": "unreadable", "torn": "unreadable"}
    assert "No run is finished" in files[1].read_text()


def test_a_job_whose_predictions_are_damaged_does_not_end_a_sweep(jobs, tmp_path):
    (jobs[0] / "predictions.parquet").write_bytes(b"PAR1")
    comparison, files = compare_sweep(tmp_path / "sweep", jobs)
    assert len(comparison.tested.scores) == 2
    assert "> **Warning.** Not in the tests: `optimizer.lr=0.0`. " in files[1].read_text()


def test_nothing_is_left_of_an_earlier_comparison(jobs, tmp_path):
    written(jobs, tmp_path / "to")
    (tmp_path / "to" / "plots" / "mine.png").write_bytes(b"")
    (jobs[1] / "metrics.csv").unlink()
    written(jobs[1:2], tmp_path / "to")
    pictures = sorted(path.name for path in (tmp_path / "to" / "plots").iterdir())
    assert pictures == ["classes.png", "mine.png", "ranking.png", "reliability.png"]


def test_nothing_is_written_where_the_report_fails(jobs, tmp_path, monkeypatch):
    monkeypatch.setattr("mien.comparison.write.document", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        written(jobs, tmp_path / "to")
    assert not (tmp_path / "to").exists()


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
    files = written(photo_sweep(tmp_path, **changes), tmp_path / "to")
    frame = pd.read_csv(files["comparison.csv"])
    assert frame["job"].tolist() == ["detector=mtcnn", "detector=haar"]
    assert frame["accuracy"].isna().all() == (changes != {})
    page = files["report.md"].read_text()
    best = ["60.0 %", "53.0-67.0 %", "85.0 %", "70.6 %", "14.4 %", "80.7 %", "1,010", "14.2 points", "200"]
    assert table(page, "run | end to end")[0] == ["`detector=mtcnn`", *best, "drawn", "mtcnn"]
    assert "**detector=mtcnn** 60.0 %" in page


def test_a_trained_job_is_ranked_by_its_crops(tmp_path):
    folders = photo_sweep(tmp_path)
    make_run(tmp_path / "haar", end_to_end=whole_result(0.3), overrides=("detector=haar",))
    assert not compare_leniently(load_jobs(folders)).photos


@pytest.mark.parametrize("count", [1, 40])
def test_the_ranking_grows_with_the_models(tmp_path, count):
    folders = []
    for n in range(count):
        weights = f"backbone.weights=/data/$models/{'x' * 70}_{n}.safetensors"
        overrides = (weights, "loss.class_weights=balanced", f"optimizer.lr={n}")
        folders.append(write_run(tmp_path / str(n), range(n), files=Files(lr=n), overrides=overrides))
    written(folders, tmp_path / "to")
    image = imread(tmp_path / "to" / "plots" / "ranking.png")
    assert image.shape[1] == 832
    assert image.shape[0] > 160 * (1.2 + 0.3 * count)
    assert 0.005 < (image[..., :3] < 0.98).any(axis=2).mean() < 0.5


def test_jobs_of_one_name_get_their_folders(tmp_path):
    for number in range(2):
        make_run(tmp_path / str(number), seed=number, overrides=("backbone=small_cnn", "logger=none"))
    assert {job.name for job in load_jobs([tmp_path / "0", tmp_path / "1"])} == {"small_cnn (0)", "small_cnn (1)"}
    make_run(tmp_path / "x" / "0", seed=0, overrides=("backbone=small_cnn",))
    names = {job.name for job in load_jobs([tmp_path / "0", tmp_path / "x" / "0"])}
    assert names == {f"small_cnn ({tmp_path / '0'})", f"small_cnn ({tmp_path / 'x' / '0'})"}


@pytest.mark.parametrize(
    "name", ["backbone=vgg19", "a=1 " * 40 + "b=2", "path=" + "x" * 200, "p=/data/" + "long_folder/" * 20]
)
def test_long_names_are_folded_and_nothing_is_lost(name):
    lines = fold(name)
    assert max(map(len, lines)) <= NAME_WIDTH
    assert "".join(lines).replace(" ", "") == name.replace(" ", "")


def test_comparing_needs_no_torch(jobs, tmp_path):
    code = (
        "import sys; from pathlib import Path; from mien.comparison.write import compare_sweep; "
        "from mien.comparison.terminal import print_comparison; "
        "found = compare_sweep(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]); "
        "assert found[0].tested is not None; "
        "print([name for name in ('torch', 'matplotlib.pyplot') if name in sys.modules])"
    )
    argv = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "sweep"), *map(str, jobs)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_runs_of_equal_names_are_told_by_their_folders(tmp_path):
    """As the same training before and after a change of the code."""
    folders = [write_run(tmp_path / when / "run", range(count)) for when, count in (("old", 9), ("new", 3))]
    names = [score.model.name for score in compared(*folders).tested.scores]
    assert names == [f"small_cnn ({tmp_path / when / 'run'})" for when in ("new", "old")]
