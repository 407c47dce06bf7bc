"""Join trainings to one model: ``python ensemble.py runs=[outputs/a,outputs/b]``, or those of ``sweep=<folder>``."""

import os
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mien.cli import start, told_once
from mien.config.ensemble import EnsembleConfig
from mien.config.load import typed
from mien.console import command_line, set_up_logging
from mien.files import user_path
from mien.sweep import comparison_name


@hydra.main(version_base="1.3", config_path="conf", config_name="ensemble")
@told_once()
def main(composed: DictConfig) -> None:
    """Join trainings and score the ensemble."""
    config = typed(composed, EnsembleConfig)
    from mien.comparison.jobs import named_folders, sweep_folders

    runs = sweep_folders(user_path(config.sweep)) if config.sweep else [user_path(run) for run in config.runs]
    named_folders(runs)
    from mien.ensembling import Finished, check_place, join, score_ensemble
    from mien.report.tables import print_summary
    from mien.scoring import Call

    members = [Finished.load(run) for run in runs]
    bundle = join(members)
    name = comparison_name(HydraConfig.get().overrides.task)
    folder = Path(os.path.relpath(user_path(config.output) if config.output else Path("outputs", "ensembles", name)))
    check_place(folder, members)
    folder.mkdir(parents=True, exist_ok=True)
    set_up_logging(folder / "log.txt")
    result = score_ensemble(bundle, members, folder, config, Call(command_line()))
    print_summary(result, folder, sorted((folder / "plots").glob("*.png")))


if __name__ == "__main__":
    start(main, EnsembleConfig, "ensemble", paths=("sweep", "output"), lists=("runs",))
