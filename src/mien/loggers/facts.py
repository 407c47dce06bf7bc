"""What a logger is told of a run before it starts, and of its outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import pandas as pd

from mien.config.load import plain
from mien.environment import ENVIRONMENT_FILE
from mien.evaluation.evaluate import Evaluation
from mien.files import read_json
from mien.results import RunResult
from mien.runs import DATA_FILE, METRICS_FILE, changes_result
from mien.scoring import Call, Scored
from mien.secrets import clean

Stage = Literal["train", "evaluate", "compare", "search", "reproduce"]
_LONGEST_NAME, _LONGEST_TAG = 128, 64


@dataclass(frozen=True)
class Facts:
    """A run as loggers show it.

    Attributes:
        folder: Its folder, where their files go.
        stage: What is done.
        name: A short name, of overrides.
        group: The sweep that it belongs to, ``None`` for none.
        tags: To filter by.
        config: Plain values without secrets.
    """

    folder: Path
    stage: Stage
    name: str
    group: str | None
    tags: tuple[str, ...]
    config: dict[str, Any]

    def epochs(self) -> list[dict[str, float]]:
        """The epochs that an interrupted run left, as :meth:`RunLog.epoch` takes them."""
        file = self.folder / METRICS_FILE
        if self.stage != "train" or not file.is_file():
            return []
        return [{str(key): value for key, value in row.items()} for row in pd.read_csv(file).to_dict("records")]


@dataclass(frozen=True)
class Outcome:
    """What a finished run has to show.

    Attributes:
        folder: Its folder, with plots.
        scored: Its scores, and what they were computed from.
        trial: It is a trial of a search: test scores are told once, of the best one, and shown of none.
    """

    folder: Path
    scored: Scored
    trial: bool = False

    @property
    def result(self) -> RunResult:
        """The scores."""
        result = self.scored.result
        return replace(result, test=None, end_to_end=None) if self.trial else result

    @property
    def evaluation(self) -> Evaluation | None:
        """The predictions."""
        return None if self.trial else self.scored.evaluation

    @property
    def pictures(self) -> list[Path]:
        """The plots."""
        return [] if self.trial else sorted((self.folder / "plots").glob("*.png"))


class RunLog(Protocol):
    """One logger of one run."""

    def epoch(self, row: Mapping[str, float]) -> None:
        """Take an epoch: ``epoch`` counted from 1, ``train_...``, ``val_...``, ``report_...``, ``lr``, ``seconds``."""

    def outcome(self, outcome: Outcome) -> None:
        """Take the scores, tables and pictures of the finished run."""

    def close(self, code: int) -> None:
        """End with the exit code of the run: 0 where it went well."""


def told(config: Any, folder: Path, stage: Stage, call: Call, tags: Sequence[str]) -> Facts:
    """The facts of a training or an evaluation whose folder has its ``data.json`` and ``environment.json``.

    Args:
        config: Its typed config.
        folder: Its folder.
        stage: What is done.
        call: How it was started.
        tags: Beside those of the user.
    """
    values = plain(config)
    logger = values.pop("logger")
    environment = read_json(folder / ENVIRONMENT_FILE)
    facts = {key: environment[key] for key in ("command", "python", "packages", "hardware")}
    facts |= {"overrides": list(call.overrides), "data": _data(folder)}
    own = [text for text in call.overrides if changes_result(text.split("=", 1)[0].lstrip("+~"))]
    name = call.name or " ".join(own) or folder.name
    return Facts(
        folder,
        stage,
        clean(name)[:_LONGEST_NAME],
        group_name(logger["group"], call.sweep),
        cut_tags([*tags, *logger["tags"]]),
        clean(values | facts) | {"git": environment["git"]},  # a commit looks like a key
    )


def group_name(chosen: str | None, sweep: str | None) -> str | None:
    """The user's group, or the sweep's name; of a long one the start and the end, where folders have a digest."""
    name = sweep if chosen is None else chosen
    if name is None or len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME - 10]}..{name[-8:]}"


def cut_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Every tag once, none empty, and none longer than W&B takes."""
    return tuple(dict.fromkeys(tag[:_LONGEST_TAG] for tag in tags if tag))


def curve_values(row: Mapping[str, float]) -> dict[str, float]:
    """An epoch's values under names that loggers group: ``train/loss``, ``val/accuracy``, ``lr``.

    Examples:
        >>> curve_values({"epoch": 1, "train_loss": 0.5, "lr": 0.1})
        {'train/loss': 0.5, 'lr': 0.1}
    """
    return {
        key.replace("_", "/", 1) if key.startswith(("train_", "val_", "report_")) else key: value
        for key, value in row.items()
        if key != "epoch"
    }


def scores_of(result: RunResult) -> dict[str, float]:
    """The scores of a finished run by name; what is not defined is left out."""
    values: dict[str, float | None] = {"epochs": result.epochs, "fit_seconds": result.seconds["fit"]}
    chosen, test, faces = result.selection, result.test, result.end_to_end
    if chosen is not None:
        values |= {f"selected/{chosen.split}_{chosen.monitor}": chosen.value, "selected/epoch": chosen.epoch}
    if test is not None:
        values |= {f"test/{key}": getattr(test, key) for key in ("accuracy", "macro_recall", "macro_f1", "ece", "loss")}
        values |= {"test/accuracy_low": test.accuracy_ci95[0], "test/accuracy_high": test.accuracy_ci95[1]}
        values |= {"test/n": test.n} | {f"test/recall/{row.label}": row.recall for row in test.per_class}
        values["test/leak_free_accuracy"] = None if test.leak_free is None else test.leak_free.accuracy
        values["test/copy_free_accuracy"] = None if test.copy_free is None else test.copy_free.accuracy
    if faces is not None:
        values |= {"end_to_end/accuracy": faces.accuracy, "end_to_end/detection_recall": faces.detection_recall}
        values["end_to_end/gap"] = None if faces.gap is None else faces.gap.gap
    return {key: value for key, value in values.items() if value is not None}


def _data(folder: Path) -> dict[str, Any]:
    """The data's name, fingerprint and counts, and how many images leak; empty where there were none."""
    if not (folder / DATA_FILE).is_file():
        return {}
    facts: dict[str, Any] = read_json(folder / DATA_FILE)
    leaks = facts.pop("leaks", None)
    return facts if leaks is None else facts | {"leaked_images": leaks["count"]}
