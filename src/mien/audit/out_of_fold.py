"""Predictions of models for images that they were not trained on, gathered from runs and evaluations.

Whether a model was trained on an image is not taken on trust: its train part is found again by its own config, checked
by the fingerprint that the run noted, and compared with the images byte for byte.
"""

import logging
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from mien.audit.images import all_parts
from mien.config.load import from_plain
from mien.config.schema import DatasetConfig
from mien.data.catalog import load_source
from mien.data.source import SourceData
from mien.data.split import takes_validation, with_test, with_validation
from mien.errors import DataError, MienError
from mien.files import read_json
from mien.results import RESULTS_FILE
from mien.runs import CONFIG_FILE
from mien.types import SplitName

log = logging.getLogger(__name__)

TABLES = ("predictions.parquet", "validation.parquet")
_FACTS = "model.json"


@dataclass(frozen=True)
class OutOfFold:
    """What models say of images that they were not trained on.

    Attributes:
        rows: (M,) int64 positions among all images of the data set, part after part (:func:`all_parts`), ascending.
        probabilities: (M, K) float64, the mean of all models that say something of an image.
        folders: The folders that they are from.
        in_train: Number of predictions left out, since their image stands in the model's own train part.
        skipped: Folders that were left out, and why.
    """

    rows: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    folders: tuple[str, ...]
    in_train: int
    skipped: tuple[str, ...]

    def of(self, places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Which images are known, as indices into ``places`` (positions, each once), and (M, K) what models say."""
        _, known, told = np.intersect1d(places, self.rows, assume_unique=True, return_indices=True)
        return known, self.probabilities[told]


class _UnfitError(Exception):
    """Why a folder's predictions cannot be used."""


def find_folders(place: Path) -> list[Path]:
    """The finished runs and evaluations with predictions at a place: the place itself, or folders in it.

    Raises:
        DataError: There are none.
    """
    folders = sorted({path.parent for table in TABLES for path in place.rglob(table)})
    finished = [folder for folder in folders if (folder / RESULTS_FILE).is_file()]
    if not finished:
        found = f"{len(folders)} unfinished runs" if folders else ("no predictions" if place.is_dir() else "no folder")
        raise DataError(
            f"predictions={place}: expected a finished run, an evaluation, or a folder that holds some; found {found}"
        )
    return finished


def out_of_fold(folders: list[Path], source: SourceData, dataset: DatasetConfig) -> OutOfFold:
    """Gather the predictions of several runs and evaluations.

    Args:
        folders: Their folders; those whose predictions do not fit are skipped with a warning.
        source: The data set.
        dataset: Its config; data sets of its name are looked for at its root.

    Raises:
        DataError: No prediction is left.
    """
    digests = [digest for _, part in all_parts(source) for digest in part.digests]
    sums, counts = np.zeros((len(digests), len(source.labels))), np.zeros(len(digests), np.int64)
    used, skipped, in_train = [], [], 0
    known: dict[str, set[bytes]] = {}
    for folder in folders:
        try:
            rows, said = _said(folder, source)
            trained_on = _train_digests(_facts(folder), dataset, known)
            unseen = np.array([digests[row] not in trained_on for row in rows.tolist()])
            if not unseen.any():
                raise _UnfitError(f"its model was trained on all {len(rows)} images that it says something of")
        except (_UnfitError, MienError) as error:
            skipped.append(f"{folder}: {error}")
            log.warning("predictions left out: %s", skipped[-1])
            continue
        sums[rows[unseen]] += said[unseen]
        counts[rows[unseen]] += 1
        used.append(str(folder))
        in_train += int((~unseen).sum())
    covered = np.flatnonzero(counts)
    if not len(covered):
        raise DataError("predictions: none can be used:\n" + "\n".join(f"  - {reason}" for reason in skipped))
    if in_train:
        log.warning("%d predictions left out: the model was trained on their images", in_train)
    return OutOfFold(covered, sums[covered] / counts[covered, None], tuple(used), in_train, tuple(skipped))


def _said(folder: Path, source: SourceData) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Positions of the images that a folder's predictions are of, and (M, K) probabilities in the set's class order."""
    frames = [pd.read_parquet(folder / table) for table in TABLES if (folder / table).is_file()]
    frame = pd.concat(frames, ignore_index=True)
    wanted = [f"p_{name}" for name in source.labels]
    found = [name for name in frame.columns if name.startswith("p_")]
    if set(found) != set(wanted):
        classes = ", ".join(name.removeprefix("p_") for name in found)
        raise _UnfitError(f"its classes are {classes}; the data set's are {', '.join(source.labels)}")
    rows, places = _matches(frame, source)
    if not len(rows):
        example = frame["key"].iloc[0] if len(frame) else "none"
        raise _UnfitError(f"it is of another data set: none of its images is in {source.name}, such as {example}")
    return rows, frame[wanted].to_numpy(np.float64)[places]


def _matches(frame: pd.DataFrame, source: SourceData) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of images, each once, and their rows in a table: by content where the table tells it, else by name."""
    places: dict[str, list[int]] = defaultdict(list)
    by_content = "digest" in frame
    images = ((part, row) for _, part in all_parts(source) for row in range(len(part)))
    for index, (part, row) in enumerate(images):
        places[part.digests[row].hex() if by_content else part.reader.key(row)].append(index)
    named = frame["digest" if by_content else "key"].tolist()
    pairs = {index: row for row, name in enumerate(named) for index in places.get(name, [])}
    return np.array(list(pairs), np.int64), np.array(list(pairs.values()), np.int64)


def _facts(folder: Path) -> dict[str, Any]:
    """What the model's bundle says of its training.

    The bundle is a run's own, or the one that an evaluation names.
    """
    places = [folder / "bundle"]
    path = folder / CONFIG_FILE
    config = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if "run" in config:
        places += [Path(config["run"]), Path(config["run"]) / "bundle"]
    for place in places:
        if (place / _FACTS).is_file():
            about: dict[str, Any] = read_json(place / _FACTS)["about"]
            return about
    raise _UnfitError(f"its model is not at {places[-1]}, so that its train part is unknown")


def _train_digests(about: dict[str, Any], audited: DatasetConfig, known: dict[str, set[bytes]]) -> set[bytes]:
    """The digests of the images that a model was trained on; ``known`` keeps them by fingerprint."""
    fingerprint = about["dataset"]["fingerprint"]
    if fingerprint not in known:
        config = from_plain(DatasetConfig, about["config"]["dataset"])
        if config.name == audited.name:
            config = replace(config, root=audited.root)
        source = with_test(load_source(config), config.test_fraction, config.split_seed)
        if takes_validation(about["protocol"]["selection"], about["protocol"]["report"]):
            source = with_validation(source, config.validation_fraction, config.split_seed)
        if source.spec().fingerprint != fingerprint:
            raise _UnfitError(f"its data set {config.name} has changed since, so that its train part is unknown")
        known[fingerprint] = set(source.parts[SplitName.TRAIN].digests)
    return known[fingerprint]
