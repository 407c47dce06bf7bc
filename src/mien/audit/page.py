"""The report of an audit, as a page and as Markdown."""

from collections.abc import Iterator
from pathlib import Path

from mien.audit import sheets, tables
from mien.audit.result import AuditResult, Leak
from mien.audit.verdict import advice, verdict
from mien.report.document import Block, Code, Document, Fold, Note, Picture, Section, Table, Text
from mien.report.wording import UNDEFINED, interval, percent

NAME = "report"
_ROWS = 30


def write_page(folder: Path, result: AuditResult, root: str) -> str:
    """Write ``report.html`` and ``report.md`` into an audit's folder, where its sheets and lists are already.

    Returns:
        The verdict that opens them.
    """
    said = verdict(result)
    title = " ".join(filter(None, ("Audit of", result.dataset["name"], result.dataset["version"])))
    blocks: list[Block] = [Note(said, "conclusion"), *_todo(result, root), *_parts(result)]
    blocks += [*_leaks(result), *_worth(result), *_duplicates(folder, result), *_unreadable(result)]
    blocks += [*_outliers(folder, result), *_label_errors(folder, result), *_method(result)]
    Document(title, blocks).write(folder, NAME)
    return said


def _todo(result: AuditResult, root: str) -> Iterator[Block]:
    yield Section("What to do")
    lines = list(advice(result, root))
    yield from map(Text, lines or ["Nothing was found that needs doing."])


def _parts(result: AuditResult) -> Iterator[Block]:
    yield Section("Splits and classes")
    header = ("class", *(part.split for part in result.parts))
    rows = []
    for number, label in enumerate(result.labels):
        counts = [(part.per_class[number], part.images) for part in result.parts]
        rows.append([label, *(_share(*count) for count in counts)])
    rows.append(["**all**", *(f"**{part.images:,}**" for part in result.parts)])
    rows.append(["largest / smallest class", *(_ratio(part.imbalance) for part in result.parts)])
    rows.append(["without colour", *(percent(part.gray / max(part.images, 1)) for part in result.parts)])
    rows.append(["unreadable", *(str(part.unreadable) for part in result.parts)])
    yield Table(header, rows)
    if result.cut:
        yield Text(f"The data set has no {' and no '.join(result.cut)} part; it was cut off from train as runs do.")
    if result.dataset["name"] == "mixed":
        yield Text("A mix leaves out of train and validation what stands byte for byte in another set's test already.")


def _ratio(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.1f}"


def _leaks(result: AuditResult) -> Iterator[Block]:
    yield Section("Images of one split in another")
    header = ("", *(f"{leak.split} in {leak.into}" for leak in result.leaks))
    rows = {
        "images": [f"{leak.images:,}" for leak in result.leaks],
        "byte for byte": [_share(leak.exact, leak.images) for leak in result.leaks],
        "byte for byte, other label": [f"{leak.exact_conflicting:,}" for leak in result.leaks],
        "only nearly": [_share(leak.near, leak.images) for leak in result.leaks],
        "only nearly, other label": [f"{leak.near_conflicting:,}" for leak in result.leaks],
    }
    caption = "Other label: at least one of the exact copies has it, or the nearest of the near ones. "
    yield Table(header, [(name, *cells) for name, cells in rows.items()], caption=f"{caption}All: {tables.LEAKED}.")
    for leak in result.leaks:
        exact = [one for one in result.leaked if (one.split, one.into) == (leak.split, leak.into) and one.exact]
        if exact:
            yield Fold(f"The {len(exact):,} images of {leak.split} that stand in {leak.into}", list(_listed(exact)))


def _share(count: int, total: int) -> str:
    return f"{count:,} ({percent(count / total)})"


def _worth(result: AuditResult) -> Iterator[Block]:
    """What the copies do for the score of the models whose predictions were given."""
    found = result.label_errors
    if found is None or len(found.by_copy) < 2:
        return
    yield Section("What the copies are worth to a model", 3)
    names = {"none": "without a copy in train", "near": "with a near copy only", "exact": "with an exact copy"}
    rows = [(names[one.copy], f"{one.images:,}", percent(one.share), interval(one.ci95)) for one in found.by_copy]
    caption = (
        "Of the models whose predictions were given, which were not trained on these images, nor on their exact "
        "copies. A part of the difference may be that pictures with copies are plainer."
    )
    yield Table(("images of validation and test", "images", "right", "95 % interval"), rows, caption=caption)


def _listed(leaked: list[Leak]) -> Iterator[Block]:
    first = sorted(leaked, key=lambda leak: not leak.conflicting)[:_ROWS]
    rows = [(leak.key, leak.label, leak.exact[0], ", ".join(leak.exact_labels)) for leak in first]
    more = len(leaked) - len(first)
    caption = f"and {more:,} more in {tables.LEAKED}" if more else ""
    yield Table(("image", "label", "its copy", "label there"), rows, align="llll", caption=caption)


