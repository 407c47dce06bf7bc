"""What all tests share: two threads at most, no W&B account, and where the real data are."""

import os
import signal
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background inherits an ignored one


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """No test sees the user's W&B key or writes into the checkout."""
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory):
    """The user's cache is neither read nor filled; the tests share one of their own."""
    before = os.environ.get("MIEN_CACHE")
    os.environ["MIEN_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    os.environ.pop("MIEN_CACHE")
    if before is not None:
        os.environ["MIEN_CACHE"] = before


@pytest.fixture(scope="session", autouse=True)
def _threads():
    """Two threads a process, fewer where several test processes share the cores; what tests start takes as many."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    threads = max(1, min(2, (os.cpu_count() or 1) // processes))
    torch.set_num_threads(threads)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
