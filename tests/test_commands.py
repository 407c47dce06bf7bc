"""The commands as a user types them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mien.cli import start
from mien.config.schema import Config
from mien.results import RunResult
from mien.sweep.ledger import entries, read_note, state_of
from tiny import TINY

ROOT = Path(__file__).resolve().parents[1]
ONE_EPOCH = (*TINY, "trainer.max_epochs=1", "scenes=none")


def command(script, *arguments, folder, **environment):
    env = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80", **environment}
    call = [sys.executable, str(ROOT / script), *arguments]
    return subprocess.run(call, cwd=folder, capture_output=True, text=True, timeout=300, env=env, check=False)


def test_typos_end_with_one_message_and_no_traceback(tmp_path):
    done = command("train.py", "optimzer.lr=3", "backbone=resnet19", "trainer.max_epochs=two", folder=tmp_path)
    assert done.returncode == 2
    assert "3 problems in the configuration" in done.stderr
    assert "did you mean 'optimizer'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_settings_that_do_not_go_together_come_at_once(tmp_path):
    done = command("train.py", "dataset.batch_size=0", "head=mlp", "head.dropout=[]", "seed=-1", folder=tmp_path)
    assert done.returncode == 2
    assert "3 problems in the configuration" in done.stderr


def test_a_missing_root_says_where_to_get_the_data(tmp_path):
    done = command("train.py", "dataset=micro_expressions", "logger=none", folder=tmp_path)
    assert done.returncode == 2
    assert "dataset.root" in done.stderr
    assert "kmirfan/micro-expressions" in done.stderr


def test_the_resolved_config_is_shown_without_training(tmp_path):
    done = command("train.py", "--cfg", "job", "--resolve", "backbone=vgg19", folder=tmp_path)
    assert done.returncode == 0
    assert "model: vgg19.tv_in1k" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep of two seeds and an optimizer that does not exist."""
    folder = tmp_path_factory.mktemp("sweep")
    return folder, command("train.py", "-m", *ONE_EPOCH, "seed=0,1", "optimizer.name=adamw,adamww", folder=folder)


def sweep_folder(folder):
    (found,) = (folder / "outputs" / "sweeps").iterdir()
    return found


def jobs_of(folder):
    """The run folders of the sweep in it, by the jobs' names."""
    return {entry.name: entry.folder for entry in entries(sweep_folder(folder))}


def test_a_failed_job_does_not_stop_the_others(swept):
    folder, done = swept
    assert done.returncode == 1
    assert "unknown optimizer 'adamww'; did you mean 'adamw'" in done.stderr
    states = {name: state_of(job) for name, job in jobs_of(folder).items()}
    assert states == {
        "seed=0 optimizer.name=adamw": "finished",
        "seed=0 optimizer.name=adamww": "failed",
        "seed=1 optimizer.name=adamw": "finished",
        "seed=1 optimizer.name=adamww": "failed",
    }


def test_a_line_tells_which_job_starts_and_hydra_adds_none(swept):
    lines = swept[1].stderr.splitlines()
    starts = [line.split(" ", 1)[1] for line in lines if re.match(r"\d\d:\d\d:\d\d \[\d/\d\] ", line)]
    assert starts == [
        "[1/4] seed=0 optimizer.name=adamw",
        "[2/4] seed=0 optimizer.name=adamww",
        "[3/4] seed=1 optimizer.name=adamw",
        "[4/4] seed=1 optimizer.name=adamww",
    ]
    assert not any("HYDRA" in line or "Error executing job" in line for line in lines)


def test_the_last_lines_name_the_failed_jobs(swept):
    head, *named = swept[1].stderr.splitlines()[-3:]
    assert head == "error: 2 of 4 jobs failed; sweep.retry=true runs them again:"
    why = (
        "1 problem in the configuration: optimizer.name: unknown optimizer 'adamww'; did you mean 'adamw' or 'radamw'?"
    )
    assert named == [f"  seed={seed} optimizer.name=adamww: {why}" for seed in (0, 1)]


def test_the_sweep_is_compared(swept):
    table = pd.read_csv(sweep_folder(swept[0]) / "comparison.csv")
    finished = table.query("status == 'finished'")
    assert sorted(finished["seed"]) == [0, 1]
    assert set(finished["n"]) == {21}
    assert len(table) == 4
    assert swept[1].stdout.count("not finished") == 3  # of two jobs, and the sentence on them
    for name in ("comparison.md", "comparison.html", "plots/ranking.png"):
        assert (sweep_folder(swept[0]) / name).stat().st_size > 0


def test_each_job_has_an_offline_wandb_run_of_its_own(swept):
    folder, done = swept
    runs = {name: len(list(job.glob("wandb/offline-run-*/*.wandb"))) for name, job in jobs_of(folder).items()}
    assert [count for name, count in runs.items() if "adamww" not in name] == [1, 1]
    assert "W&B: offline (not logged in" in done.stderr


