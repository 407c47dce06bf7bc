"""The errors that users meet. Each message says what was expected, what was found, where, and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches


class MienError(Exception):
    """Base class: something a user can put right. Commands print it without a traceback and exit with 2."""


class ConfigError(MienError):
    """The configuration is wrong; raised once, with all problems, before any work starts."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        super().__init__(f"{head} in the configuration:\n" + "\n".join(f"  - {p}" for p in self.problems))


class DataError(MienError):
    """A data set is missing, unreadable or not laid out as expected."""


class WeightsError(MienError):
    """Weights cannot be had, or do not fit the network."""


class LabelError(MienError):
    """The labels of a data set and of a model do not match."""


class RunFolderError(MienError):
    """An output folder cannot be used: another experiment's, no space, no write right, or unfinished."""


class FolderBusyError(RunFolderError):
    """Another process works in a folder: nothing is wrong with what is there."""


class ComparisonError(MienError):
    """Runs cannot be compared: one is none, or they were not tested on the same images."""


class CacheError(MienError):
    """The cache folder cannot be written to, or has too little space."""


class DeviceError(MienError):
    """A device was asked for that this machine does not have."""


class LauncherError(MienError):
    """A sweep's launcher cannot run here: no SLURM, or a Ray cluster that does not answer."""


class SearchError(MienError):
    """A search cannot go on: its storage does not answer, its folder holds another one, or all its trials failed."""


class Pruned(MienError):  # noqa: N818 - the end of a training, not a mistake
    """A search ended a training early, since it promises less than others; its last epoch is saved."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint such as ``did you mean 'resnet18'?``, or the known names where none is near.

    Args:
        word: What the user wrote.
        known: The names that would have been right.
    """
    names = sorted(known)
    close = get_close_matches(word, names, n=2, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(name) for name in close) + "?"
    return "known: " + ", ".join(names)
