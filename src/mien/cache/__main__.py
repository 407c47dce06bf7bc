"""``python -m mien.cache list``: what lies in the cache; ``python -m mien.cache clear``: remove it."""

import argparse
import time
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from mien.cache.listing import Listed, clear, entries
from mien.cache.store import automatic_folder


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line, list or clear."""
    parser = argparse.ArgumentParser(prog="python -m mien.cache", description="Decoded images and features on disk.")
    parser.add_argument("command", choices=("list", "clear"))
    parser.add_argument("--folder", type=Path, default=automatic_folder(), help="default: %(default)s")
    parser.add_argument("--unused", type=float, default=0.0, metavar="DAYS", help="clear: only what was not used since")
    options = parser.parse_args(arguments)
    console = Console(markup=False, emoji=False)  # a folder's name may look like markup
    if options.command == "clear":
        removed = clear(options.folder, options.unused)
        console.print(f"removed {len(removed)} arrays, {decimal(_total(removed))}, from {options.folder}")
        return
    found = entries(options.folder)
    table = Table("what", "size", "last used", "key", title=str(options.folder))
    for entry in found:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        table.add_row(entry.about, decimal(entry.nbytes), used, entry.key[:8])
    console.print(table)
    console.print(f"{len(found)} arrays, {decimal(_total(found))}")


def _total(listed: list[Listed]) -> int:
    return sum(entry.nbytes for entry in listed)


if __name__ == "__main__":
    main()
