"""How the processes of a training find each other, agree before they train, and part."""

import os
from datetime import timedelta
from pathlib import Path

from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from torch import distributed
from torch.distributed.rendezvous import rendezvous

from mien.errors import MienError, RunFolderError
from mien.world import World, world

_PATIENCE = timedelta(days=1)  # while the first process opens data; its death is noticed at once


class Ranks(ClusterEnvironment):
    """What mien knows of the processes, for Lightning: which then starts none and asks no cluster by itself.

    Left to itself it would run the command line again for every device, Hydra's folders and sweeps included, and
    inside an allocation of SLURM take a process that is alone for one of several.

    Args:
        here: The processes, and this one among them.
    """

    def __init__(self, here: World) -> None:
        super().__init__()
        self.here = here

    @property
    def creates_processes_externally(self) -> bool:
        """They are all there."""
        return True

    @property
    def main_address(self) -> str:
        """Where the first process is."""
        return os.environ.get("MASTER_ADDR", "127.0.0.1")

    @property
    def main_port(self) -> int:
        """The port that the first process listens at."""
        return int(os.environ.get("MASTER_PORT", "29500"))

    @staticmethod
    def detect() -> bool:
        """Not to be found by itself."""
        return False

    def world_size(self) -> int:
        """Processes on all nodes."""
        return self.here.size

    def set_world_size(self, size: int) -> None:
        """Lightning works out what is known."""

    def global_rank(self) -> int:
        """Of this process among all."""
        return self.here.rank

    def set_global_rank(self, rank: int) -> None:
        """Lightning works out what is known."""

    def local_rank(self) -> int:
        """Of this process on its node."""
        return self.here.local_rank

    def node_rank(self) -> int:
        """The number of this process's node."""
        return self.here.node


class Team:
    """The processes of one training; of a process that is alone, it does nothing.

    Before there is a process group they share a store, in which the first leaves its word.

    Args:
        here: The processes, and this one among them.
    """

    _words = 0  # in this process, so that a store that outlives a run (torchrun's) gives each word once

    def __init__(self, here: World | None = None) -> None:
        self.here = here or world()
        if self.here.size > 1:
            _set_address(self.here)
            self.store, _, _ = next(rendezvous("env://", self.here.rank, self.here.size))
            self.store.set_timeout(_PATIENCE)

    def has_work(self, word: str, written: Path) -> bool:
        """Whether this process goes on: the first always does, the others wait for its word and do as it says.

        With any word but ``train`` the first waits until all have heard it.

        Args:
            word: What the first process has to say: ``train``, or anything else for an end.
            written: A file that the first has just written to the run folder.

        Raises:
            MienError: The first process has ended without a word.
            RunFolderError: This process does not see the first one's folder.
        """
        if self.here.size == 1:
            return True
        Team._words += 1
        key = f"mien/{Team._words}"
        if self.here.rank == 0:
            self.store.set(key, word)
            if word != "train":  # the store ends with this process
                self.store.wait([f"{key}/{rank}" for rank in range(1, self.here.size)])
            return True
        try:
            told: bytes = self.store.get(key)
            self.store.set(f"{key}/{self.here.rank}", "heard")
        except RuntimeError as error:
            raise MienError(f"process {self.here.rank}: the first process has ended; its error tells why") from error
        if told == b"train" and not written.is_file():
            raise RunFolderError(
                f"process {self.here.rank} of {self.here.size} does not find {written}, which the first has written; "
                "choose an output=<folder> that all nodes share"
            )
        return told == b"train"


def part() -> None:
    """Close the process group once all have come here: after that each goes on, or ends, alone."""
    if distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()


def _set_address(here: World) -> None:
    """Where the processes meet, which srun does not say: the first node, and a port that follows from job and step."""
    if here.starter != "srun":
        return
    e = os.environ
    job, step, nodes = e["SLURM_JOB_ID"], e["SLURM_STEP_ID"], e["SLURM_STEP_NODELIST"]
    e.setdefault("MASTER_ADDR", SLURMEnvironment.resolve_root_node_address(nodes))
    e.setdefault("MASTER_PORT", str(15000 + (int(job) + int(step)) % 10000))
