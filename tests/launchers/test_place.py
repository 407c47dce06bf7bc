"""Cores, GPUs and the end of a job that joblib placed."""

import os
import subprocess
import sys
import threading
import time

import psutil
import pytest
import torch

from mien.config.schema import LauncherConfig
from mien.sweep.place import follow_sweep, own_gpus, use_cores, visible_gpus


@pytest.fixture(autouse=True)
def _two_gpus(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")


def test_each_job_has_gpus_of_its_own(tmp_path):
    launcher = LauncherConfig("joblib", jobs=2, gpus=1)
    with own_gpus(launcher, tmp_path) as first, own_gpus(launcher, tmp_path) as second:
        assert (first, second) == ({"CUDA_VISIBLE_DEVICES": "2"}, {"CUDA_VISIBLE_DEVICES": "5"})
    with own_gpus(LauncherConfig("joblib", jobs=1, gpus=2), tmp_path) as both:
        assert both == {"CUDA_VISIBLE_DEVICES": "2,5"}


def test_two_jobs_share_a_gpu(tmp_path):
    launcher = LauncherConfig("joblib", jobs=4, gpus=0.5)
    with own_gpus(launcher, tmp_path) as a, own_gpus(launcher, tmp_path) as b, own_gpus(launcher, tmp_path) as c:
        assert [found["CUDA_VISIBLE_DEVICES"] for found in (a, b, c)] == ["2", "2", "5"]


def test_a_job_waits_for_gpus(tmp_path, monkeypatch):
    waited = []
    with own_gpus(LauncherConfig("joblib", jobs=1, gpus=1), tmp_path) as first:
        monkeypatch.setattr("mien.sweep.place.time.sleep", lambda seconds: waited.append(seconds) or 1 / 0)
        with pytest.raises(ZeroDivisionError), own_gpus(LauncherConfig("joblib", jobs=1, gpus=2), tmp_path):
            pass
        assert len(waited) == 1
        with own_gpus(LauncherConfig("joblib", jobs=1, gpus=1), tmp_path) as second:  # what it could not use is free
            assert {first["CUDA_VISIBLE_DEVICES"], second["CUDA_VISIBLE_DEVICES"]} == {"2", "5"}


def test_others_get_theirs_from_elsewhere(tmp_path, monkeypatch):
    with own_gpus(LauncherConfig("ray", gpus=1), tmp_path) as none:
        assert none == {}
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    assert visible_gpus() == ["0", "1", "2"]


def test_threads_are_the_jobs_cores_shared_by_its_processes(monkeypatch):
    before = torch.get_num_threads()
    try:
        use_cores(LauncherConfig("joblib", cpus=4))
        assert torch.get_num_threads() == 4
        for name, value in {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "LOCAL_RANK": "0"}.items():
            monkeypatch.setenv(name, value)
        use_cores(LauncherConfig("joblib", cpus=4))
        assert torch.get_num_threads() == 2
        use_cores(LauncherConfig("local"))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


FOLLOWER = (
    "import time; from mien.sweep.place import follow_sweep; follow_sweep(); print(1, flush=True); time.sleep(60)"
)
LEADER = """
import subprocess, sys
from mien.sweep.place import lead_sweep
lead_sweep()
worker = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
worker.stdout.readline()
print(worker.pid, flush=True)
"""


def test_a_worker_ends_with_the_process_that_sweeps():
    command = [sys.executable, "-c", LEADER, FOLLOWER]
    worker = int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)
    end = time.monotonic() + 10
    while psutil.pid_exists(worker) and psutil.Process(worker).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "it goes on alone"
        time.sleep(0.05)


def test_nobody_follows_another_parent(monkeypatch):
    before = threading.active_count()
    monkeypatch.setenv("MIEN_SWEEP_PROCESS", str(os.getpid()))  # a local job: the parent is a shell, which may end
    follow_sweep()
    assert threading.active_count() == before
