"""Audit a data set: ``python audit.py dataset=micro_expressions dataset.root=<folder>``; the data stay as they are."""

import os
from pathlib import Path

import hydra
from omegaconf import DictConfig

from mien.cli import start, told_once
from mien.config.audit import AuditConfig
from mien.config.load import typed
from mien.console import command_line, set_up_logging


@hydra.main(version_base="1.3", config_path="conf", config_name="audit")
@told_once()
def main(composed: DictConfig) -> None:
    """Audit one data set; what is wrong with the data is the result, no error."""
    config = typed(composed, AuditConfig)
    from mien.audit.run import audit, find_subject
    from mien.audit.show import print_audit

    set_up_logging(Path(os.devnull))  # until the folder is known
    subject = find_subject(config)
    subject.folder.mkdir(parents=True, exist_ok=True)
    set_up_logging(subject.folder / "log.txt")
    print_audit(audit(subject, command_line()))


if __name__ == "__main__":
    start(main, AuditConfig, "audit", paths=("output",))
