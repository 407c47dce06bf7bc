"""The tables of ``reproduce.py`` in the terminal: verdicts, the status of all runs, and what there is to run."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mien.report.tables import empty_table
from mien.report.wording import UNDEFINED
from mien.reproduction.records import FINISHED, RunRecord
from mien.reproduction.rows import Row, headline_of
from mien.reproduction.schema import Part, Study
from mien.reproduction.verdicts import NONE


def verdict_table(title: str, rows: Sequence[Row]) -> RenderableType:
    """Published and measured, with the verdicts; under the table, once each, the reasons."""
    table = empty_table(title, ("", "published", "measured", "95 % interval", "verdict"))
    table.columns[0].overflow = "fold"
    table.columns[-1].justify, table.columns[-1].no_wrap = "left", False
    reasons: dict[str, None] = {}
    part = ""
    for row in rows:
        if row.part != part:
            part, seeds = row.part, max(each.seeds for each in rows if each.part == row.part)
            table.add_section()
            table.add_row(Text(f"{part} ({seeds} seeds)" if seeds > 1 else part, style="bold"))
        verdict = row.short(row.verdict.why)
        table.add_row(Text(row.quantity.name), row.published, row.value, row.interval, verdict)
        if row.verdict.why:
            word = "no verdict" if row.verdict.word == NONE else row.verdict.word
            reasons.setdefault(f"{row.part}: {word}: {row.verdict.why}")
    return Group(table, *map(Text, reasons))


def status_table(title: str, parts: dict[str, Part], records: Sequence[RunRecord]) -> Table:
    """Every run with its headline, or what keeps it from one."""
    table = empty_table(title, ("part", "seed", "headline", "status"))
    table.columns[0].no_wrap = True
    table.columns[-1].justify, table.columns[-1].no_wrap = "left", False
    for name, part in parts.items():
        for record in (record for record in records if record.part == name):
            value = UNDEFINED if record.status != FINISHED else headline_of(name, part, [record]).value
            status = f"{record.status}: {record.why}" if record.why else record.status
            table.add_row(Text(name), str(record.seed), value, Text(status))
    return table


def list_lines(studies: Mapping[str, Study | str]) -> RenderableType:
    """All studies and parts, a line each, with what they need and cost below; of a broken study, what is wrong."""
    lines: list[RenderableType] = []
    for name, study in studies.items():
        lines.append(Text.assemble("\n", (name, "bold"), "  ", study.title if isinstance(study, Study) else "broken"))
        if isinstance(study, str):
            lines.append(Padding(Text(study), (0, 0, 0, 2)))
            continue
        for part_name, part in study.parts.items():
            lines.append(Text(f"  {name}/{part_name}", no_wrap=True, overflow="ignore"))
            seeds = f"{len(part.seeds)} seeds" if len(part.seeds) > 1 else ""
            facts = "; ".join(filter(None, (f"needs {part.needs}" if part.needs else "", part.cost, seeds)))
            lines.append(Padding(Text(facts, style="dim"), (0, 0, 0, 6)))
    return Group(*lines)
