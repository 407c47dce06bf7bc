"""What must be said beside a score: which images it was chosen on, and how it stands without the leaked ones."""

from mien.report.wording import percent
from mien.results import LeakFreeScore, RunResult


def chosen_on_reported(run: RunResult) -> str:
    """That the model was chosen on the very split that is reported; ``""`` where it was not.

    A model that is scored on other data than its own was not chosen on them, whatever their split is called.
    """
    split, other_data = run.protocol["report"], run.trained_on not in ("", run.dataset["name"])
    if run.protocol["selection"] != split or other_data:
        return ""
    return f"chosen on the {split} split, which is reported: its scores are too high"


def without_leaked(score: LeakFreeScore) -> str:
    """The accuracy without the leaked images: ``without the 35 leaked images: 83.9 % of 1,665``."""
    return f"without the {_images(score.leaked, 'leaked ')}: {percent(score.accuracy)} of {score.n:,}"


def without_copied(score: LeakFreeScore) -> str:
    """The same without near copies too: ``without the 682 images with a copy in train: 79.9 % of 1,018``."""
    return f"without the {_images(score.leaked)} with a copy in train: {percent(score.accuracy)} of {score.n:,}"


def _images(count: int, kind: str = "") -> str:
    return f"{count:,} {kind}image{'' if count == 1 else 's'}"
