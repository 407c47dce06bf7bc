from io import StringIO

from rich.console import Console

from compared_runs import Files, write_run
from made_up_runs import make_run, whole_result
from mien.comparison.compare import compare, compare_leniently
from mien.comparison.jobs import load_jobs
from mien.comparison.terminal import comparison_table, print_comparison
from mien.results import RunResult


def printed(*folders):
    """Lines of the table at 80 columns, without trailing blanks."""
    console = Console(width=80, no_color=True, force_terminal=False)
    with console.capture() as capture:
        console.print(comparison_table(compare_leniently(load_jobs(folders))))
    return [line.rstrip() for line in capture.get().splitlines()]


def row(lines, name):
    """The cells of the table row that begins with ``name``."""
    return next(line.replace(" %", "%").split() for line in lines if line.strip().startswith(name))


def test_evaluations_that_only_photos_tell_apart_are_ranked_by_them(tmp_path):
    seconds = {"fit": 0.0, "test": 1.0, "end_to_end": 7.0}
    for number, (detector, accuracy) in enumerate({"haar": 0.3, "mtcnn": 0.6, "whole_image": 0.4}.items()):
        faces = whole_result(accuracy, detector != "whole_image", detector)
        make_run(tmp_path / str(number), end_to_end=faces, seconds=seconds, overrides=(f"detector={detector}",))
    lines = printed(*(tmp_path / str(number) for number in range(3)))
    assert lines[0] == "Comparison on whole photos"
    jobs = [line.split()[0] for line in lines if line.strip().startswith("detector=")]
    assert [job[:14] for job in jobs] == ["detector=mtcnn", "detector=whole", "detector=haar"]
    assert row(lines, "detector=mtcnn")[1:] == ["60.0%", "53.0-67.0%", "85.0%", "70.6%", "1,010"]
    assert row(lines, "detector=whole")[-1] == "-"


def test_comparison_table_fits_80_columns(tmp_path):
    names = ("backbone.weights=/data/weights/pretrained/affectnet_eight_classes.safetensors", "optimizer.lr=0.1")
    for number, name in enumerate(names):
        make_run(tmp_path / str(number), skill=1.0 + number, overrides=(name,))
    (tmp_path / "2").mkdir()
    lines = printed(*(tmp_path / str(number) for number in range(3)))
    best = RunResult.load(tmp_path / "1")
    assert max(map(len, lines)) <= 80
    assert row(lines, "optimizer.lr=0.1")[1] == f"{100 * best.test.accuracy:.1f}%"
    assert row(lines, "job 2") == ["job", "2", "-", "not", "finished", "-", "-"]
    assert names[0] in "".join(line[:26].strip() for line in lines)


def test_the_conclusion_and_whole_paths_follow(tmp_path):
    a, b = write_run(tmp_path / "a", range(5)), write_run(tmp_path / "b", range(15), files=Files(lr=0.2))
    (tmp_path / "c").mkdir()
    console = Console(width=80, file=StringIO())
    page = tmp_path / ("a_very_long_name_of_a_sweep/" * 5) / "report.html"
    print_comparison(compare(load_jobs([a, b, tmp_path / "c"])), [page, page.with_name("pairs.csv")], console)
    lines = console.file.getvalue().splitlines()
    text = " ".join(" ".join(lines).split())
    assert "of these trainings, optimizer.lr=0.1 is more accurate than optimizer.lr=0.2 by 14.3 points" in text
    assert "Not in the comparison, since not finished: c." in text
    assert lines[-2].endswith("a_very_long_name_of_a_sweep/report.html")
    assert lines[-1] == "beside it: pairs.csv"
    assert max(len(line) for line in lines[:-2]) <= 80


def test_the_mean_over_seeds_follows_where_there_are_several(tmp_path):
    a = [write_run(tmp_path / f"a{seed}", range(7 * (seed + 1)), seed) for seed in (0, 1, 2)]
    b = write_run(tmp_path / "b", range(28), files=Files(lr=0.2))
    console = Console(width=80, file=StringIO())
    print_comparison(compare(load_jobs([*a, b])), [tmp_path / "comparison.html"], console)
    lines = console.file.getvalue().splitlines()
    own = lines[next(number for number, line in enumerate(lines) if "Mean over seeds" in line) :]
    assert row(own, "optimizer.lr=0.1")[1:5] == ["3", "80.0%", "10.0", "points"]
    assert row(own, "optimizer.lr=0.2")[1:4] == ["1", "60.0%", "-"]
    assert max(map(len, lines[:20])) <= 80


def test_there_is_no_mean_of_single_trainings(tmp_path):
    a, b = write_run(tmp_path / "a", range(5)), write_run(tmp_path / "b", range(15), files=Files(lr=0.2))
    console = Console(width=80, file=StringIO())
    print_comparison(compare(load_jobs([a, b])), [tmp_path / "comparison.html"], console)
    assert "Mean over seeds" not in console.file.getvalue()
