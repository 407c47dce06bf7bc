"""What a run predicted, read back from its files, and several runs' predictions of the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mien.errors import ComparisonError

TEST_FILE, VALIDATION_FILE = "predictions.parquet", "validation.parquet"
ROUNDING = 1e-6
"""By so much a predicted class may be less likely than another: half precision rounds."""
_SHOWN = 3


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of one run.

    Attributes:
        run: Its folder, for messages.
        classes: The K classes.
        keys: (N,) names of the images.
        digests: (N,) of their content, ``None`` in files from before there were any.
        labels: (N,) true classes, 0..K-1.
        p: (N, K) float32 probabilities.
        leaked: (N,) bool, whether the image stands in the train part too; ``None`` where that is unknown.
    """

    run: str
    classes: tuple[str, ...]
    keys: pd.Index
    digests: pd.Index | None
    labels: NDArray[np.int64]
    p: NDArray[np.float32]
    leaked: NDArray[np.bool_] | None


def read_predictions(path: Path, run: str) -> Predictions:
    """Read ``predictions.parquet`` or ``validation.parquet``.

    Raises:
        ComparisonError: The file is missing, damaged, or not of this kind.
    """
    if not path.is_file():
        raise ComparisonError(f"{path}: no such file; {run} lacks its predictions; score it again to have them")
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ComparisonError(f"{path}: expected a parquet file, got a damaged one ({error})") from error
    classes = tuple(str(name)[2:] for name in frame if str(name).startswith("p_"))
    missing = [name for name in ("key", "label", "predicted") if name not in frame]
    if missing or not classes:
        raise ComparisonError(
            f"{path}: expected the columns key, label, predicted and p_<class> for each class, got {list(frame)}"
        )
    damage = _damage(frame, classes)
    if damage:
        raise ComparisonError(f"{path}: expected a run's predictions, got a damaged file: {damage}")
    return Predictions(
        run=run,
        classes=classes,
        keys=pd.Index(frame["key"].astype(str)),
        digests=pd.Index(frame["digest"].astype(str)) if "digest" in frame else None,
        labels=_codes(frame["label"], classes),
        p=_probabilities(frame, classes),
        leaked=frame["leaked"].to_numpy(bool) if "leaked" in frame and not frame["leaked"].isna().any() else None,
    )


def _damage(frame: pd.DataFrame, classes: Sequence[str]) -> str:
    """What is wrong with the rows of a file, ``""`` where nothing is."""
    if frame.empty:
        return "it has no rows"
    for name in ("label", "predicted"):
        others = frame[~frame[name].isin(classes)]
        if len(others):
            return f"{name} is {others[name].iloc[0]} in {len(others):,} rows, which is none of {', '.join(classes)}"
    p = _probabilities(frame, classes)
    if not np.isfinite(p).all():
        return "some probabilities are no finite numbers"
    picked = p[np.arange(len(p)), _codes(frame["predicted"], classes)]
    wrong = int((picked < p.max(axis=1) - ROUNDING).sum())
    return f"in {wrong:,} of {len(p):,} rows the class predicted is not the likeliest" if wrong else ""


def _probabilities(frame: pd.DataFrame, classes: Sequence[str]) -> NDArray[np.float32]:
    """(N, K); NaN where there is no number."""
    columns = frame[[f"p_{name}" for name in classes]]
    numbers: NDArray[np.float32] = columns.apply(pd.to_numeric, errors="coerce").to_numpy(np.float32)
    return numbers


def _codes(names: "pd.Series[str]", classes: Sequence[str]) -> NDArray[np.int64]:
    return pd.Index(classes).get_indexer(pd.Index(names.astype(str))).astype(np.int64)


