"""Published studies, run again and judged: ``python reproduce.py fecnn``; ``--list`` shows what there is."""

import sys

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from mien.cli import CONF, fail, set_up_logging
from mien.errors import MienError
from mien.reproduction.command import main

if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], CONF.parent / "experiments", CONF, set_up_logging))
    except (MienError, HydraException, OmegaConfBaseException) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or ''}: {error.strerror or error}; check the path, its space and your right to write")
    except KeyboardInterrupt:
        fail("interrupted; the same command continues", code=130)
