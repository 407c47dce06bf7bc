"""Score a finished model: ``python evaluate.py run=<run folder or bundle> dataset=fer2013 dataset.root=<folder>``."""

import os
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mien.cli import command_line, set_up_logging, start
from mien.config.evaluate import EvaluateConfig
from mien.config.load import typed


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
def main(composed: DictConfig) -> float:
    """Evaluate one model; returns its accuracy, on whole photos where there are no crops."""
    config = typed(composed, EvaluateConfig)
    from mien.pipeline import evaluate_model
    from mien.report.tables import print_summary
    from mien.scoring import Call

    job = HydraConfig.get()
    folder = Path(os.path.relpath(job.runtime.output_dir))
    set_up_logging(folder / "log.txt")
    result = evaluate_model(config, folder, Call(command_line(), tuple(job.overrides.task)))
    print_summary(result, folder, sorted((folder / "plots").glob("*.png")))
    return result.accuracy


if __name__ == "__main__":
    start(main, EvaluateConfig, "evaluate")
