"""Train, evaluate and report: ``python train.py backbone=resnet18``; ``-m`` sweeps; ``--cfg job`` shows the config."""

import os
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from mien.cli import command_line, set_up_logging, start
from mien.config.load import typed
from mien.config.schema import Config
from mien.errors import ConfigError


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(composed: DictConfig) -> float:
    """Run one experiment; returns the value it was selected by, for a sweeper to optimise."""
    config = typed(composed, Config)
    from mien.pipeline import run
    from mien.report.tables import print_summary
    from mien.scoring import Call

    job = HydraConfig.get()
    if job.mode == RunMode.MULTIRUN and config.trainer.strategy == "ddp":
        raise ConfigError(
            ["trainer=ddp: not in a sweep yet, since each process would sweep again; run the jobs singly"]
        )
    folder = Path(os.path.relpath(job.runtime.output_dir))
    set_up_logging(folder / "log.txt")
    result = run(config, folder, Call(command_line(), tuple(job.overrides.task)))
    print_summary(result, folder, sorted((folder / "plots").glob("*.png")))
    return result.selection.value if result.selection else result.accuracy


if __name__ == "__main__":
    start(main, Config, "train")
