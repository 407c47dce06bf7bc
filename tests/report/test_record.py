"""The record of a run holds its numbers, and no path of one machine."""

from dataclasses import replace

from mien.files import write_json
from mien.report.record import record
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