@dataclass(frozen=True, eq=False)
class SameImages:
    """The predictions of R runs on the same N images, in the same order.

    Attributes:
        classes: The K classes.
        keys: (N,) names of the images, as the first run has them.
        labels: (N,) true classes.
        p: R arrays (N, K).
        leaked: (N,) bool, whether the image stands in the train part of any run; ``None`` where that is unknown.
        left_out: Of each run, the number of its images that not all runs have.
        by_name: Images were matched by name, since not all runs have digests.
    """

    classes: tuple[str, ...]
    keys: pd.Index
    labels: NDArray[np.int64]
    p: tuple[NDArray[np.float32], ...]
    leaked: NDArray[np.bool_] | None
    left_out: tuple[int, ...]
    by_name: bool

    @property
    def n(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(R, N) predicted classes."""
        return np.stack([p.argmax(axis=1) for p in self.p]).astype(np.int64)


def same_images(runs: Sequence[Predictions], intersection: bool = False) -> SameImages:
    """Put the predictions of several runs into one order.

    Images are the same if their digests are, else (where a run has none) their names. An image that a test set holds
    several times is matched as often.

    Args:
        runs: At least one.
        intersection: Leave out images that not all runs have, instead of refusing.

    Raises:
        ComparisonError: Classes, images or labels differ.
    """
    first = runs[0]
    for run in runs[1:]:
        if set(run.classes) != set(first.classes):
            raise ComparisonError(
                f"the classes differ: {first.run} has {', '.join(first.classes)}; {run.run} has "
                f"{', '.join(run.classes)}; compare runs of the same classes"
            )
    by_name = any(run.digests is None for run in runs)
    ids = _ids(runs, by_name)
    common = ids[0][np.logical_and.reduce([ids[0].isin(other) for other in ids])]
    left_out = tuple(len(own) - len(common) for own in ids)
    if any(left_out) and not (intersection and len(common)):
        raise ComparisonError(_different(runs, len(common), by_name))
    places = [own.get_indexer(common) for own in ids]
    labels = first.labels[places[0]]
    for run, place in zip(runs[1:], places[1:], strict=True):
        _check_labels(first, run, places[0], place)
    flags = [run.leaked[place] for run, place in zip(runs, places, strict=True) if run.leaked is not None]
    return SameImages(
        classes=first.classes,
        keys=first.keys[places[0]],
        labels=labels,
        p=tuple(_in_order(run, first.classes)[place] for run, place in zip(runs, places, strict=True)),
        leaked=np.logical_or.reduce(flags) if len(flags) == len(runs) else None,
        left_out=left_out,
        by_name=by_name,
    )


def _ids(runs: Sequence[Predictions], by_name: bool) -> list[pd.Index]:
    """Of each run (N,), unique: what makes an image the same, and which of its copies it is.

    First the copies of equal labels are numbered, in order of name. Those that not all runs have are numbered anew,
    whatever their label: an image that has another label elsewhere is found again, and not taken for another image.
    """
    tables = [_copies(run, by_name) for run in runs]
    if all(table.equals(tables[0]) for table in tables):  # as after most sweeps, where numbering takes seconds
        return [pd.Index(_numbered(tables[0], by_label=True))] * len(runs)
    whole = [pd.Index(_numbered(table, by_label=True)) for table in tables]
    common = reduce(lambda left, right: left[left.isin(right)], whole)
    everywhere = [own.isin(common) for own in whole]
    return [
        own.where(shared, _numbered(table[~shared], by_label=False).reindex(table.index).to_numpy(object))
        for own, shared, table in zip(whole, everywhere, tables, strict=True)
    ]


def _copies(run: Predictions, by_name: bool) -> pd.DataFrame:
    """Columns id, label and key of every image."""
    what = run.keys if by_name or run.digests is None else run.digests
    return pd.DataFrame({"id": what, "label": np.array(run.classes)[run.labels], "key": run.keys})


def _numbered(table: pd.DataFrame, by_label: bool) -> "pd.Series[str]":
    """Of every row its id, with its label or without, and the how manieth of this kind it is."""
    kind = table["id"] + "/" + table["label"] if by_label else table["id"] + "/"
    copy = table.sort_values(["id", "label", "key"]).groupby(kind).cumcount().sort_index()
    return kind + "#" + copy.astype(str)


def _in_order(run: Predictions, classes: Sequence[str]) -> NDArray[np.float32]:
    return run.p[:, [run.classes.index(name) for name in classes]]


def _different(runs: Sequence[Predictions], common: int, by_name: bool) -> str:
    sizes = "; ".join(f"{run.run}: {len(run.labels):,}" for run in runs)
    how = ""
    if by_name:
        how = f" (matched by name, since {next(run.run for run in runs if run.digests is None)} has no digests)"
    advice = "pass intersection=true to compare on the common images alone, or s" if common else "s"
    return (
        f"the runs were tested on different images: {sizes}; {common:,} are common to all{how}; "
        f"{advice}core the models on the same test set by evaluate.py"
    )


def _check_labels(first: Predictions, other: Predictions, here: NDArray[np.intp], there: NDArray[np.intp]) -> None:
    """Raises ComparisonError where the same images have different labels."""
    names, others = np.array(first.classes)[first.labels[here]], np.array(other.classes)[other.labels[there]]
    wrong = np.flatnonzero(names != others)
    if len(wrong):
        shown = "; ".join(f"{first.keys[here[n]]}: {names[n]} there, {others[n]} here" for n in wrong[:_SHOWN])
        raise ComparisonError(
            f"{len(wrong):,} of {len(names):,} images have other labels in {other.run} than in {first.run} ({shown}); "
            "score both on the same version of the data"
        )
