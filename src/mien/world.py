"""The processes that train together: which of them this one is, who started them, and how many are needed.

They are started by mien itself (``mien.processes``), by torchrun, or by SLURM's srun. PyTorch is imported only where
GPUs have to be counted.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from mien.errors import DeviceError


@dataclass(frozen=True)
class World:
    """The processes that train together, and this one among them.

    Attributes:
        rank: Of this process, 0..size-1.
        size: Processes on all nodes.
        local_rank: Of this process on its node, 0..local_size-1; it trains on the device of that number.
        local_size: Processes on this node.
        node: This node's number.
        starter: Who started them: ``mien`` (or nobody), ``torchrun`` or ``srun``.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    node: int = 0
    starter: str = "mien"


class Devices(Protocol):
    """What is asked for: the part of ``TrainerConfig`` that matters here."""

    accelerator: str
    devices: str
    num_nodes: int


def world() -> World:
    """The processes that this one is started with, by what the environment says.

    Inside an allocation of SLURM, but not inside ``srun``, or in an interactive shell of it, a process is alone: there,
    SLURM_NTASKS and SLURM_PROCID are set too, so that only the variables of a job step tell.
    """
    e = os.environ
    if "RANK" in e and "WORLD_SIZE" in e:
        size, rank = int(e["WORLD_SIZE"]), int(e["RANK"])
        local_size, local_rank = int(e.get("LOCAL_WORLD_SIZE", size)), int(e.get("LOCAL_RANK", rank))
        node = int(e.get("NODE_RANK", e.get("GROUP_RANK", rank // local_size)))
        return World(rank, size, local_rank, local_size, node, "torchrun" if "TORCHELASTIC_RUN_ID" in e else "mien")
    if _in_srun(e):
        size = int(e["SLURM_STEP_NUM_TASKS"])
        per_node = size // int(e.get("SLURM_STEP_NUM_NODES", "1"))
        rank, local_rank, node = (int(e[f"SLURM_{name}"]) for name in ("PROCID", "LOCALID", "NODEID"))
        return World(rank, size, local_rank, per_node, node, "srun")
    return World()


def _in_srun(e: Mapping[str, str]) -> bool:
    several = int(e.get("SLURM_STEP_NUM_TASKS", "1")) > 1
    return several and "SLURM_PROCID" in e and e.get("SLURM_JOB_NAME") not in ("bash", "interactive")


def is_first_process() -> bool:
    """Whether this is the process that writes the files, of all on all nodes, or is alone."""
    return world().rank == 0


def local_rank() -> int:
    """This process's number among those that train together on this node."""
    return world().local_rank


def device_of(accelerator: str) -> str:
    """Where this process computes, in torch's spelling: its own GPU where there are some and they may be used."""
    return f"cuda:{local_rank()}" if accelerator != "cpu" and _gpus() else "cpu"


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processes_from_outside() -> bool:
    """Whether torchrun or srun has started several processes, of which this is one."""
    return world().size > 1


def processes_needed(trainer: Devices) -> int:
    """How many processes have to be started on this machine for a training; 1: none, this one trains.

    Args:
        trainer: What is asked for.

    Raises:
        DeviceError: A GPU, or more of them, than there are; several nodes without torchrun or srun; or these started
            another number of processes than is asked for.
    """
    devices, here = _devices(trainer), world()
    asked = f"trainer.devices={trainer.devices} trainer.num_nodes={trainer.num_nodes}"
    if here.size > 1 or here.starter == "torchrun":
        if (here.size, here.local_size) != (devices * trainer.num_nodes, devices):
            raise DeviceError(
                f"{asked}: expected {devices} process(es) on each of {trainer.num_nodes} node(s), but {here.starter} "
                f"started {here.local_size} here and {here.size} in all; make these the same numbers"
            )
        return 1
    if trainer.num_nodes > 1:
        raise DeviceError(
            f"{asked}: on several nodes the processes are started from outside; run on every node\n"
            f"  torchrun --nnodes={trainer.num_nodes} --nproc-per-node={devices} --rdzv-backend=c10d "
            "--rdzv-endpoint=<first node>:29500 train.py ...\n"
            "or, once, inside an allocation of SLURM\n"
            f"  srun --nodes={trainer.num_nodes} --ntasks-per-node={devices} --kill-on-bad-exit=1 python train.py ...\n"
            "The run folder and dataset.cache must lie where all nodes find them"
        )
    return devices


def _devices(trainer: Devices) -> int:
    """Devices on this machine that a training takes."""
    if trainer.accelerator == "cpu":
        return 1 if trainer.devices == "auto" else int(trainer.devices)
    found = _gpus()
    if trainer.accelerator == "gpu" and not found:
        raise DeviceError(
            "trainer.accelerator=gpu: PyTorch finds no GPU here; use trainer=cpu, or trainer.accelerator=cpu"
        )
    if trainer.devices == "auto":
        return max(found, 1)
    if found and int(trainer.devices) > found:
        hint = " to this process; start srun without --gpus-per-task" if world().starter == "srun" else ""
        raise DeviceError(f"trainer.devices={trainer.devices}: this machine has {found} GPU(s){hint}")
    return int(trainer.devices)


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()
