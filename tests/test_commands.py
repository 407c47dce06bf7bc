"""The commands as a user types them."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mien.cli import start
from mien.config.schema import Config
from mien.results import RunResult
from mien.sweep import run_name, sweep_overrides
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


def test_a_failed_job_does_not_stop_the_others(swept):
    folder, done = swept
    assert done.returncode == 2
    assert "unknown optimizer 'adamww'; did you mean 'adamw'" in done.stderr
    jobs = [RunResult.load(path.parent) for path in sweep_folder(folder).glob("*/results.json")]
    assert sorted(job.seed for job in jobs) == [0, 1]


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
    runs = list(sweep_folder(folder).glob("*/wandb/offline-run-*/*.wandb"))
    assert len([run for run in runs if "adamww" not in str(run)]) == 2
    assert "W&B: offline (not logged in" in done.stderr


def test_wandbs_own_tools_read_the_offline_run(swept):
    folder, _ = swept
    (run,) = sweep_folder(folder).glob("optimizer.name-adamw__seed-1/wandb/offline-run-*")
    wandb = [sys.executable, "-m", "wandb"]
    synced = subprocess.run([*wandb, "sync", "--dry-run", str(run)], capture_output=True, text=True, check=True)
    assert "Would sync 1 run(s)" in synced.stdout + synced.stderr
    seen = subprocess.run(
        [*wandb, "leet", "inspect", "--summary", str(run)], capture_output=True, text=True, check=True
    )
    assert "state    finished" in seen.stdout
    accuracy = RunResult.load(run.parents[1]).test.accuracy
    (line,) = [line for line in seen.stdout.splitlines() if line.startswith("  test/accuracy")]
    assert float(line.split()[1]) == pytest.approx(accuracy)


def test_the_same_sweep_again_runs_only_what_is_missing(swept):
    folder, _ = swept
    before = {path: path.stat().st_mtime_ns for path in sweep_folder(folder).glob("*/metrics.csv")}
    done = command("train.py", "-m", *ONE_EPOCH, "seed=0,1", "optimizer.name=adamw,adam", folder=folder)
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(sweep_folder(folder) / "comparison.csv").query("status == 'finished'")) == 4
    assert done.stderr.count("is finished already") == 2
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_evaluate_scores_a_finished_run(swept):
    folder, _ = swept
    run = next(path.parent for path in sweep_folder(folder).glob("optimizer.name-adamw__seed-0/results.json"))
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


def test_crops_of_whole_photos_are_compared_without_training(swept):
    folder, _ = swept
    run = next(path.parent for path in sweep_folder(folder).glob("optimizer.name-adamw__seed-0/results.json"))
    fixed = (f"run={run}", "scenes=drawn", "scenes.count=2", "accelerator=cpu", "output=photos")
    done = command("evaluate.py", "-m", *fixed, "detector=whole_image", "crop.margin=-0.5,0", folder=folder)
    assert done.returncode == 0, done.stderr
    (sweep,) = (folder / "photos" / "evaluations").iterdir()
    jobs = {path.parent.name: RunResult.load(path.parent) for path in sweep.glob("*/results.json")}
    assert set(jobs) == {"crop.margin--0.5", "crop.margin-0"}
    assert all(job.test is None and job.end_to_end.detector == "whole_image" for job in jobs.values())
    assert "Comparison on whole photos" in done.stdout
    assert pd.read_csv(sweep / "comparison.csv")["job"].tolist() == ["crop.margin=-0.5", "crop.margin=0"]


def test_evaluate_names_what_is_no_model(tmp_path):
    done = command("evaluate.py", "run=nowhere", "dataset=drawn_faces", folder=tmp_path)
    assert done.returncode == 2
    assert "nowhere is neither a bundle" in done.stderr


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "default"),
        (["seed=1", "backbone=vgg19", "output=/x", "logger=none", "dataset.root=/y"], "backbone-vgg19__seed-1"),
        (["+experiment=fecnn/vgg19"], "experiment-fecnn_vgg19"),
    ],
)
def test_a_runs_folder_follows_from_its_overrides(overrides, name):
    assert run_name(overrides) == run_name(overrides[::-1]) == name


@pytest.mark.parametrize("arguments", [("-m", "backbone=vgg19", "seed=0"), ("backbone=vgg19", "seed=0", "--multirun")])
def test_the_sweeps_folder_is_put_beside_the_other_overrides(monkeypatch, arguments):
    """Where argparse finds them, wherever the flag stands."""
    seen = []
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    start(lambda: seen.extend(sys.argv), Config, "train")
    at = seen.index("backbone=vgg19")
    assert seen[at - 2] == "hydra.sweep.dir='outputs/sweeps/backbone-vgg19__seed-0'"
    assert seen[at - 1] == "hydra.sweep.subdir='${mien.run:${hydra.overrides.task}}'"
    assert [argument for argument in seen[1:] if not argument.startswith("hydra.")] == list(arguments)


def test_long_names_are_cut_but_stay_apart():
    names = {run_name([f"backbone.weights={'x' * 300}{end}"]) for end in "ab"}
    assert len(names) == 2
    assert max(map(len, names)) <= 150


def test_a_sweeps_folder_does_not_depend_on_the_values_swept():
    scores = sweep_overrides(["-m", "run=a", "detector=mtcnn,haar", "scenes.root=/x", "output=here"], evaluation=True)
    assert scores[0] == "hydra.sweep.dir='here/evaluations/detector__run-a__scenes.root-_x'"
    whole = sweep_overrides(["-m", "seed=0,1", "backbone=vgg19", "output=here"])
    assert whole[0] == "hydra.sweep.dir='here/sweeps/backbone-vgg19__seed'"
    assert whole == sweep_overrides(["backbone=vgg19", "seed=0,1,2", "output=here", "--multirun"])
    assert sweep_overrides(["seed=0"]) == []
    assert run_name(["backbone=vgg19", "seed=0"], "seed") == "seed-0"
    assert run_name(["dataset.root=/a/b", "seed=0"], "dataset.root") == "dataset.root-_a_b"


def test_a_sweep_of_distributed_jobs_is_refused(tmp_path):
    done = command("train.py", "-m", "trainer=ddp", "trainer.accelerator=cpu", "seed=0,1", folder=tmp_path)
    assert done.returncode == 2
    assert "not in a sweep yet" in done.stderr
