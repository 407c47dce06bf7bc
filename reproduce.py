"""Published studies, run again and judged: ``python reproduce.py fecnn``; ``--list`` shows what there is."""

import sys

from mien.cli import CONF, errors_as_messages
from mien.console import set_up_logging
from mien.reproduction.command import main

if __name__ == "__main__":
    with errors_as_messages():
        sys.exit(main(sys.argv[1:], CONF.parent / "experiments", CONF, set_up_logging))
