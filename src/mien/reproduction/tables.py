"""The tables of ``reproduce.py`` in the terminal: verdicts, the status of all runs, and what there is to run."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mien.report.tables import empty_table
from mien.report.wording import UNDEFINED
from mien.reproduction.records import FINISHED, RunRecord
from mien.reproduction.rows import Row, rows_of
from mien.reproduction.schema import Part, Study
from mien.reproduction.verdicts import NOT_RUN


def verdict_table(title: str, rows: Sequence[Row]) -> RenderableType:
    """Published and measured, with the verdicts; under the table, once each, why something was not run."""
    table = empty_table(title, ("", "published", "measured", "95 % interval", "verdict"))
    table.columns[0].overflow = "fold"
    table.columns[-1].justify = "left"
    reasons: dict[str, list[str]] = {}
    part = ""
    for row in rows:
        if row.part != part:
            table.add_section()
            table.add_row(Text(row.part, style="bold"))
            part = row.part
        verdict = NOT_RUN if row.verdict == NOT_RUN else row.words
        table.add_row(Text(row.quantity.name), row.published, row.measured, row.interval, verdict)
        if row.verdict == NOT_RUN and row.why not in reasons.setdefault(row.part, []):
            reasons[row.part].append(row.why)
    lines = [Text(f"{name}: not run: {why}") for name, texts in reasons.items() for why in texts]
    return Group(table, *lines)


def status_table(title: str, parts: dict[str, Part], records: Sequence[RunRecord]) -> Table:
    """Every run with its headline, or what keeps it from one."""
    table = empty_table(title, ("part", "seed", "headline", "status"))
    table.columns[0].overflow = "fold"
    table.columns[-1].justify, table.columns[-1].no_wrap = "left", False
    for name, part in parts.items():
        for record in (record for record in records if record.part == name):
            row = rows_of(name, part, [record])[0]
            value = UNDEFINED if record.status != FINISHED else row.measured
            status = f"{record.status}: {record.why}" if record.why else record.status
            table.add_row(Text(name), str(record.seed), value, Text(status))
    return table


def list_table(studies: dict[str, Study]) -> Table:
    """All studies and parts with what they need and cost."""
    table = empty_table("Studies", ("study, part", "seeds", "needs", "cost"))
    table.columns[0].overflow = "fold"
    for column in table.columns[2:]:
        column.justify, column.no_wrap = "left", False
    for name, study in studies.items():
        table.add_section()
        table.add_row(Text(name, style="bold"), "", Text(study.title))
        for part_name, part in study.parts.items():
            table.add_row(Text(f"  {part_name}"), str(len(part.seeds)), Text(part.needs), Text(part.cost))
    return table
