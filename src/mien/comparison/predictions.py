"""What a run predicted, read back from its files, and several runs' predictions of the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mien.errors import ComparisonError

TEST_FILE, VALIDATION_FILE = "predictions.parquet", "validation.parquet"
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
    if missing or not classes or not set(frame["label"]) <= set(classes):
        raise ComparisonError(
            f"{path}: expected the columns key, label, predicted and p_<class> for each class, got {list(frame)}"
        )
    return Predictions(
        run=run,
        classes=classes,
        keys=pd.Index(frame["key"].astype(str)),
        digests=pd.Index(frame["digest"].astype(str)) if "digest" in frame else None,
        labels=_codes(frame["label"], classes),
        p=frame[[f"p_{name}" for name in classes]].to_numpy(np.float32),
        leaked=frame["leaked"].to_numpy(bool) if "leaked" in frame and not frame["leaked"].isna().any() else None,
    )


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
    ids = [_ids(run, by_name) for run in runs]
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


def _ids(run: Predictions, by_name: bool) -> pd.Index:
    """(N,) unique: what makes an image the same, and which of its copies it is, in order of label and name."""
    what = run.keys if by_name or run.digests is None else run.digests
    names = np.array(run.classes)[run.labels]
    table = pd.DataFrame({"id": what, "label": names, "key": run.keys})
    copy = table.sort_values(["id", "label", "key"]).groupby("id").cumcount().sort_index()
    return pd.Index(table["id"] + "#" + copy.astype(str))


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
