"""Several processes train as one does: with gloo, on the CPU."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import monotonic

import numpy as np
import pandas as pd
import psutil
import pytest

from mien.config.schema import (
    AugmentConfig,
    BackboneConfig,
    DatasetConfig,
    DrawnConfig,
    FeaturesConfig,
    HeadConfig,
    LossConfig,
    OptimizerConfig,
    ScheduleConfig,
    TrainerConfig,
)
from mien.errors import RunFolderError
from mien.files import read_json, write_json
from mien.processes import WorkFailed, supervise
from mien.results import RunResult
from mien.training.trainer import as_begun
from teamwork import REPORTED, SELECTED, Task, run_all, train
from tiny import TINY, small_config

ROOT = Path(__file__).resolve().parents[2]


def config(devices, batch_size, **changes):
    """An experiment without batch norm, dropout and augmentation, on so many devices."""
    base = {
        "dataset": DatasetConfig("drawn_faces", batch_size=batch_size, drawn=DrawnConfig(45, 15, 21)),
        "backbone": BackboneConfig("custom_cnn", image_size=16),
        "head": HeadConfig("linear"),
        "optimizer": OptimizerConfig("sgd", lr=0.05),
        "schedule": ScheduleConfig("onecycle"),
        "trainer": TrainerConfig(
            max_epochs=2, accelerator="cpu", devices=str(devices), strategy="ddp", precision="32-true"
        ),
        "seed": 3,
    }
    return small_config(**base | changes)


def together(work, task):
    """The task in as many processes as its config has devices."""
    processes = int(task.config.trainer.devices)
    return supervise(work, task, processes=processes, preload=("mien.pipeline",))


def notes(folder):
    """What each process saw."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("process-*.json"))]


def assert_close(first, second):
    (weights, history), (others, other_history) = first, second
    pd.testing.assert_frame_equal(history, other_history, rtol=1e-5, atol=1e-6)
    for name, value in weights.items():
        np.testing.assert_allclose(value, others[name], rtol=0, atol=1e-6, err_msg=name)


BALANCED = {"loss": LossConfig("cross_entropy", class_weights="balanced")}
SOFT = {"loss": LossConfig("focal", class_weights="1,2,3,1,2,3,1")}


@pytest.mark.parametrize(
    ("devices", "images", "changes", "weighted", "drawn"),
    [
        (2, 45, {}, False, 45),  # the last step has 21 of 24 images, 11 and 10
        (3, 26, BALANCED, False, 26),  # 1, 1 and no image in the last step
        (2, 40, SOFT, True, 36),  # 0.5 of 26 images and 1.7 of 14: 13 + 14 + 10, less a last step of a single one
    ],
    ids=["plain", "an-empty-share", "weighted-sampling"],
)
def test_several_processes_train_as_one(tmp_path, devices, images, changes, weighted, drawn):
    batch_size = 12 // devices
    one = train(Task(tmp_path / "one", config(1, 12, **changes), images, weighted))
    several = together(train, Task(tmp_path / "several", config(devices, batch_size, **changes), images, weighted))
    assert_close(one, several)
    seen = notes(tmp_path / "several")
    assert [process["counted"] for process in seen] == [[SELECTED, REPORTED, drawn] * 2] * devices
    assert notes(tmp_path / "one")[0]["counted"] == seen[0]["counted"]


RANDOM = {"augment": AugmentConfig(rotate=10, flip=0.5), "head": HeadConfig("mlp", [8], [0.5])}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    return together(train, Task(folder, config(2, 8, **RANDOM))), notes(folder)


def test_each_process_draws_random_numbers_of_its_own(uninterrupted):
    _, (first, second) = uninterrupted
    assert len({*first["seeds"], *second["seeds"]}) == 4


def test_a_continued_run_ends_as_an_uninterrupted_one(tmp_path, uninterrupted):
    task = Task(tmp_path / "run", config(2, 8, **RANDOM))
    with pytest.raises(WorkFailed, match="InterruptedError: after epoch 1"):
        together(train, replace(task, stops=True))
    assert len(pd.read_csv(tmp_path / "run" / "metrics.csv")) == 1
    weights, history = together(train, task)
    pd.testing.assert_frame_equal(history, uninterrupted[0][1])
    assert all(np.array_equal(value, uninterrupted[0][0][name]) for name, value in weights.items())


def test_the_error_of_any_process_is_told(tmp_path):
    with pytest.raises(WorkFailed, match="ValueError: in process 1"):
        together(train, Task(tmp_path / "run", config(2, 8), fails=1))


