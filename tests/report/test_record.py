"""The record of a run holds its numbers, and no path of one machine."""

import shlex
from dataclasses import replace

import pytest

from made_up_runs import whole_result
from mien.files import write_json
from mien.report.record import portable, record
from mien.results import RunResult

ENVIRONMENT = {
    "command": "",
    "seed": 0,
    "git": {"commit": "0123456789abcdef", "dirty": False},
    "python": "3.11.7",
    "packages": {"torch": "2.15.0", "timm": "1.0", "pytorch-lightning": "2.6"},
    "hardware": {"cpu": "A CPU", "cores": 2, "memory_gib": 8, "gpus": [], "system": "Linux"},
}


def test_a_record_says_what_was_run_and_what_came_out(run_folder):
    command = "python train.py dataset.root=/home/me/data/faces scenes.root=/x/scenes seed=1"
    run = replace(RunResult.load(run_folder), command=command)
    run.save(run_folder)
    write_json(run_folder / "environment.json", ENVIRONMENT)
    text = record(run_folder)
    assert "`python train.py dataset.root=<faces> scenes.root=<scenes> seed=1`" in text
    assert "/home" not in text
    assert "| commit | 0123456789ab |" in text
    assert f"**{100 * run.test.accuracy:.1f} %** on {run.test.n:,} images" in text
    row = run.test.per_class[0]
    assert f"| {row.label} | {100 * row.recall:.1f} % |" in text
    assert "| disgust | - |" in text


def test_a_record_of_photos_only(run_folder):
    run = replace(RunResult.load(run_folder), test=None, end_to_end=whole_result())
    run.save(run_folder)
    write_json(run_folder / "environment.json", ENVIRONMENT)
    text = record(run_folder)
    assert text.startswith("# small_cnn on whole photos only\n")
    assert "On crops (fer2013) 64.2 %: a gap of 14.2 points, 95 % interval -1.0 to 30.4 points.\n" in text
    assert "Detector alone, at IoU 0.5: precision 14.4 %, recall 85.0 %, average precision 80.7 %, false" in text
    assert "| all faces | 15.0 % | 25.0 % | 10.0 % |" in text
    assert "| 160+ px | 50 | 100.0 % | 70.0 % | 56.0-81.0 % |" in text
    assert "cross entropy" not in text


@pytest.mark.parametrize(
    ("root", "shown"),
    [
        ("/data/my faces", "'dataset.root=<my faces>'"),
        ("/my data/faces/", "'dataset.root=<faces>/'"),
        ("/data/faces", "dataset.root=<faces>"),
        ("faces", "dataset.root=faces"),
    ],
)
def test_folders_with_a_space_are_shortened_too(root, shown):
    command = shlex.join(["python", "train.py", f"dataset.root={root}", "run=/runs/a", "seed=1"])
    assert portable(command) == f"python train.py {shown} run=<a> seed=1"
