"""Compare runs: ``python compare.py runs=[outputs/a,outputs/b]``, or those of a sweep: ``sweep=<its folder>``."""

import os
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mien.cli import start, told_once
from mien.config.compare import CompareConfig
from mien.config.load import typed
from mien.console import command_line
from mien.files import user_path
from mien.sweep import comparison_name


@hydra.main(version_base="1.3", config_path="conf", config_name="compare")
@told_once()
def main(composed: DictConfig) -> float:
    """Compare; returns the accuracy of the best model."""
    config = typed(composed, CompareConfig)
    from mien.comparison.compare import Options, compare
    from mien.comparison.jobs import load_jobs, named_folders, sweep_folders
    from mien.comparison.scores import Draws
    from mien.comparison.terminal import print_comparison
    from mien.comparison.write import write_comparison

    runs = [user_path(run) for run in config.runs]
    folders = sweep_folders(user_path(config.sweep)) if config.sweep else named_folders(runs)
    reference = None if config.reference is None else user_path(config.reference)
    options = Options(reference, config.intersection, bool(config.sweep), Draws(config.bootstrap, config.seed))
    comparison = compare(load_jobs(folders, config.names), options)
    name = comparison_name(HydraConfig.get().overrides.task)
    folder = Path(os.path.relpath(user_path(config.output) if config.output else Path("outputs", "comparisons", name)))
    print_comparison(comparison, write_comparison(comparison, folder, "report", command_line()))
    return comparison.finished[0].result.accuracy


if __name__ == "__main__":
    start(main, CompareConfig, "compare", paths=("sweep", "output", "reference"), lists=("runs", "names"))
