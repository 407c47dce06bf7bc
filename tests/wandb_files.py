"""Reads what W&B has written offline, by W&B's own ``wandb leet inspect``."""

import json
import os
import subprocess
import sys
from pathlib import Path

from mien.loggers import Facts

WANDB = Path(sys.executable).with_name("wandb")


def offline_runs(folder):
    """The folders of a run folder's offline runs."""
    return sorted((folder / "wandb").glob("offline-run-*"))


def records(offline):
    """All records of an offline run: dictionaries with ``type``."""
    call = [str(WANDB), "leet", "inspect", "--json", str(offline)]
    environment = {**os.environ, "WANDB_ERROR_REPORTING": "false"}
    done = subprocess.run(call, capture_output=True, text=True, check=True, timeout=60, env=environment)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Sent:
    """What a folder's only offline run holds."""

    def __init__(self, folder):
        (self.offline,) = offline_runs(folder)
        self.records = records(self.offline)
        self.run = next(record["run"] for record in self.records if record["type"] == "run")
        self.config = self.run["config"]["update"]
        self.history = [record["history"]["item"] for record in self.records if record["type"] == "history"]
        self.epochs = [row["epoch"] for row in self.history if "train/loss" in row]
        self.summary = {}
        for record in self.records:
            if record["type"] == "summary":
                self.summary |= record["summary"]["update"]
        self.artifacts = [record["artifact"] for record in self.records if record["type"] == "artifact"]
        exits = [record["exit"] for record in self.records if record["type"] == "exit"]
        self.code = exits[0].get("exit_code", 0) if exits else None

    def uploaded_table(self, name):
        """The same, from the file that would be uploaded, which alone has images."""
        for artifact in self.artifacts:
            for entry in artifact["manifest"]["contents"]:
                if entry["path"] == f"{name}.table.json":
                    return rows_of(Path(entry["local_path"]))
        raise KeyError(name)

    def table(self, name):
        """The rows of a table, as dictionaries."""
        return rows_of(self.offline / "files" / self.summary[f"{name}.path"])


def rows_of(file):
    """The rows of a table's file."""
    value = json.loads(file.read_text())
    return [dict(zip(value["columns"], row, strict=True)) for row in value["data"]]


def facts_of(folder, stage="train", **config):
    """A run to log."""
    return Facts(folder, stage, "seed=1", "my_sweep", ("drawn_faces", "mine"), {"optimizer": {"lr": 0.1}, **config})


def row_of(epoch):
    """The values of an epoch."""
    return {"epoch": epoch, "lr": 0.1, "train_loss": 1 / epoch, "val_accuracy": 0.5, "seconds": 1.0}
