"""What must be said beside a score: which images it was chosen on, and how it stands without the leaked ones."""

from mien.report.wording import percent
from mien.results import LeakFreeScore, RunResult


def chosen_on_reported(run: RunResult) -> str:
    """That the model was chosen on the very split that is reported; ``""`` where it was not.

    A model that is scored on other data than its own was not chosen on them, whatever their split is called.
    """
    split, own = run.protocol["report"], run.own_data
    if own is None:
        own = run.trained_on in ("", run.dataset["name"])
    if run.protocol["selection"] != split or not own:
        return ""
    return f"chosen on the {split} split, which is reported: its scores are too high"


def looked_at(run: RunResult) -> str:
    """That the reported split was scored after every epoch, not once; ``""`` where it was not."""
    watched = run.protocol.get("report_curve", False)  # older runs do not have it
    return f"the {run.protocol['report']} split, which is reported, was scored after every epoch too" if watched else ""


def not_compared(run: RunResult) -> str:
    """Which images the model saw that the search for leaked ones did not compare with; ``""`` where there are none."""
    unseen = []
    if run.own_data is False:
        unseen.append(f"what the model was trained on ({run.trained_on})")
    files = [name.rsplit("/", 1)[-1] for name in run.weights.split(", ") if name not in ("", "none", "imagenet")]
    if files:
        unseen.append(f"what its first weights ({', '.join(files)}) were trained on")
    return f"Not compared: {' and '.join(unseen)}." if unseen else ""


def seed_words(run: RunResult) -> str:
    """The seed of a run; each member of an ensemble has its own."""
    return "each member's own" if run.members else str(run.seed)


def without_leaked(score: LeakFreeScore) -> str:
    """The accuracy without the leaked images: ``without the 35 leaked images: 83.9 % of 1,665``."""
    return f"without the {_images(score.leaked, 'leaked ')}: {percent(score.accuracy)} of {score.n:,}"


def without_copied(score: LeakFreeScore) -> str:
    """The same without near copies too: ``without the 682 images with a copy in train: 79.9 % of 1,018``."""
    return f"without the {_images(score.leaked)} with a copy in train: {percent(score.accuracy)} of {score.n:,}"


def _images(count: int, kind: str = "") -> str:
    return f"{count:,} {kind}image{'' if count == 1 else 's'}"
