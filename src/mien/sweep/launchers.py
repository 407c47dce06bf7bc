"""Whether a sweep's launcher can run here, found out before the first job; and Ray's start.

Ray and PyTorch are imported only where they are needed.
"""

import logging
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

from hydra.errors import MissingConfigException
from omegaconf import DictConfig, OmegaConf

from mien.config.check_sweep import launcher_problems
from mien.config.sweep import LauncherConfig
from mien.errors import ConfigError, DeviceError, LauncherError
from mien.world import cores

log = logging.getLogger(__name__)
_EXTRAS = {"joblib": "joblib", "ray": "ray", "submitit_slurm": "slurm", "submitit_local": "slurm"}
_ANSWER = 5.0  # seconds in which a Ray cluster must answer
_OBJECT_STORE = 78643200  # bytes, the least that Ray takes: jobs pass nothing but their configs through it
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1"}
"""No statistics sent home; every job's lines shown, equal ones too; a job without GPUs sees none."""
_NO_MONITOR = {"RAY_memory_monitor_refresh_ms": "0"}
"""Ray would end the process that watches a job, and try again; the system ends the job, which is then told."""
FOLDER = "MIEN_FOLDER"


def check_launcher(config: DictConfig, moved: list[str]) -> None:
    """Refuse a sweep whose jobs could not run.

    Args:
        config: The composed config of the sweep.
        moved: The keys that it moves.

    Raises:
        ConfigError: The launcher's settings are wrong, or the sweep moves them.
        DeviceError: More is asked for than this machine has.
        LauncherError: There is no SLURM here, or no Ray cluster answers.
    """
    ours = [key for key in moved if key.split(".")[0] in ("launcher", "sweeper") or key.startswith("hydra/")]
    if ours:
        raise ConfigError([f"{key}: expected one value for the whole sweep, got several" for key in ours])
    launcher = _typed(config)
    trainer: Any = OmegaConf.to_object(config.trainer) if "trainer" in config else None
    problems = list(launcher_problems(launcher, trainer))
    if problems:
        raise ConfigError(problems)
    if launcher.name == "slurm" and (shutil.which("sbatch") is None or shutil.which("srun") is None):
        raise LauncherError(
            "launcher=slurm: there is no sbatch here; sweep on a machine of the cluster that has it, or try "
            "launcher=slurm_local, which runs the jobs here"
        )
    if launcher.name == "joblib" and launcher.gpus:
        _check_gpus(launcher.jobs or 1, launcher.gpus)
    if launcher.name == "ray" and launcher.address is not None:
        _check_answer(launcher.address)


def begin_launcher(config: DictConfig) -> None:
    """Make ready what the jobs need: for ``launcher=ray`` a cluster that runs, or is started now.

    Raises:
        LauncherError: No cluster answers.
        DeviceError: It has too little for a job.
        ConfigError: It has GPUs, and nothing says how many of them a job takes.
    """
    launcher = _typed(config)
    if launcher.name != "ray":
        return
    os.environ.update({key: value for key, value in _QUIET.items() if key not in os.environ})
    if launcher.address is None:
        os.environ.update({key: value for key, value in _NO_MONITOR.items() if key not in os.environ})
    import ray

    options: Any = OmegaConf.to_container(config.hydra.launcher.ray.init, resolve=True)
    try:
        ray.init(**options | _by_address(launcher))
    except (ConnectionError, TimeoutError, ValueError, RuntimeError) as error:
        ray.shutdown()
        raise LauncherError(_no_ray(launcher, error)) from error
    nodes: Any = ray.nodes
    try:
        _check_cluster(launcher, nodes(), _accelerator(config))
    except Exception:
        ray.shutdown()
        raise


def enter_folder() -> None:
    """Go where the user typed the command; a running cluster's processes begin where that was started."""
    os.chdir(os.environ[FOLDER])


def missing_extra(error: MissingConfigException) -> str | None:
    """What to install, where Hydra lacks a launcher; ``None`` for other errors."""
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    if group != "hydra/launcher" or name not in _EXTRAS:
        return None
    extra = _EXTRAS[name]
    return f"launcher={extra} needs packages that are not installed; pip install 'mien[{extra}]'"


