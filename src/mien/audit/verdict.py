"""What an audit says in sentences: the verdict that opens the report, and what to do."""

from collections.abc import Iterator

from mien.audit.result import AuditResult, LeakCounts
from mien.report.wording import points

ASSUMED = 0.8
"""Accuracy on clean images for which the bound of a score's optimism is worked out as an example."""


def verdict(result: AuditResult) -> str:
    """One or two sentences on whether scores on this data set can be trusted."""
    leak = next((leak for leak in result.leaks if (leak.split, leak.into) == ("test", "train")), None)
    if leak is None:
        return f"There is no train part, so nothing leaks from test into it; the splits are {_splits(result)}."
    if not leak.exact and not leak.near:
        return f"None of {leak.images:,} test images stands in train, neither byte for byte nor nearly."
    if not leak.near:
        return f"{_exact(leak)} {_bound(leak.images, leak.exact)}"
    if not leak.exact:
        return f"No test image stands in train byte for byte, but {_near(leak)}. {_bound(leak.images, leak.near)}"
    return f"{_exact(leak)} {_bound(leak.images, leak.exact)} Besides, {_near(leak)}. {_with_near(leak)}"


def _exact(leak: LeakCounts) -> str:
    verb, there = ("stands", "it") if leak.exact == 1 else ("stand", "them")
    return (
        f"{leak.exact:,} of {leak.images:,} {leak.split} images {verb} in {leak.into} byte for byte, "
        f"{leak.exact_conflicting:,} of {there} under another label."
    )


def _near(leak: LeakCounts) -> str:
    verb, there = ("has", "it") if leak.near == 1 else ("have", "them")
    return (
        f"{leak.near:,} of {leak.images:,} {verb} no such copy there but a near one, "
        f"{leak.near_conflicting:,} of {there} under another label"
    )


def optimism(images: int, leaked: int, accuracy: float) -> float:
    """The most by which a test score can exceed the score on the clean images alone.

    The score is ``(accuracy (images - leaked) + right) / images``, and at most all leaked images are right.

    Args:
        images: Number of test images.
        leaked: Those of them that stand in train too.
        accuracy: On the others, 0..1.

    Returns:
        A difference of fractions.
    """
    return leaked / images * (1 - accuracy)


def _bound(images: int, leaked: int) -> str:
    worst, example = optimism(images, leaked, 0), optimism(images, leaked, ASSUMED)
    return (
        f"A score on this test set is optimistic by at most {points(worst)}, and by at most {points(example)} for a "
        f"model that is right on {100 * ASSUMED:.0f} % of the clean images."
    )


def _with_near(leak: LeakCounts) -> str:
    example = optimism(leak.images, leak.exact + leak.near, ASSUMED)
    return f"With these the bound for such a model is {points(example)}."


def _splits(result: AuditResult) -> str:
    return ", ".join(part.split for part in result.parts)


def advice(result: AuditResult, root: str) -> Iterator[str]:
    """What to do, one sentence or two each.

    Args:
        result: The audit.
        root: ``dataset.root`` as typed, for the command; ``""`` where there is none.
    """
    exact = sum(leak.exact for leak in result.leaks)
    near = sum(leak.near for leak in result.leaks)
    if exact:
        yield (
            "**Report the score without the leaked images too.** Every run of mien does so: `test.leak_free` in its "
            "`results.json` leaves out what stands in train byte for byte, and nothing else."
        )
    if result.clean is not None and (exact or near):
        sizes = {part.split: part.images for part in result.parts}
        left = ", ".join(f"{split} {count:,} of {sizes[split]:,} images" for split, count in result.clean.items())
        yield (
            f"**Or train without the copies.** `clean.csv` is the data set without them ({left}): what has a copy in "
            "test, exact or near, has left validation and train. Use it by `dataset=table "
            f"dataset.root={root} dataset.table.file=<this folder's absolute path>/clean.csv "
            "dataset.table.split=split`. Numbers on it are not comparable with published ones, whose models had the "
            "copies."
        )
    elif near:
        yield "**Leave the near-duplicates out of train**, or say that they are in it; `leaked.csv` names them."
    if any(kind.conflicting for kind in result.duplicates):
        yield (
            "**Look at the groups of several labels.** The same picture cannot be learned as two expressions: of each "
            "such group at most one label is right, or the expression is mixed. `duplicates.csv` has them, column "
            "`conflicting`. mien changes no label."
        )
    if result.unreadable:
        yield "**Mend or remove the files that cannot be read**, or train with `dataset.on_bad_image=skip`."
    if any(part.imbalance is None or part.imbalance >= 2 for part in result.parts):
        yield (
            "**Report macro recall beside accuracy**, as mien does: the classes are unbalanced, and accuracy follows "
            "the large ones. `loss.class_weights=balanced` is worth a try, chosen on validation."
        )
    if result.label_errors is not None and result.label_errors.suspects:
        yield (
            "**Look at the likely label errors before you correct any.** A model's doubt is no proof: the list has "
            "ambiguous faces and the model's own errors in it. Corrected test labels make scores incomparable."
        )