def test_wandbs_own_tools_read_the_offline_run(swept):
    folder, _ = swept
    (run,) = jobs_of(folder)["seed=1 optimizer.name=adamw"].glob("wandb/offline-run-*")
    wandb = [sys.executable, "-m", "wandb"]
    synced = subprocess.run([*wandb, "sync", "--dry-run", str(run)], capture_output=True, text=True, check=True)
    assert "Would sync 1 run(s)" in synced.stdout + synced.stderr
    seen = subprocess.run(
        [*wandb, "leet", "inspect", "--summary", str(run)], capture_output=True, text=True, check=True
    )
    assert "state    finished" in seen.stdout
    accuracy = RunResult.load(run.parents[1]).test.accuracy
    (line,) = [line for line in seen.stdout.splitlines() if line.startswith("  test/accuracy ")]
    assert float(line.split()[1]) == pytest.approx(accuracy)


def test_the_same_sweep_again_runs_only_what_is_missing(swept):
    folder, _ = swept
    done_before = {name: job for name, job in jobs_of(folder).items() if state_of(job) == "finished"}
    before = {name: (job / "log.txt").stat().st_size for name, job in done_before.items()}
    notes = {name: read_note(job) for name, job in done_before.items()}
    done = command("train.py", "-m", *ONE_EPOCH, "seed=0,1", "optimizer.name=adamw,adam", folder=folder)
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(sweep_folder(folder) / "comparison.csv").query("status == 'finished'")) == 4
    assert done.stderr.count("is finished already") == 2
    assert len(jobs_of(folder)) == 6
    assert {name: read_note(job) for name, job in done_before.items()} == notes
    told = [(job / "log.txt").read_text()[before[name] :].count("\n") for name, job in done_before.items()]
    assert told == [1, 1]


def test_a_single_run_finds_what_a_sweep_has_trained(swept):
    folder, _ = swept
    note = read_note(jobs_of(folder)["seed=0 optimizer.name=adamw"])
    done = command("train.py", *ONE_EPOCH, "seed=0", "optimizer.name=adamw", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "is finished already" in done.stderr
    assert read_note(jobs_of(folder)["seed=0 optimizer.name=adamw"]) == note


def test_evaluate_scores_a_finished_run(swept):
    folder, _ = swept
    run = jobs_of(folder)["seed=0 optimizer.name=adamw"]
    done = command(
        "evaluate.py",
        f"run={run}",
        "dataset=drawn_faces",
        "dataset.drawn.test=14",
        "accelerator=cpu",
        "output=scores",
        folder=folder,
    )
    assert done.returncode == 0, done.stderr
    (result,) = (folder / "scores" / "evaluations").iterdir()
    assert RunResult.load(result).test.n == 14
    assert "Test, 14 samples" in done.stdout
    assert read_note(result).state == "finished"


def test_crops_of_whole_photos_are_compared_without_training(swept):
    folder, _ = swept
    run = jobs_of(folder)["seed=0 optimizer.name=adamw"]
    fixed = (f"run={run}", "scenes=drawn", "scenes.count=2", "accelerator=cpu", "output=photos")
    done = command("evaluate.py", "-m", *fixed, "detector=whole_image", "crop.margin=-0.5,0", folder=folder)
    assert done.returncode == 0, done.stderr
    (sweep,) = (folder / "photos" / "evaluations" / "sweeps").iterdir()
    jobs = {entry.name: RunResult.load(entry.folder) for entry in entries(sweep)}
    assert set(jobs) == {"crop.margin=-0.5", "crop.margin=0"}
    assert all(job.test is None and job.end_to_end.detector == "whole_image" for job in jobs.values())
    assert "Comparison on whole photos" in done.stdout
    assert pd.read_csv(sweep / "comparison.csv")["job"].tolist() == ["crop.margin=-0.5", "crop.margin=0"]


def test_evaluate_names_what_is_no_model(tmp_path):
    done = command("evaluate.py", "run=nowhere", "dataset=drawn_faces", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: nowhere is neither a bundle")  # without a line of Hydra's


@pytest.mark.parametrize("flag", [("--cfg", "job"), ("--cfg=job",), ("-c", "job")])
def test_the_config_of_a_whole_sweep_is_refused(monkeypatch, capsys, flag):
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", "seed=0,1", *flag])
    with pytest.raises(SystemExit, match="2"):
        start(lambda: None, Config, "train")
    assert (
        capsys.readouterr().err
        == f"error: {flag[0].split('=')[0]} shows one job; leave -m out, and pass one value a key\n"
    )


def test_a_path_needs_no_quotes(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "argv", ["train.py", "dataset.root=/data/été (1)"])
    start(lambda: seen.extend(sys.argv), Config, "train")
    assert seen[1:] == ["dataset.root='/data/été (1)'"]


@pytest.mark.parametrize("arguments", [("-m", "backbone=vgg19", "seed=0"), ("backbone=vgg19", "--multirun", "seed=0")])
def test_all_overrides_stand_together_and_before_the_flags(monkeypatch, arguments):
    """Where argparse finds them, in whatever order they were typed."""
    seen = []
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    start(lambda: seen.extend(sys.argv), Config, "train")
    (flag,) = set(arguments) & {"-m", "--multirun"}
    assert seen[1:] == [
        "backbone=vgg19",
        "seed=0",
        "hydra.sweep.dir='outputs/sweeps/backbone-vgg19__seed-0'",
        "hydra.sweep.subdir='../../${mien.run:${hydra.overrides.task}}'",
        flag,
    ]
