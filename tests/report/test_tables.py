from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console

from made_up_runs import whole_result
from mien.report.tables import (
    end_to_end_table,
    error_table,
    per_class_table,
    print_summary,
    size_table,
)
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
    assert lines[0].strip() == f"Test, {test.n} samples"
    assert printed(per_class_table(test, "validation"))[0].strip() == f"Validation, {test.n} samples"
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


def test_the_gap_and_the_detector_stand_below_the_table():
    text = "\n".join(printed(end_to_end_table(whole_result())))
    assert "on crops (fer2013) 64.2 %: a gap of 14.2 points,\n  95 % interval -1.0 to 30.4 points" in text
    assert (
        "at IoU 0.5: precision 14.4 %, recall 85.0 %,\n  average precision 80.7 %, false faces 1,010 of 1,180" in text
    )
    assert "gap" not in "".join(printed(end_to_end_table(replace(whole_result(), gap=None))))


def test_error_table_has_the_shares_of_each_class():
    lines = printed(error_table(whole_result(0.71)))
    assert row(lines, "anger") == ["anger", "15.0%", "4.0%", "10.0%"]
    assert row(lines, "fear") == ["fear", "-", "-", "-"]
    assert row(lines, "all faces")[2:] == ["15.0%", "4.0%", "10.0%"]
    assert error_table(whole_result(tight=False)) is None


def test_size_table_has_a_row_a_size():
    lines = printed(size_table(whole_result()))
    assert row(lines, "<40 px") == ["<40", "px", "0", "-", "-", "-"]
    assert row(lines, "160+ px") == ["160+", "px", "50", "100.0%", "70.0%", "56.0-81.0%"]
    assert size_table(whole_result(tight=False)) is None


def test_a_run_scored_on_photos_only_has_their_tables_only(run_folder):
    run = replace(RunResult.load(run_folder), test=None, end_to_end=whole_result())
    lines = summarised(run, [])
    titles = ("End to end, 200 faces", "Where errors come from", "Against face size")
    assert [any(line.startswith(title) for line in lines) for title in titles] == [True] * 3
    assert not any(line.startswith("Test,") for line in lines)
    assert "on whole photos only" in "".join(lines)
    assert max(len(line) for line in lines) <= 80


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
