from dataclasses import replace
from io import StringIO
from pathlib import Path

from made_up_runs import make_run
from rich.console import Console

from mien.report.tables import comparison_table, end_to_end_table, per_class_table, print_summary
from mien.results import RunResult


def printed(renderable):
    """Lines at 80 columns, without trailing blanks."""
    console = Console(width=80, no_color=True, force_terminal=False)
    with console.capture() as capture:
        console.print(renderable)
    return [line.rstrip() for line in capture.get().splitlines()]


def summarised(run, plots, folder=Path("outputs/run")):
    """Lines of a run's summary at 80 columns."""
    console = Console(width=80, file=StringIO())
    print_summary(run, folder, plots, console)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def row(lines, name):
    """The cells of the table row that begins with ``name``."""
    return next(line.replace(" %", "%").split() for line in lines if line.strip().startswith(name))


def test_per_class_table_states_the_result(run_folder):
    test = RunResult.load(run_folder).test
    lines = printed(per_class_table(test))
    fear = test.per_class[2]
    expected = [f"{100 * value:.1f}%" for value in (fear.recall, fear.precision, fear.f1)]
    assert row(lines, "fear") == ["fear", *expected, str(fear.support)]
    assert row(lines, "disgust")[1] == "-"
    assert row(lines, "disgust")[3:] == ["-", "0"]
    assert f"accuracy {100 * test.accuracy:.1f} %, 95 % interval" in " ".join(lines)
    assert "expected calibration error 3.1 %" in lines


def test_end_to_end_table_states_the_result(run_folder):
    faces = RunResult.load(run_folder).end_to_end
    lines = printed(end_to_end_table(faces))
    assert row(lines, "disgust") == ["disgust", "0", "-", "-", "-"]
    given = f"{100 * faces.accuracy_given_detection:.1f}%"
    assert row(lines, "all faces") == ["all", "faces", "140", "95.7%", given, f"{100 * faces.accuracy:.1f}%"]


def test_nothing_found_prints_a_dash(run_folder):
    faces = replace(RunResult.load(run_folder).end_to_end, detection_recall=0.0, accuracy_given_detection=None)
    assert row(printed(end_to_end_table(faces)), "all faces")[3:5] == ["0.0%", "-"]


def test_summary_fits_80_columns_and_keeps_paths_whole(run_folder):
    run = RunResult.load(run_folder)
    folder = Path("outputs") / ("a_very_long_name_of_a_sweep/" * 5)
    lines = summarised(run, [folder / "plots" / "confusion.png"], folder)
    assert lines[-4:-1] == [f"Files in {folder}", "  results.json", "  plots/confusion.png"]
    assert max(len(line) for line in lines if line != f"Files in {folder}") <= 80
    assert any("End to end, 140 faces" in line for line in lines)
    assert not any("End to end" in line for line in summarised(replace(run, end_to_end=None), []))


def test_brackets_in_a_label_are_no_markup(run_folder):
    test = RunResult.load(run_folder).test
    test = replace(test, per_class=(replace(test.per_class[0], label="[bold]anger"), *test.per_class[1:]))
    assert row(printed(per_class_table(test)), "[bold]anger")


def test_comparison_table_fits_80_columns(tmp_path):
    names = ("backbone.weights=/data/weights/pretrained/affectnet_eight_classes.safetensors", "optimizer.lr=0.1")
    for number, name in enumerate(names):
        make_run(tmp_path / str(number), skill=1.0 + number, overrides=(name,))
    (tmp_path / "2").mkdir()
    lines = printed(comparison_table([tmp_path / str(number) for number in range(3)]))
    best = RunResult.load(tmp_path / "1")
    assert max(map(len, lines)) <= 80
    assert row(lines, "optimizer.lr=0.1")[1] == f"{100 * best.test.accuracy:.1f}%"
    assert row(lines, "job 2") == ["job", "2", "-", "not", "finished", "-", "-"]
    assert names[0] in "".join(line[:26].strip() for line in lines)
