"""Score a finished model: ``python evaluate.py run=<run folder or bundle> dataset=fer2013 dataset.root=<folder>``."""

import hydra
from omegaconf import DictConfig

from mien.cli import start, told_once
from mien.config.evaluate import EvaluateConfig
from mien.sweep.perform import perform


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
def main(composed: DictConfig) -> float | None:
    """Evaluate one model; returns nothing that a sweeper could choose by, since a test must not choose."""
    with told_once():
        return perform(composed, EvaluateConfig, "evaluate")


if __name__ == "__main__":
    start(main, EvaluateConfig, "evaluate")
