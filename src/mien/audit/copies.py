"""What an audit knows of a test: which of its images have a copy in train. No torch."""

import logging
from pathlib import Path

from mien.audit.result import find, load
from mien.errors import RunFolderError
from mien.files import user_path

log = logging.getLogger(__name__)


def known_copies(output: Path, fingerprint: str, split: str) -> frozenset[str] | None:
    """The images of a split that have a copy in train, byte for byte or nearly.

    Args:
        output: The folder under which run and audit folders are made.
        fingerprint: Of the data, as in a run's ``data.json``.
        split: The split.

    Returns:
        Their names; ``None`` where no audit of these data is found, or one of another version of mien, or it knows no
        such split, or it is train.
    """
    folder = find(user_path(output), fingerprint)
    if folder is None or split == "train":
        return None
    try:
        audit = load(folder)
    except RunFolderError as error:
        log.warning("no score without copies: %s", error)
        return None
    if split not in {part.split for part in audit.parts}:
        return None
    return frozenset(leak.key for leak in audit.leaked if (leak.split, leak.into) == (split, "train"))
