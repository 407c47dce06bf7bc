import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread
from matplotlib.text import Text

from made_up_runs import CLEAN, NAMES, make_metrics, make_predictions, make_run, whole_result
from mien.errors import RunFolderError
from mien.report import style
from mien.report.error_plot import plot_errors
from mien.report.plots import plot_confusion, plot_curves, plot_per_class
from mien.report.run import kept_epoch, report_run
from mien.report.samples import choose_samples, plot_samples
from mien.results import ClassScore, SelectionScore


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


def draw(kind, names, path):
    """One of the pictures, of classes with these names."""
    run = make_run(path.parent)
    classes = [replace(score, label=name) for score, name in zip(run.test.per_class, names, strict=False)]
    counts = tuple(row[: len(classes)] for row in run.test.confusion[: len(classes)])
    test = replace(run.test, n=123_456, per_class=tuple(classes), confusion=counts)
    whole = whole_result()
    rows = [replace(score, label=name) for score, name in zip(whole.per_class, names, strict=False)]
    if kind == "samples":
        return plot_samples([noise(n) for n in range(28)], 28 * names[:1], 14 * names[:2], 28 * [1.0], path)
    if kind == "errors":
        return plot_errors(replace(whole, per_class=tuple(rows)), path)
    return {"confusion": plot_confusion, "per_class": plot_per_class}[kind](test, path)


@pytest.mark.parametrize("letters", [9, 17, 20, 40])
@pytest.mark.parametrize("classes", [2, 7])
@pytest.mark.parametrize("kind", ["samples", "confusion", "per_class", "errors"])
def test_names_of_any_length_have_room(kind, classes, letters, monkeypatch, tmp_path):
    boxes = []

    def measure(figure, path):
        figure.draw_without_rendering()
        seen = [text for text in figure.findobj(Text) if text.get_visible() and text.get_alpha() != 0]
        shown = [text for text in seen if text.get_text() and not text.get_text().endswith("\n")]
        inside = figure.bbox.padded(2)
        for text in shown:
            box = text.get_window_extent()
            assert inside.contains(*box.min), text
            assert inside.contains(*box.max), text
            if text.get_rotation() == 0:
                assert not any(box.overlaps(other) for other in boxes), text
                boxes.append(box.padded(-1))

    monkeypatch.setattr(style, "save", measure)
    draw(kind, [f"{n} disgustedly surprised, happily surprised"[:letters] for n in range(classes)], tmp_path / "a.png")
    assert boxes


def test_the_matrix_of_many_classes_is_no_larger_than_a_screen(tmp_path):
    names = [f"class {n}" for n in range(40)]
    counts = tuple(tuple(row) for row in np.eye(40, dtype=int).tolist())
    test = replace(make_run(tmp_path).test, per_class=tuple(ClassScore(n, 1, 1, 1, 1) for n in names), confusion=counts)
    assert max(imread(plot_confusion(test, tmp_path / "confusion.png")).shape) < 3600