def lost(error: Exception) -> str | None:
    """What to tell of a launcher that lost one of its processes, or could not submit; ``None`` for other errors."""
    package = type(error).__module__.split(".")[0]
    if package not in ("joblib", "ray", "submitit"):
        return None
    why = " ".join(str(error).split("\n\n")[0].split())
    return f"{package} gave up ({type(error).__name__}: {why[:300]}); the same command continues"


def _no_ray(launcher: LauncherConfig, error: Exception) -> str:
    why = f"launcher=ray launcher.address={launcher.address}: {' '.join(str(error).split())}"
    token = launcher.address is not None and "RAY_AUTH_MODE" not in os.environ
    hint = "set RAY_AUTH_MODE=token if the cluster asks for a token (~/.ray/auth_token), and see" if token else "see"
    return f"{why}; {hint} that its Ray and Python are of the same versions as here ({sys.executable})"


def _typed(config: DictConfig) -> LauncherConfig:
    launcher = OmegaConf.to_object(config.launcher)
    assert isinstance(launcher, LauncherConfig)
    return launcher


def _accelerator(config: DictConfig) -> str:
    return str(config.trainer.accelerator if "trainer" in config else config.accelerator)


def _check_gpus(jobs: int, gpus: float) -> None:
    import torch

    found = torch.cuda.device_count()
    if jobs * gpus > found:
        raise DeviceError(
            f"launcher.gpus={gpus:g}: {jobs} job(s) at a time need {jobs * gpus:g} GPU(s), and this machine has "
            f"{found}; pass fewer with launcher.gpus or launcher.jobs"
        )


def _check_answer(address: str) -> None:
    """Whether anybody listens: Ray itself would try for minutes, and then end this process."""
    place = os.environ.get("RAY_ADDRESS", "") if address == "auto" else address
    if not place or place == "auto":
        return  # Ray looks for the cluster's processes on this machine, and finds out at once
    host, _, port = place.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError([f"launcher.address: expected auto, host:port or ray://host:port, got {place!r}"])
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER).close()
    except (OSError, OverflowError) as error:
        raise LauncherError(
            f"launcher.address={address}: no Ray cluster answers at {place} ({error}); start one there with "
            "ray start --head, or leave launcher.address out: then one is started here"
        ) from error


def _by_address(launcher: LauncherConfig) -> dict[str, Any]:
    """What Ray's start depends on."""
    if launcher.address is None:
        jobs = None if launcher.jobs is None else launcher.jobs * (launcher.cpus or 1)
        return {"address": "local", "num_cpus": jobs or cores(), "object_store_memory": _OBJECT_STORE}
    own = [str(Path(path).absolute()) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    environment = {FOLDER: str(Path.cwd())} | ({"PYTHONPATH": os.pathsep.join(own)} if own else {})
    hook = f"{__name__}.{enter_folder.__name__}"
    if not launcher.address.startswith("ray://"):
        environment_and_hook: dict[str, Any] = {"env_vars": environment, "worker_process_setup_hook": hook}
    else:  # Ray's client does not pass the hook on as its driver does
        from ray._private.ray_constants import WORKER_PROCESS_SETUP_HOOK_ENV_VAR

        environment_and_hook = {"env_vars": environment | {WORKER_PROCESS_SETUP_HOOK_ENV_VAR: hook}}
    return {"object_store_memory": None, "runtime_env": environment_and_hook}


def _check_cluster(launcher: LauncherConfig, nodes: list[dict[str, Any]], accelerator: str) -> None:
    """Whether a machine of the cluster can run a job."""
    most = {kind: max((node["Resources"].get(kind, 0) for node in nodes), default=0) for kind in ("CPU", "GPU")}
    if launcher.gpus is None and most["GPU"] and accelerator != "cpu":
        raise ConfigError(
            [
                f"launcher.gpus: a machine has {most['GPU']:g} GPU(s), and a job gets what is asked for; pass "
                "launcher.gpus=1 (a GPU of its own), 0.5 (half of one) or 0 (none)"
            ]
        )
    for key, kind, asked in (("cpus", "CPU", launcher.cpus), ("gpus", "GPU", launcher.gpus)):
        if asked is None or asked <= most[kind]:
            continue
        problem = f"launcher.{key}={asked:g}: no machine of the Ray cluster has more than {most[kind]:g}"
        if launcher.address is None:
            raise DeviceError(f"{problem}; pass fewer")
        log.warning("%s now; jobs wait until one joins", problem)