def _duplicates(folder: Path, result: AuditResult) -> Iterator[Block]:
    yield Section("Duplicates")
    splits = [part.split for part in result.parts]
    exact, near = result.duplicates
    rows = {
        "groups": (exact.groups, near.groups),
        "images in them": (exact.images, near.images),
        "groups across splits": (exact.across, near.across),
        "groups of several labels": (exact.conflicting, near.conflicting),
    }
    rows |= {f"spare images in {name}": (exact.within[name], near.within[name]) for name in splits}
    caption = "Spare: the images of a split beyond the first of each group. Near groups hold their exact copies too. "
    cells = [(name, *(f"{count:,}" for count in counts)) for name, counts in rows.items()]
    yield Table(("", "byte for byte", "nearly"), cells, caption=f"{caption}All: {tables.DUPLICATES}.")
    yield from _sheet(folder, sheets.EXACT, "Byte-identical images. Orange: the same picture has several labels.")
    yield from _sheet(folder, sheets.NEAR, "Near-duplicates. Orange: the group has several labels.")


def _unreadable(result: AuditResult) -> Iterator[Block]:
    if not result.unreadable:
        return
    yield Section("Unreadable images")
    rows = [(one.split or UNDEFINED, one.key, one.reason) for one in result.unreadable[:_ROWS]]
    more = len(result.unreadable) - len(rows)
    yield Table(("split", "image", "why"), rows, align="lll", caption=f"and {more:,} more" if more else "")


def _outliers(folder: Path, result: AuditResult) -> Iterator[Block]:
    yield Section("Outliers")
    if not result.outliers:
        yield Text("None: no image is constant or far from the rest in size, shape, brightness, contrast or colour.")
        return
    rows = [(reason, f"{count:,}") for reason, count in result.outliers.items()]
    yield Table(("reason", "images"), rows, caption=f"All are in {tables.OUTLIERS}.")
    yield from _sheet(folder, sheets.OUTLIERS, "Outliers, all reasons in turn, the farthest first.")


def _label_errors(folder: Path, result: AuditResult) -> Iterator[Block]:
    yield Section("Likely label errors")
    found = result.label_errors
    if found is None:
        yield Text("Not looked for: that needs a model's predictions, `predictions=<run, evaluation or sweep>`.")
        return
    share = percent(found.suspects / found.covered)
    yield Text(
        f"{found.covered:,} of {found.images:,} images have a prediction of a model that was not trained on them. It "
        f"agrees with {percent(found.agreement)} of their labels, and {found.suspects:,} ({share}) are likely errors, "
        "by confident learning. The list is only as good as the model: a weak one doubts many right labels. All: "
        f"{tables.LABEL_ERRORS}."
    )
    yield Fold("Where the predictions are from", [Text(f"`{folder}`") for folder in found.folders])
    if found.rare:
        yield Note(
            f"Fewer than ten images of {', '.join(found.rare)} are covered: nothing can be said of them.", "warning"
        )
    if found.in_train:
        yield Note(f"{found.in_train:,} predictions were left out: the model was trained on their images.", "warning")
    if found.skipped:
        yield Fold("Predictions that were left out", [Text(reason) for reason in found.skipped])
    yield from _sheet(folder, sheets.LABEL_ERRORS, "Likely label errors, the likeliest first.")


def _sheet(folder: Path, name: str, caption: str) -> Iterator[Block]:
    path = folder / "plots" / name
    if path.is_file():
        yield Picture(name, path, caption)


def _method(result: AuditResult) -> Iterator[Block]:
    yield Section("How it was found")
    yield Text(
        "**Byte for byte** means equal files, or equal pixels where images come in a table of pixels. **Nearly** means "
        f"the same photograph: 64-bit perceptual hashes (phash) that differ in {result.near} bits or fewer, upright or "
        f"mirrored, and 32 x 32 gray thumbnails that correlate by {result.likeness} or more when shifted against each "
        "other by up to a tenth of the side, or scaled by up to as much. Copies that are cut, turned or marked more "
        "than that are missed, so the count is a lower bound; another photo of the same shooting may pass. Groups join "
        "whatever such pairs connect."
    )
    yield Text(
        "**Outliers** have a robust z-score (0.6745 times the distance from the median, over the median absolute "
        "deviation) above 3.5 in size, shape, brightness or contrast, are constant (gray levels' standard deviation "
        "below 2), or belong to the less than 1 % with, or without, colour."
    )
    yield Text(
        "**The bound of a score's optimism**: with a share of leaked test images l and the accuracy a on the others, "
        "the score is at most l (1 - a) above a, if all leaked images are right."
    )
    yield Code("\n".join(filter(None, (result.command, *(f"fingerprint {one}" for one in result.fingerprints)))))
