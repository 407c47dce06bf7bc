"""The schema of ``experiments/<study>/published.yaml``: the fields of these classes are the keys of the file."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Quantity:
    """One number of a study, and where a run has it.

    Attributes:
        name: What it is, such as ``test accuracy``.
        measure: Where a run has it (:mod:`mien.reproduction.measures`); ``None``: nothing here does, see ``why``.
        printed: The published value as printed, digits and all: they say how far it was rounded. ``None``: nothing
            was published.
        unit: ``%``, where the measured fraction is multiplied by 100, or nothing.
        better: higher, lower, or neither.
        scale: The measured value is multiplied by this before it is compared.
        goal: A value that this project wants to reach, in the same unit; instead of ``printed`` or beside it.
        why: Why it cannot be measured.
        reference: Why the published value is not judged (another cut of the data): it is then shown beside the measured
            one, without a verdict. Empty: it is judged.
        note: Shown with the number.
        assumed: What had to be assumed to measure it.
    """

    name: str
    measure: str | None
    printed: str | None = None
    unit: str = ""
    better: str = "higher"
    scale: float = 1.0
    goal: str | None = None
    why: str = ""
    reference: str = ""
    note: str = ""
    assumed: str = ""


@dataclass(frozen=True)
class Part:
    """One model of a study: a recipe, and what was published of it. The first quantity is its headline.

    Attributes:
        title: A line for readers.
        preset: The preset under ``experiments/``, such as ``fecnn/resnet18``; ``None``: the overrides are all.
        overrides: As on the command line of ``train.py``; ``{data}`` stands for the folder of the data sets.
        seeds: A run each.
        cost: What a run takes, in words.
        protocol: How the study measured, as it says.
        needs: Data and weights, in words.
        reference: Why no published value is judged here (an ablation, another protocol): values are then shown beside
            the measured ones, without a verdict. Empty: they are judged.
        fingerprint: The data set's; a run on other data then gets no verdict. Empty: any.
        counts: Number of images of the splits ``train``, ``validation`` and ``test``, of those that are named; a run on
            other data then gets no verdict. For data of which several copies are the same (a CSV and folders).
        quantities: What was published.
        curves: Published values of the first epochs, by column of ``metrics.csv``, accuracies in per cent, as printed.
            They are shown, not judged.
    """

    title: str
    quantities: tuple[Quantity, ...]
    preset: str | None = None
    overrides: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    cost: str = ""
    protocol: str = ""
    needs: str = ""
    reference: str = ""
    fingerprint: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    curves: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """A published study.

    Attributes:
        title: Its name.
        source: Where its numbers stand.
        about: What it did, in a paragraph.
        parts: Its models, by name.
        deviations: What is done otherwise here than in the study.
        assumed: What the study does not say, and what was taken instead.
        notes: What else a reader should know.
    """

    title: str
    source: str
    about: str
    parts: dict[str, Part]
    deviations: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
