"""What a user sees when a recognition ends."""

from collections import Counter
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from mien.data.layout import listed
from mien.recognition.run import Outcome
from mien.recognition.sources import ANNOTATED
from mien.recognition.table import Done
from mien.report.tables import empty_table, whole_lines


def print_summary(outcome: Outcome, console: Console | None = None) -> None:
    """Print the faces of each class, what could not be read, and where everything lies; paths stay whole."""
    (console or Console()).print(summary(outcome), crop=False)


def summary(outcome: Outcome) -> RenderableType:
    """As a table and some lines."""
    parts: list[RenderableType] = ["", _class_table(outcome)]
    if outcome.problems:
        parts += ["", Text(f"{_count(len(outcome.problems), 'problem')}", style="bold")]
        parts += [whole_lines(listed(outcome.problems).splitlines())]
    folder = outcome.folder / ANNOTATED
    paths = [f"  {path}" for path in (outcome.table, folder) if path.exists()]
    return Group(*parts, "", Text("Results", style="bold"), whole_lines(paths), "")


def _class_table(outcome: Outcome) -> Table:
    """Faces of each class, in photos and in the frames of videos."""
    photos = [entry for entry in outcome.done if not entry.film]
    films = [entry for entry in outcome.done if entry.film]
    shown = {"faces in photos": _faces(photos)} if photos or not films else {}
    shown |= {"in frames of video": _faces(films)} if films else {}
    table = empty_table(_title(outcome), ("class", *shown))
    for name in outcome.labels:
        table.add_row(Text(name), *(f"{counts[name]:,}" for counts in shown.values()))
    table.add_section()
    table.add_row("all", *(f"{counts.total():,}" for counts in shown.values()))
    table.caption = _caption(outcome, photos)
    return table


def _title(outcome: Outcome) -> str:
    title = f"Recognized {_count(len(outcome.done), 'file')}"
    return title + (f", {outcome.before:,} of them before" if outcome.before else "")


def _caption(outcome: Outcome, photos: list[Done]) -> str:
    empty = sum(not entry.faces for entry in photos)
    lines = [f"no face found in {_count(empty, 'photo')}"] if empty else []
    lines += [f"{_count(outcome.ignored, 'other file')} ignored: neither photo nor video"] if outcome.ignored else []
    return "\n".join(lines)


def _faces(entries: Iterable[Done]) -> Counter[str]:
    total: Counter[str] = Counter()
    for entry in entries:
        total.update(entry.faces)
    return total


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("s" if number != 1 else "")
