"""What must hold for a sweep's jobs to be placed; part of :mod:`mien.config.check`. It looks at no machine."""

from collections.abc import Iterator

from mien.config.check_images import choice, in_range
from mien.config.sweep import LauncherConfig
from mien.config.training import TrainerConfig

_KEYS = {
    "local": {"cpus"},
    "joblib": {"jobs", "cpus", "gpus"},
    "ray": {"jobs", "cpus", "gpus", "address"},
    "slurm": {"jobs", "cpus", "gpus", "partition", "account", "minutes", "memory_gb", "restarts"},
    "slurm_local": {"cpus", "gpus", "minutes", "memory_gb"},
}
"""What each launcher can be told."""
_LEAST = {"jobs": 1, "cpus": 1, "minutes": 1, "memory_gb": 1, "restarts": 0}


def launcher_problems(launcher: LauncherConfig, trainer: TrainerConfig | None = None) -> Iterator[str]:
    """Everything that is wrong with where jobs are to run.

    Args:
        launcher: Where.
        trainer: What each of them trains on; ``None`` for evaluations.
    """
    if launcher.name not in _KEYS:
        yield from choice("launcher.name", launcher.name, tuple(_KEYS))
        return
    given = {key: value for key, value in vars(launcher).items() if key != "name" and value is not None}
    for key in sorted(given.keys() - _KEYS[launcher.name]):
        users = ", ".join(f"launcher={name}" for name, keys in _KEYS.items() if key in keys)
        yield f"launcher.{key}: launcher={launcher.name} has no such setting; leave it out, or choose {users}"
    for key, least in _LEAST.items():
        yield from in_range(f"launcher.{key}", given.get(key), least)
    yield from _gpus(launcher)
    if launcher.address is not None and launcher.jobs is not None:
        yield "launcher.jobs: a running Ray cluster (launcher.address) decides by its cores and GPUs; leave it out"
    if trainer is not None and trainer.devices.isdigit() and isinstance(launcher.gpus, int | float | None):
        yield from _devices(launcher, trainer, int(trainer.devices))


def _gpus(launcher: LauncherConfig) -> Iterator[str]:
    gpus = launcher.gpus
    if gpus is None:
        return
    if not isinstance(gpus, int | float) or isinstance(gpus, bool):
        yield f"launcher.gpus: expected a number of GPUs, got {gpus!r}"
        return
    yield from in_range("launcher.gpus", gpus, 0)
    if gpus <= 0 or isinstance(gpus, int):
        return
    if launcher.name.startswith("slurm"):
        yield f"launcher.gpus: SLURM gives out whole GPUs, got {gpus}"
    elif gpus >= 1:
        yield f"launcher.gpus: expected a share of one GPU such as 0.5, or a whole number, got {gpus}"


def _devices(launcher: LauncherConfig, trainer: TrainerConfig, devices: int) -> Iterator[str]:
    """Problems of jobs that train on several devices each."""
    if devices == 1 or launcher.name == "local":
        return
    on_gpus = trainer.accelerator == "gpu" or (trainer.accelerator == "auto" and bool(launcher.gpus))
    kind, number = ("gpus", launcher.gpus) if on_gpus else ("cpus", launcher.cpus)
    if number is None and launcher.name == "joblib":
        return  # it has its share of the machine, and mien.world counts what is there
    if number is None or number < devices:
        has = "says nothing" if number is None else f"gives it {number:g}"
        yield (
            f"launcher.{kind}: a job of trainer.devices={devices} takes {devices} {kind}, but launcher.{kind} {has}; "
            f"pass launcher.{kind}={devices}, or fewer devices"
        )
