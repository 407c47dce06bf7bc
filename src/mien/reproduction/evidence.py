"""What a finished run left, and what it measured."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from mien.audit import known_copies
from mien.errors import MienError
from mien.files import read_json
from mien.labels import canonical
from mien.metrics.left_out import score_without
from mien.reproduction.measures import AT_BEST, Measured
from mien.results import RunResult
from mien.runs import CONFIG_FILE, DATA_FILE, METRICS_FILE


class NotMeasuredError(MienError):
    """A run does not have the number that a study asks for."""


@dataclass(frozen=True)
class Evidence:
    """What a finished run left.

    Attributes:
        result: Its ``results.json``.
        metrics: Its ``metrics.csv``, a row an epoch.
        images: Number of images of every part of the data.
        counts: The same; none of train where an epoch did not see all of it.
    """

    result: RunResult
    metrics: pd.DataFrame
    images: Mapping[str, int]
    counts: Mapping[str, int]

    @classmethod
    def load(cls, folder: Path, output: Path) -> "Evidence":
        """Read a run folder.

        Args:
            folder: The run folder.
            output: Where audits are looked for: a run from before the audit of its data does not know of it.

        Raises:
            RunFolderError: The run is not finished.
        """
        result = _with_copies(RunResult.load(folder), folder, output)
        images = {split: sum(classes.values()) for split, classes in read_json(folder / DATA_FILE)["counts"].items()}
        counts = dict(images)
        if OmegaConf.load(folder / CONFIG_FILE).trainer.limit_train_batches is not None:
            del counts["train"]
        return cls(result, pd.read_csv(folder / METRICS_FILE), images, counts)

    def measure(self, path: str) -> Measured:
        """The value at a path that :func:`mien.reproduction.measures.measure_problem` finds nothing wrong with.

        Raises:
            NotMeasuredError: The run does not have it.
        """
        start, _, last = path.rpartition(".")
        if start.startswith("history."):
            return self._of_history(start.removeprefix("history."), last)
        if start == "test.recall":
            return self._recall(canonical(last))
        if start == "selection":
            return self._selection()
        if start == "seconds":
            return Measured(self.result.seconds[last])
        owner: Any = self.result
        for name in start.split("."):
            owner = getattr(owner, name)
            if owner is None:
                raise NotMeasuredError(f"the run has no {start}")
        value = getattr(owner, last)
        if value is None:
            raise NotMeasuredError(f"{path} is not defined: nothing to divide by")
        return Measured(value, _count(start, last, owner))

    def _of_history(self, column: str, which: str) -> Measured:
        values = self._column(column)
        if which == "best":
            epoch = _best(values)
        elif which.startswith(AT_BEST):
            epoch = _best(self._column(which.removeprefix(AT_BEST)))
        else:
            epoch = values.index[-1] if which == "last" else int(which)
        if epoch not in values.index:
            raise NotMeasuredError(f"metrics.csv has no {column} of epoch {epoch}")
        role = column.partition("_")[0]
        split = "train" if role == "train" else self.result.protocol["selection" if role == "val" else "report"]
        return Measured(float(values.loc[epoch]), self.counts.get(split) if column.endswith("_accuracy") else None)

    def _column(self, column: str) -> "pd.Series[float]":
        """A column of ``metrics.csv`` by epoch."""
        if column not in self.metrics or self.metrics[column].isna().all():
            raise NotMeasuredError(f"metrics.csv has no {column}")
        return self.metrics.set_index("epoch")[column].dropna()

    def _recall(self, name: str) -> Measured:
        rows = [row for row in self.result.test.per_class if row.label == name] if self.result.test else []
        if not rows or rows[0].recall is None:
            raise NotMeasuredError(f"the test has no image of {name}")
        return Measured(rows[0].recall, rows[0].support)

    def _selection(self) -> Measured:
        chosen = self.result.selection
        if chosen is None:
            raise NotMeasuredError("the protocol has no selection split")
        return Measured(chosen.value, self.counts.get(chosen.split) if chosen.monitor == "accuracy" else None)


def _best(values: "pd.Series[float]") -> int:
    """The epoch of the best value, the first of equals."""
    place = values.argmin() if str(values.name).endswith("loss") else values.argmax()
    return int(values.index[int(place)])


def _with_copies(result: RunResult, folder: Path, output: Path) -> RunResult:
    """The result with the score on images without a copy in train, where only an audit since then tells which."""
    test = result.test
    if test is None or test.copy_free is not None:
        return result
    copies = known_copies(output, result.dataset["fingerprint"], result.protocol["report"])
    if copies is None:
        return result
    predictions = pd.read_parquet(folder / "predictions.parquet")
    score = score_without(predictions, predictions["key"].isin(copies).to_numpy())
    return replace(result, test=replace(test, copy_free=score))


def _count(start: str, last: str, owner: Any) -> int | None:
    """Of how many images a value of ``results.json`` is a share."""
    if start == "end_to_end":
        found = round(owner.detection_recall * owner.n_faces)
        return found if last == "accuracy_given_detection" else int(owner.n_faces)
    return int(owner.n) if last == "accuracy" else None
