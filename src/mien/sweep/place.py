"""Where a job runs: the GPUs that it has to itself, its cores, and whose end is its own."""

import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mien.config.sweep import LauncherConfig
from mien.world import world

_MAIN = "MIEN_SWEEP_PROCESS"
_LOOK = 0.5  # seconds
_VISIBLE = "CUDA_VISIBLE_DEVICES"


@contextmanager
def own_gpus(launcher: LauncherConfig, locks: Path | None = None) -> Iterator[dict[str, str]]:
    """Hold a job's GPUs while it runs, and give the variables by which it sees these only.

    Ray and SLURM have done that already. joblib has not: there, jobs of one machine agree by locks, as many for a GPU
    as may share it. A job that finds too few that are free waits.

    Args:
        launcher: What places the job.
        locks: Folder of the locks; ``None``: one that all of the user's sweeps share.
    """
    if launcher.name != "joblib" or not launcher.gpus:
        yield {}
        return
    folder = locks or Path(tempfile.gettempdir()) / f"mien-gpus-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    while True:
        with ExitStack() as held:
            own = _take(launcher.gpus, visible_gpus(), folder, held)
            if own:
                yield {_VISIBLE: ",".join(own)}
                return
        time.sleep(_LOOK)


def visible_gpus() -> list[str]:
    """The GPUs that this process sees, as ``CUDA_VISIBLE_DEVICES`` names them."""
    given = os.environ.get(_VISIBLE)
    if given is not None:
        return [name.strip() for name in given.split(",") if name.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def use_cores(launcher: LauncherConfig) -> None:
    """Compute with as many threads as the job has cores, shared out among its processes.

    Where ``launcher.cpus`` does not say, joblib and Ray have set OMP_NUM_THREADS before PyTorch read it.
    """
    if launcher.cpus is None:
        return
    import torch

    torch.set_num_threads(max(launcher.cpus // world().local_size, 1))


def lead_sweep() -> None:
    """In the process that sweeps: name it to those that its launcher starts."""
    os.environ[_MAIN] = str(os.getpid())


def follow_sweep() -> None:
    """In a process that runs jobs: end with the one that sweeps, if that is its parent.

    joblib's would finish the job that they are at, and be in the way of the same command. Its jobs end with it.
    """
    if multiprocessing.get_start_method(allow_none=True) == "loky":  # joblib's own, which the job's process lacks
        multiprocessing.set_start_method("forkserver", force=True)
    name = f"mien-follow-{os.environ.get(_MAIN)}"
    if os.environ.get(_MAIN) == str(os.getppid()) and name not in {thread.name for thread in threading.enumerate()}:
        threading.Thread(target=_end_with, args=(os.getppid(),), name=name, daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os.kill(os.getpid(), signal.SIGKILL)


def _take(gpus: float, devices: Sequence[str], folder: Path, held: ExitStack) -> list[str]:
    """Lock as much as a job takes; nothing is returned where there is too little."""
    count, shares = max(int(gpus), 1), 1 if gpus >= 1 else int(1 / gpus)
    own: list[str] = []
    for device in devices:
        if len(own) < count and any(_lock(folder / f"{device}-{share}.lock", held) for share in range(shares)):
            own.append(device)
    return own if len(own) == count else []


def _lock(file: Path, held: ExitStack) -> bool:
    try:
        held.enter_context(FileLock(file, timeout=0))
    except Timeout:
        return False
    return True
