"""How many jobs a launcher runs at a time, for a search, which decides as it goes."""

from typing import Any

from mien.config.sweep import LauncherConfig
from mien.world import cores


def room(launcher: LauncherConfig) -> int:
    """How many jobs run at a time: as many as the user says, else as fit the machine, or Ray's cluster, once begun.

    Args:
        launcher: What places them.
    """
    if launcher.name == "local":
        return 1
    if launcher.jobs is not None:
        return launcher.jobs
    there: dict[str, float] = {"CPU": cores()}
    if launcher.name == "ray":
        import ray

        resources: Any = ray.cluster_resources
        there = resources()
    asked = {"CPU": launcher.cpus or 1, "GPU": launcher.gpus or 0}
    return max(1, min(int(there.get(kind, 0) / number) for kind, number in asked.items() if number))