def test_a_process_that_is_killed_ends_the_others(tmp_path, uninterrupted):
    task = Task(tmp_path / "run", config(2, 8, **RANDOM))
    with pytest.raises(WorkFailed, match=r"process 1 of 2 was killed by signal 9 \(SIGKILL\)") as caught:
        together(train, replace(task, dies=1))
    assert caught.value.kind == "killed"
    assert monotonic() - notes(tmp_path / "run")[1]["died"] < 15
    assert not any(psutil.pid_exists(process["pid"]) for process in notes(tmp_path / "run"))
    _, history = together(train, task)
    pd.testing.assert_frame_equal(history, uninterrupted[0][1])


FROZEN = {
    "backbone": BackboneConfig("custom_cnn", image_size=16, freeze="all", cache_features=FeaturesConfig(views=2)),
    "augment": AugmentConfig(flip=0.5),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A whole run in two processes that start on an empty cache, and in one."""
    folder = tmp_path_factory.mktemp("runs")
    for devices, batch_size in ((2, 6), (1, 12)):
        settings = config(devices, batch_size, **FROZEN)
        settings.dataset.cache = str(folder / f"cache-{devices}")
        together(run_all, Task(folder / str(devices), settings))
    return folder


def test_a_whole_run_in_two_processes_is_that_of_one(runs):
    two, one = (RunResult.load(runs / devices) for devices in "21")
    assert two.test.confusion == one.test.confusion
    assert two.test.n == 21
    assert two.test.loss == pytest.approx(one.test.loss, rel=1e-5)
    assert two.selection.epoch == one.selection.epoch
    histories = [pd.read_csv(runs / devices / "metrics.csv").drop(columns="seconds") for devices in "21"]
    pd.testing.assert_frame_equal(*histories, rtol=1e-5, atol=1e-6)
    assert [read_json(runs / devices / "environment.json")["processes"] for devices in "21"] == [2, 1]


def test_features_are_computed_by_one_process(runs):
    both = notes(runs / "2")
    assert sum(process["computed"] for process in both) == 3  # two views of train, and the selection split
    assert all(process["ended"] for process in both)


def test_a_finished_run_is_found_by_all_processes(runs):
    settings = config(2, 6, **FROZEN)
    accuracy = together(run_all, Task(runs / "2", settings))
    assert accuracy == RunResult.load(runs / "2").accuracy
    assert [process["seeds"] for process in notes(runs / "2")] == [[], []]


def test_a_run_is_not_continued_with_other_devices(runs):
    with pytest.raises(WorkFailed, match=r"trainer\.devices: there 2, now 1") as caught:
        together(run_all, Task(runs / "2", config(1, 6, **FROZEN)))
    assert caught.value.kind == "MienError"


def test_automatic_devices_are_those_of_the_start(tmp_path):
    write_json(tmp_path / "environment.json", {"processes": 2, "precision": "32-true"})
    with pytest.raises(RunFolderError, match=r"was begun with 2 process\(es\), and now there are 1; .* resume=never"):
        as_begun(TrainerConfig(devices="auto"), tmp_path)
    write_json(tmp_path / "environment.json", {"processes": 1, "precision": "32-true"})
    assert as_begun(TrainerConfig(devices="auto"), tmp_path).precision == "32-true"


DDP = (*TINY[:-1], "trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "scenes=none", "logger=none")


def environment(**more):
    without = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    return without | {"OMP_NUM_THREADS": "1"} | {name: str(value) for name, value in more.items()}


def check_run(folder, errors):
    """One run folder, trained by two processes that said nothing but what one says."""
    (run,) = (path.parent for path in folder.glob("outputs/*/results.json"))
    assert read_json(run / "environment.json")["processes"] == 2
    lines = (run / "log.txt").read_text().splitlines()
    assert [line.split(" ", 1)[1].split("  ")[0] for line in lines] == [
        "training small_cnn in 32-true",
        "2 processes take 16 images a step each, 32 in all; optimizer.lr=0.002 is used as it is given, not scaled with "
        "them (scaled linearly it would be 0.004)",
        "epoch 1/1",
    ]
    assert [line for line in errors.splitlines() if line and line not in lines] == []


def test_torchrun(tmp_path):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    command = [*launcher, str(ROOT / "train.py"), *DDP, "trainer.max_epochs=1", "trainer.precision=32-true"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    check_run(tmp_path, done.stderr)


def test_srun(tmp_path):
    """What srun sets, in two processes; also one that Lightning would refuse for want of --ntasks-per-node."""
    job = {"SLURM_JOB_ID": 7121, "SLURM_STEP_ID": 0, "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": 2}
    job |= {"SLURM_STEP_NUM_TASKS": 2, "SLURM_STEP_NUM_NODES": 1, "SLURM_NODEID": 0, "SLURM_JOB_NAME": "train.py"}
    command = [sys.executable, str(ROOT / "train.py"), *DDP, "trainer.max_epochs=1", "trainer.precision=32-true"]
    both = [
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment(**job, SLURM_PROCID=rank, SLURM_LOCALID=rank),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    errors = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    check_run(tmp_path, "".join(errors))
