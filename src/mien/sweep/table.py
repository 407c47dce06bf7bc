"""The table of a sweep's jobs, for a terminal of 80 columns."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import sleep

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mien.report.wording import UNDEFINED, duration, percent
from mien.sweep.ledger import FAILED, FINISHED, INTERRUPTED, PRUNED, QUEUED, RUNNING
from mien.sweep.status import Row, Status, status_of

_ORDER = (RUNNING, FAILED, INTERRUPTED, QUEUED, PRUNED, FINISHED)
"""What one wants to see first."""
_STYLES = {RUNNING: "cyan", FAILED: "red", INTERRUPTED: "yellow", QUEUED: "dim", PRUNED: "dim", FINISHED: "green"}
_AROUND = 9
"""Lines beside the rows: header, head of the table, what is left out."""


def show(folder: Path, live: bool, seconds: float = 1.0) -> None:
    """Print how a sweep stands; again and again while a process works on it, where ``live``.

    Raises:
        RunFolderError: The folder is neither a sweep's nor a run's.
    """
    console, status = Console(), status_of(folder)
    if live and status.active:
        with Live(console=console, auto_refresh=False) as screen:
            while status.active:
                screen.update(picture(status, rows=max(console.height - _AROUND, 3)), refresh=True)
                sleep(seconds)
                status = status_of(folder)
            screen.update("", refresh=True)
    console.print(picture(status))


def picture(status: Status, rows: int | None = None) -> Group:
    """Header, table, and the errors below it.

    Args:
        status: The sweep.
        rows: Jobs and errors that there is room for; ``None``: all.
    """
    by_state = sorted(status.rows, key=lambda row: _ORDER.index(row.state))
    failed = [row for row in by_state if row.state == FAILED and row.error]
    errors = failed if rows is None else failed[: rows // 3]
    shown = by_state if rows is None else by_state[: rows - len(errors)]
    cut = len(by_state) - len(shown)
    more = [Text(f"and {cut} more", "dim")] if cut else []
    return Group(
        _header(status),
        _table(shown, _selected_by(status.rows)),
        *more,
        *(Text(f"{row.name}: {row.error}", "red", overflow="fold") for row in errors),
    )


def _header(status: Status) -> Text:
    states = [row.state for row in status.rows]
    found = [f"{states.count(state)} {state}" for state in reversed(_ORDER) if state in states]
    count = "1 job" if len(states) == 1 else f"{len(states)} jobs"
    left = status.left()
    rest = "" if left is None else f"\nabout {duration(left)} left"
    return Text(f"{os.path.relpath(status.folder)}\n{count}: {', '.join(found)}{rest}", overflow="fold")


def _selected_by(rows: Sequence[Row]) -> str:
    """The head of the column of what epochs were selected by, in two lines where that is the same for all jobs."""
    kinds = {(row.split, row.monitor) for row in rows if row.split is not None and row.monitor is not None}
    if len(kinds) != 1:
        return "selected"
    ((split, monitor),) = kinds
    return f"{'val' if split == 'validation' else split}\n{monitor.replace('_', ' ')}"


def _table(rows: Sequence[Row], selected_by: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("job", overflow="fold", ratio=1)
    for name in ("state", "epoch", "s/epoch", "left", selected_by, "test"):
        table.add_column(name, justify="left" if name == "state" else "right", no_wrap=True)
    for row in rows:
        table.add_row(Text(row.name), Text(row.state, _STYLES[row.state]), *_cells(row))
    return table


def _cells(row: Row) -> list[str]:
    of = UNDEFINED if row.epoch is None else f"{row.epoch}/{row.epochs}"
    rate = UNDEFINED if row.rate is None else f"{row.rate:.1f}"
    left = UNDEFINED if row.left is None else duration(row.left)
    loss = row.monitor == "loss" and row.selected is not None
    selected = f"{row.selected:.3f}" if loss else percent(row.selected)
    return [of, rate, left, selected, percent(row.test)]


def in_terminal() -> bool:
    """Whether a table can be renewed in place."""
    return sys.stdout.isatty()
