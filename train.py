"""Train, evaluate and report: ``python train.py backbone=resnet18``; ``-m`` sweeps; ``--cfg job`` shows the config."""

import hydra
from omegaconf import DictConfig

from mien.cli import start, told_once
from mien.config.schema import Config
from mien.sweep.perform import perform


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(composed: DictConfig) -> float | None:
    """Run one experiment; returns the value it was selected by, for a sweeper to optimise."""
    with told_once():
        return perform(composed, Config, "train")


if __name__ == "__main__":
    start(main, Config, "train")
