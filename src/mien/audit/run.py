"""The audit of a data set, from its images to its report."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.audit import sheets, tables
from mien.audit.duplicates import exact_groups, near_groups, near_pairs
from mien.audit.images import Images, look_at
from mien.audit.label_errors import Suspect, check_cleanlab, find_suspects
from mien.audit.out_of_fold import OutOfFold, find_folders, out_of_fold
from mien.audit.outliers import find_outliers
from mien.audit.page import write_page
from mien.audit.result import AUDIT_FILE, FOLDER, AuditResult, Unreadable
from mien.audit.summary import Findings, summarise
from mien.config.audit import NEAR, AuditConfig, prediction_places
from mien.config.schema import DatasetConfig, OnBadImage
from mien.data.catalog import load_source
from mien.data.decode import whole
from mien.data.source import SourceData
from mien.data.split import with_test
from mien.errors import DataError
from mien.files import user_path
from mien.runs import owned


@dataclass(frozen=True, eq=False)
class Subject:
    """A data set to be audited, found and checked; its images have not been looked at.

    Attributes:
        config: What was asked for.
        source: The data set.
        cut: Splits that it does not have, and that were cut off.
        said: What models say of images that they were not trained on; ``None`` where no predictions were given.
        folder: The audit's folder.
    """

    config: AuditConfig
    source: SourceData
    cut: tuple[str, ...]
    said: OutOfFold | None
    folder: Path


@dataclass(frozen=True)
class Audit:
    """A finished audit: its folder, its result, and the opening sentences of its report."""

    folder: Path
    result: AuditResult
    verdict: str


def find_subject(config: AuditConfig) -> Subject:
    """Find what an audit is to look at; nothing is written.

    Raises:
        MienError: The data set cannot be found, a split is empty, or the predictions cannot be used.
    """
    folders = [folder for place in prediction_places(config) for folder in find_folders(user_path(place))]
    if folders:
        check_cleanlab()
    source, cut = _open(config.dataset)
    said = out_of_fold(folders, source, config.dataset) if folders else None
    folder = user_path(config.output) / FOLDER / audit_name(source, config.near)
    return Subject(config, source, cut, said, folder)


def audit(subject: Subject, command: str = "") -> Audit:
    """Audit a data set; the same folder is written anew every time.

    Args:
        subject: The data set, and what was asked for.
        command: The command line, for the record.

    Raises:
        DataError: None of its images can be read.
        RunFolderError: The folder cannot be written to.
    """
    config = subject.config
    with owned(subject.folder):
        images, unreadable = look_at(subject.source)
        found = _find(images, config.near, subject.said)
        bad = (*_missing(config.dataset, subject.source), *unreadable)
        result = summarise(config, command, found, bad, subject.cut)
        _write(subject.folder, found, result)
        verdict = write_page(subject.folder, result, config.dataset.root or "")
        result.save(subject.folder)  # last of all: it marks the audit as finished
    return Audit(subject.folder, result, verdict)


def audit_name(source: SourceData, near: int) -> str:
    """The folder's name: the data set, its version, what of its fingerprint tells it apart, and ``near``."""
    head = "_".join(filter(None, (source.name, source.version)))
    tail = "" if near == NEAR else f"-near{near}"
    return re.sub(r"[^\w.-]+", "_", f"{head[:80]}-{source.spec().fingerprint[:8]}{tail}")


def _open(config: DatasetConfig) -> tuple[SourceData, tuple[str, ...]]:
    """The data set as it lies there; a test part that it does not have is cut off as runs do."""
    found = load_source(replace(config, on_bad_image=OnBadImage.skip))
    source = with_test(found, config.test_fraction, config.split_seed)
    empty = [split for split, part in source.parts.items() if not len(part)]
    if empty:
        raise DataError(f"data set {source.name}: {' and '.join(empty)} without an image; add some, or drop the split")
    return source, tuple(str(split) for split in source.parts if split not in found.parts)


def _missing(config: DatasetConfig, source: SourceData) -> list[Unreadable]:
    """Rows of a table that were left out since their file is missing or smaller than the box."""
    if config.name != "table":
        return []
    chosen = [whole(part.reader) for part in source.parts.values()]
    reader, used = chosen[0][0], np.concatenate([rows for _, rows in chosen])
    reason = "no such file, or the box reaches beyond the image"
    return [Unreadable("", reader.key(row), reason) for row in np.setdiff1d(np.arange(len(reader)), used).tolist()]


def _find(images: Images, near: int, said: OutOfFold | None) -> Findings:
    pairs = near_pairs(images, near)
    return Findings(
        images,
        pairs,
        exact=exact_groups(images),
        near=near_groups(images, pairs),
        clean=tables.without_leaks(images, pairs),
        outliers=find_outliers(images),
        said=said,
        suspects=[] if said is None else _suspects(images, said),
    )


def _suspects(images: Images, said: OutOfFold) -> list[Suspect]:
    """Likely label errors among the images that can be read and that models say something of."""
    rows, probabilities = said.of(images.places)
    return find_suspects(rows, images.labels[rows], probabilities)


def _write(folder: Path, found: Findings, result: AuditResult) -> None:
    """The lists and the sheets; what an earlier audit of the same data left goes."""
    plots = folder / "plots"
    for old in (*(folder / name for name in (AUDIT_FILE, *tables.NAMES)), *(plots / name for name in sheets.NAMES)):
        old.unlink(missing_ok=True)
    images = found.images
    duplicates = tables.duplicates_table(images, [*found.exact, *found.near], found.pairs)
    tables.write_table(duplicates, folder / tables.DUPLICATES)
    tables.write_table(tables.leaked_table(result.leaked), folder / tables.LEAKED)
    tables.write_table(tables.outliers_table(images, found.outliers), folder / tables.OUTLIERS)
    if found.clean is not None:
        tables.write_table(tables.clean_table(images, found.clean), folder / tables.CLEAN)
    if found.exact:
        sheets.draw_groups(images, found.exact, plots / sheets.EXACT)
    if found.near:
        sheets.draw_groups(images, found.near, plots / sheets.NEAR)
    if found.outliers:
        sheets.draw_outliers(images, found.outliers, plots / sheets.OUTLIERS)
    if found.said is not None:
        tables.write_table(tables.suspects_table(images, found.suspects), folder / tables.LABEL_ERRORS)
    if found.suspects:
        sheets.draw_suspects(images, found.suspects, plots / sheets.LABEL_ERRORS)
