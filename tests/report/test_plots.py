import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread

from made_up_runs import CLEAN, NAMES, make_metrics, make_predictions, make_run, whole_result
from mien.errors import RunFolderError
from mien.report import style
from mien.report.error_plot import plot_errors
from mien.report.plots import plot_curves, plot_per_class
from mien.report.run import kept_epoch, report_run
from mien.report.samples import choose_samples
from mien.results import SelectionScore


def looks_drawn(path, least=(350, 700)):
    """A picture of sensible size whose pixels are neither all alike nor mostly ink."""
    image = imread(path)[..., :3]
    assert image.shape[0] >= least[0]
    assert image.shape[1] >= least[1]
    ink = (image < 0.98).any(axis=2).mean()
    assert 0.005 < ink < 0.9
    return True


def noise(index):
    return np.random.default_rng(index).integers(0, 256, (48, 48, 3), dtype=np.uint8)


def test_a_run_gets_its_four_pictures_the_same_twice(run_folder):
    pictures = report_run(run_folder, noise)
    assert [path.name for path in pictures] == ["curves.png", "confusion.png", "per_class.png", "samples.png"]
    assert all(looks_drawn(path) for path in pictures)
    first = [path.read_bytes() for path in pictures]
    assert [path.read_bytes() for path in report_run(run_folder, noise)] == first
    assert sorted(path.name for path in (run_folder / "plots").iterdir()) == sorted(path.name for path in pictures)


def test_recall_of_a_class_carries_its_wilson_interval(monkeypatch, tmp_path):
    run = make_run(tmp_path, absent=("disgust",))
    words = []
    monkeypatch.setattr(style, "beside", lambda axes, place, offset, text, **look: words.append(text))
    plot_per_class(run.test, tmp_path / "per_class.png")
    assert words[:4] == ["82.0 %", "70.5-89.6 %", "92.6 %", "87.0 %"]  # 50 of 61; by hand 0.7053..0.8962
    assert words[4:7] == ["no sample", "-", "-"]


def test_without_images_and_metrics_there_are_two(run_folder):
    (run_folder / "metrics.csv").unlink()
    assert [path.name for path in report_run(run_folder)] == ["confusion.png", "per_class.png"]


@pytest.mark.parametrize("tight", [True, False])
def test_whole_photos_have_a_picture_of_their_errors(tmp_path, tight):
    run = make_run(tmp_path, end_to_end=whole_result(tight=tight))
    pictures = report_run(tmp_path, None, replace(run, test=None))
    assert [path.name for path in pictures] == ["curves.png", "end_to_end_errors.png"]
    assert looks_drawn(pictures[1])


def test_the_bars_are_the_shares_and_small_ones_have_no_number(monkeypatch, tmp_path):
    bars, numbers = [], []
    monkeypatch.setattr(Axes, "barh", lambda self, y, width, height, left, **look: bars.append((y, width, left)))
    monkeypatch.setattr(Axes, "text", lambda self, x, y, text, **look: numbers.append(text))
    plot_errors(whole_result(0.71), tmp_path / "errors.png")
    assert [bar[1:] for bar in bars[:4]] == [
        pytest.approx(p) for p in [(0.71, 0), (0.04, 0.71), (0.1, 0.75), (0.15, 0.85)]
    ]
    assert numbers[:3] == ["71 %", "10 %", "15 %"]
    assert {bar[0] for bar in bars} == {0, 1, 3, 4, 5, 6, 7.5}  # none for fear


def test_an_unfinished_run_is_refused(run_folder):
    (run_folder / "results.json").unlink()
    with pytest.raises(RunFolderError, match="not finished"):
        report_run(run_folder)


@pytest.mark.parametrize("epochs", [1, 40])
def test_curves_without_validation(tmp_path, epochs):
    assert looks_drawn(plot_curves(make_metrics(epochs, 0.8, validation=False), tmp_path / "curves.png"))


def test_the_kept_epoch_is_the_selected_one_or_the_last(tmp_path):
    assert kept_epoch(make_run(tmp_path, epochs=12)) == 12
    chosen = SelectionScore("validation", "macro_recall", 0.9, 7)
    assert kept_epoch(make_run(tmp_path, selection=chosen)) == 7
    assert kept_epoch(make_run(tmp_path, selection=chosen, protocol=CLEAN | {"checkpoint": "last"})) == 12


def test_samples_are_a_mix_of_all_classes():
    predictions = make_predictions(n=700)
    rows = choose_samples(predictions, 28, seed=0)
    shown = predictions.iloc[rows]
    wrong = shown["label"] != shown["predicted"]
    assert len(set(rows)) == 28
    assert wrong.tolist() == [False] * 14 + [True] * 14
    assert shown["label"].tolist() == [*NAMES] * 4
    assert rows == choose_samples(predictions, 28, seed=0)
    assert rows != choose_samples(predictions, 28, seed=1)


@pytest.mark.parametrize(("skill", "n"), [(50.0, 100), (-50.0, 100), (3.0, 5)])
def test_samples_of_one_kind_or_few(skill, n):
    predictions = make_predictions(n=n, skill=skill).set_index("key")
    rows = choose_samples(predictions, 28, seed=3)
    assert len(set(rows)) == min(28, n)
    assert set(rows) <= set(range(n))


def test_a_model_that_never_errs_has_a_sheet_too(tmp_path):
    make_run(tmp_path, skill=50.0)
    assert looks_drawn(report_run(tmp_path, noise)[-1])


def test_reports_need_no_torch(run_folder):
    code = (
        "import sys; from pathlib import Path; import mien.report.tables; from mien.report.run import report_run; "
        "report_run(Path(sys.argv[1])); "
        "print([name for name in ('torch', 'matplotlib.pyplot') if name in sys.modules])"
    )
    argv = [sys.executable, "-W", "error", "-c", code, str(run_folder)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
