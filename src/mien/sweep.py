"""Names of run folders, and the comparison at the end of a sweep."""

import os
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from mien.results import RESULTS_FILE
from mien.runs import CONFIG_FILE

_PLACES = {"output", "resume"}
_LONGEST = 150


def register_resolvers() -> None:
    """Make ``${mien.run:...}`` and ``${mien.sweep:...}`` known to the config."""
    OmegaConf.register_new_resolver("mien.run", run_name, replace=True)
    OmegaConf.register_new_resolver("mien.sweep", sweep_name, replace=True)


def run_name(overrides: Sequence[str]) -> str:
    """A run's folder, from its overrides alone and whatever their order: the same command finds its folder again.

    Args:
        overrides: ``key=value`` strings; where outputs go, how to log and paths do not count.

    Examples:
        >>> run_name(["seed=1", "backbone=resnet18"])
        'backbone=resnet18,seed=1'
        >>> run_name([])
        'default'
    """
    return _name(text for text in overrides if _counts(_key(text)))


def sweep_name(overrides: Sequence[str]) -> str:
    """A sweep's folder: its fixed overrides, and the keys (not the values) that are swept.

    So a value added later finds the jobs that are done already.
    """
    parser = OverridesParser.create()
    swept = {text: parser.parse_override(text).is_sweep_override() for text in overrides if _counts(_key(text))}
    return _name(_key(text) if is_swept else text for text, is_swept in swept.items())


def _key(override: str) -> str:
    return override.split("=", 1)[0].lstrip("+~")


def _counts(key: str) -> bool:
    return key not in _PLACES and not key.endswith("root") and not key.startswith(("logger", "hydra"))


def _name(parts: Any) -> str:
    text = re.sub(r"[^\w=,.+-]+", "_", ",".join(sorted(parts))) or "default"
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST - 9]}-{sha256(text.encode()).hexdigest()[:8]}"


class Comparison(Callback):
    """Hydra's callback that compares a sweep's jobs: the files after every job, the table at the end."""

    def on_job_end(self, config: DictConfig, job_return: Any, **kwargs: Any) -> None:
        """Compare the jobs that are finished, so that a failure later on loses nothing."""
        if config.hydra.mode == RunMode.MULTIRUN:
            self._write(config, sorted(path.parent for path in Path(config.hydra.sweep.dir).glob(f"*/{RESULTS_FILE}")))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Compare all jobs, unfinished ones too, and print the table."""
        from rich.console import Console

        from mien.report.tables import comparison_table

        jobs = sorted(path.parent for path in Path(config.hydra.sweep.dir).glob(f"*/{CONFIG_FILE}"))
        paths = self._write(config, jobs)
        if paths:
            Console().print(comparison_table(jobs))
            Console(soft_wrap=True).print("\n".join(os.path.relpath(path) for path in paths), highlight=False)

    def _write(self, config: DictConfig, jobs: list[Path]) -> list[Path]:
        from mien.report.comparison import write_comparison

        return write_comparison(Path(config.hydra.sweep.dir), jobs) if jobs else []
