"""``python -m mien.sweep status outputs/sweeps/<name>``: how a sweep stands, live while it runs."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from mien.console import fail
from mien.errors import MienError
from mien.sweep.table import in_terminal, show


def main(arguments: list[str]) -> None:
    """Show how a sweep stands."""
    parser = ArgumentParser(prog="python -m mien.sweep", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    status = commands.add_parser("status", help="its jobs: running, finished, failed, queued")
    status.add_argument("folder", type=Path, help="the folder of a sweep, or of a run")
    status.add_argument("--once", action="store_true", help="print it once, also where a job runs")
    asked = parser.parse_args(arguments)
    try:
        show(asked.folder, live=in_terminal() and not asked.once)
    except MienError as error:
        fail(str(error))
    except KeyboardInterrupt:  # the way to leave a live table
        return


if __name__ == "__main__":
    main(sys.argv[1:])
