"""What an audit found, as typed values and as ``audit.json``. No image, no torch."""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from mien.errors import RunFolderError
from mien.files import read_json, typed, write_json

log = logging.getLogger(__name__)

SCHEMA = 1
FOLDER, AUDIT_FILE = "audits", "audit.json"


@dataclass(frozen=True)
class Unreadable:
    """An image that cannot be read: its split (``""`` where it has none), its name, and why not."""

    split: str
    key: str
    reason: str


@dataclass(frozen=True)
class PartFacts:
    """One split.

    Attributes:
        split: Its name.
        images: Number of its images, unreadable ones among them.
        unreadable: Number of these.
        gray: Number of readable images without colour, whatever their file's mode.
        per_class: Number of images of each class, in label order.
        imbalance: The largest class over the smallest; ``None`` where a class has no image.
    """

    split: str
    images: int
    unreadable: int
    gray: int
    per_class: tuple[int, ...]
    imbalance: float | None


@dataclass(frozen=True)
class DuplicateCounts:
    """Duplicates of one kind.

    Attributes:
        kind: ``exact`` (byte for byte) or ``near``.
        groups: Number of groups of images that are the same.
        images: Number of images in them.
        across: Number of groups that stand in several splits.
        conflicting: Number of groups whose images have several labels.
        within: For each split, its images beyond the first of each group: what would go if one of each were kept.
    """

    kind: str
    groups: int
    images: int
    across: int
    conflicting: int
    within: dict[str, int]


@dataclass(frozen=True)
class Leak:
    """An image that stands in another split too.

    Attributes:
        split: Its split.
        into: The other split.
        key: Its name.
        label: Its class.
        exact: The names of its byte-identical copies there.
        exact_labels: Their classes, each once.
        near: The name of the nearest other copy there, ``""`` where there is none.
        near_label: Its class.
        distance: Bits in which the perceptual hashes differ.
        likeness: Correlation of the two thumbnails.
        mirrored: Whether it is a mirror image.
    """

    split: str
    into: str
    key: str
    label: str
    exact: tuple[str, ...]
    exact_labels: tuple[str, ...]
    near: str = ""
    near_label: str = ""
    distance: int | None = None
    likeness: float | None = None
    mirrored: bool | None = None

    @property
    def conflicting(self) -> bool:
        """Whether a byte-identical copy, or where there is none the nearest, has another label."""
        others = self.exact_labels or (self.near_label,)
        return any(label != self.label for label in others)


@dataclass(frozen=True)
class LeakCounts:
    """How many images of one split stand in another.

    Attributes:
        split: The split.
        into: The other one.
        images: Number of images of the split.
        exact: Those with a byte-identical copy there.
        exact_conflicting: Those of them of which a copy has another label.
        near: Those with a near-duplicate there and no byte-identical copy.
        near_conflicting: Those of them whose nearest copy has another label.
    """

    split: str
    into: str
    images: int
    exact: int
    exact_conflicting: int
    near: int
    near_conflicting: int


@dataclass(frozen=True)
class Agreement:
    """How often models are right on images of one kind, among those of validation and test that they predict.

    Attributes:
        copy: The images' nearest copy in train: ``none``, ``near`` or ``exact``.
        images: Number of images.
        share: Share of them whose label the models think likeliest.
        ci95: Wilson 95 % interval of it.
    """

    copy: str
    images: int
    share: float
    ci95: tuple[float, float]


@dataclass(frozen=True)
class LabelErrors:
    """Likely label errors, as cleanlab finds them.

    Attributes:
        covered: Number of images with a prediction of a model that was not trained on them.
        images: Number of images of the data set.
        agreement: Share of the covered images whose label the models think likeliest: their accuracy there.
        suspects: Number of likely label errors.
        folders: The runs and evaluations that the predictions are from.
        in_train: Number of predictions left out, since their image stands in the model's own train part.
        skipped: Runs and evaluations that were left out, and why.
        rare: Classes of which fewer than ten images are covered: nothing can be said of them.
        by_copy: The models' accuracy on images with and without a copy in train; only kinds that there are.
    """

    covered: int
    images: int
    agreement: float
    suspects: int
    folders: tuple[str, ...]
    in_train: int
    skipped: tuple[str, ...]
    rare: tuple[str, ...]
    by_copy: tuple[Agreement, ...]


@dataclass(frozen=True)
class AuditResult:
    """All that an audit says of a data set; the content of ``audit.json``.

    Attributes:
        dataset: Name and version.
        labels: Its classes.
        fingerprints: Those of the data set as runs see it: whole, and with the validation part cut off that the
            protocol ``clean`` cuts where there is none.
        command: The command line.
        near: Bits in which the perceptual hashes of near-duplicates may differ.
        likeness: Least correlation of their thumbnails.
        cut: Splits that the set does not have, and that were cut off as runs cut them.
        parts: Each split.
        unreadable: Images that cannot be read.
        duplicates: Exact ones, then near ones.
        leaks: How many images of one split stand in another.
        leaked: Which.
        outliers: Number of outliers by reason.
        label_errors: ``None`` where no predictions were given.
        clean: Number of images of each split in ``clean.csv``, the data set without what leaks from one split into
            another; ``None`` where there is no such file, since the images are not whole files of one folder.
    """

    dataset: dict[str, str]
    labels: tuple[str, ...]
    fingerprints: tuple[str, ...]
    command: str
    near: int
    likeness: float
    cut: tuple[str, ...]
    parts: tuple[PartFacts, ...]
    unreadable: tuple[Unreadable, ...]
    duplicates: tuple[DuplicateCounts, ...]
    leaks: tuple[LeakCounts, ...]
    leaked: tuple[Leak, ...]
    outliers: dict[str, int]
    label_errors: LabelErrors | None
    clean: dict[str, int] | None

    def save(self, folder: Path) -> Path:
        """Write ``audit.json``, atomically."""
        path = folder / AUDIT_FILE
        write_json(path, {"schema": SCHEMA} | asdict(self))
        return path


def load(folder: Path) -> AuditResult:
    """Read the audit in a folder.

    Raises:
        RunFolderError: There is none, or one of another schema or version.
    """
    path = folder / AUDIT_FILE
    if not path.is_file():
        raise RunFolderError(f"{folder} holds no {AUDIT_FILE}; python audit.py dataset=<name> makes one")
    values = read_json(path)
    if values.pop("schema", None) != SCHEMA:
        raise RunFolderError(f"{path}: expected schema {SCHEMA}; make the audit anew")
    try:
        return typed(AuditResult, values)
    except (KeyError, TypeError, AttributeError) as error:
        raise RunFolderError(f"{path}: not an audit of this version of mien ({error!r}); make it anew") from error


def find(output: Path, fingerprint: str) -> Path | None:
    """The folder of an audit of the data with this fingerprint; ``None`` where there is none. Damaged ones are skipped.

    Args:
        output: The folder under which run and audit folders are made.
        fingerprint: As in a run's ``data.json``.
    """
    for path in sorted((output / FOLDER).glob(f"*/{AUDIT_FILE}")):
        try:
            values = read_json(path)
        except ValueError as error:  # neither JSON nor text
            log.warning("%s is passed over: it cannot be read (%s); make the audit anew", path, error)
            continue
        if values.get("schema") == SCHEMA and fingerprint in values["fingerprints"]:
            return path.parent
    return None
