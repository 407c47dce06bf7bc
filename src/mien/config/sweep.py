"""The schema of what drives many jobs: the sweep, the launcher that places them, and the search for settings."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


@dataclass
class SweepConfig:
    """Many jobs of one command (``-m``)."""

    retry: bool = False
    """Run jobs again that failed earlier; false: their errors are told once more."""
    trial: int | None = None
    """Number of the trial that this job is, in a search; mien sets it."""


@dataclass
class LauncherConfig:
    """Where a sweep's jobs run."""

    name: str = MISSING
    """local (one after the other), joblib (several on this machine), ray, slurm, or slurm_local (slurm's way of
    working, without a cluster)."""
    jobs: int | None = None
    """joblib, slurm: jobs at a time. ray: likewise, on the cluster that it starts here; ``null``: as many as fit."""
    cpus: int | None = None
    """Cores of a job; ``null``: joblib shares those of this machine out, local and slurm leave it open."""
    gpus: Any = None
    """joblib, ray, slurm: GPUs of a job, which it then sees alone, as a whole number; joblib and ray share one out too
    (0.5)."""
    address: str | None = None
    """ray: of a running cluster: auto (the one that this machine belongs to), host:port, or ray://host:port; ``null``:
    one is started here, and stopped at the end."""
    partition: str | None = None
    """slurm: its partition; ``null``: the cluster's usual one."""
    account: str | None = None
    """slurm: who pays."""
    minutes: int | None = None
    """slurm: longest time of a job. One that needs more goes on, from its last checkpoint, as often as ``restarts``."""
    memory_gb: int | None = None
    """slurm: memory of a job in GB; ``null``: what the cluster gives."""
    restarts: int | None = None
    """slurm: how often a job goes on that has come to the end of its minutes. Preempted ones always do."""


@dataclass
class SearchConfig:
    """The search for settings (``sweeper=optuna``); it maximises or minimises ``protocol.monitor`` on validation."""

    enabled: bool = False
    """Set by sweeper=optuna."""
    space: dict[str, str] = field(default_factory=dict)
    """Keys to move, and over what, in Hydra's grammar: ``{optimizer.lr: "tag(log, interval(1e-4, 1e-2))"}``. What the
    command line says of a key counts more."""
    trials: int = 20
    """Jobs in all, those of earlier calls of the same command included."""
    parallel: int | None = None
    """Trials handed to the launcher at a time; ``null``: as many as it has room for, of tpe's at most ``startup``,
    since it learns only from those that have ended. A batch ends with its slowest; the same command in several
    terminals waits for nobody."""
    sampler: str = "tpe"
    """tpe (learns from the trials so far), random, or grid (every combination in turn)."""
    pruner: str = "median"
    """median (ends a trial that is worse than the median of the others after as many epochs), hyperband, or none."""
    startup: int = 8
    """tpe: trials drawn at random before it learns; median: trials that end by themselves before any is pruned."""
    warmup: int = 1
    """Epochs before a trial may be pruned."""
    seed: int = 0
    """Seed of the sampler; that of the trainings is ``seed``."""
    storage: str | None = None
    """Where trials are kept: ``null`` (a file in the sweep's folder, which several processes can share), or a database
    as SQLAlchemy names it. Its password comes from the environment: MIEN_STORAGE_PASSWORD."""
