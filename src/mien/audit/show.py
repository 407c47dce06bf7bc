"""What ``audit.py`` prints."""

import os

from rich.console import Console
from rich.table import Table

from mien.audit.page import NAME
from mien.audit.result import AuditResult
from mien.audit.run import Audit


def print_audit(audit: Audit) -> None:
    """Print the verdict, the counts and where the report is."""
    console = Console(soft_wrap=True)
    result = audit.result
    table = Table("finding", "images", title=" ".join(filter(None, result.dataset.values())))
    table.columns[1].justify = "right"
    for finding, count in findings(result):
        table.add_row(finding, f"{count:,}")
    console.print(table)
    console.print(audit.verdict, style="bold", highlight=False)
    console.print(os.path.relpath(audit.folder / f"{NAME}.html"), highlight=False)


def findings(result: AuditResult) -> list[tuple[str, int]]:
    """What was found, and how much of it."""
    rows = [("unreadable", len(result.unreadable))]
    for leak in result.leaks:
        rows.append((f"{leak.split} also in {leak.into}, byte for byte", leak.exact))
        rows.append((f"{leak.split} also in {leak.into}, only nearly", leak.near))
    rows += [(f"in groups of {counts.kind} duplicates", counts.images) for counts in result.duplicates]
    rows += [(f"outliers: {reason}", count) for reason, count in result.outliers.items()]
    if result.label_errors is not None:
        rows.append(("likely label errors", result.label_errors.suspects))
    return rows
