"""What all commands share: checks before Hydra, errors without tracebacks, logging."""

import logging
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.text import Text

from mien.config.load import register
from mien.config.overrides import check_command_line, quoted
from mien.errors import MienError
from mien.sweep import print_comparison, register_resolvers, sweep_overrides

CONF = Path(__file__).resolve().parents[2] / "conf"


def start(
    main: Callable[[], None], schema: type, name: str, paths: Sequence[str] = (), lists: Sequence[str] = ()
) -> None:
    """Run a Hydra main: check the command line first, and turn known errors into messages.

    Args:
        main: The function that ``@hydra.main`` decorated.
        schema: Root of its config.
        name: Name of its primary config; its schema is registered as ``<name>_schema``.
        paths: Keys whose values are paths, taken as they are typed: ``source=photo (1).jpg`` means that file.
        lists: Keys whose values are lists of such paths: ``runs=[a,b (1)]``.
    """
    sys.argv[1:] = [_listed(text) if text.split("=")[0] in lists else text for text in literal(sys.argv[1:], paths)]
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # errors reach us instead of being printed
    register(f"{name}_schema", schema, sys.argv[1:])
    register_resolvers()
    try:
        with errors_as_messages():
            check_command_line(sys.argv[1:], schema, CONF, name)
            _insert(sweep_overrides(sys.argv[1:], evaluation=name == "evaluate"))
            main()
    finally:
        print_comparison()


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """End with a message and exit code 2 where a user can put an error right, with 130 where he interrupts."""
    try:
        yield
    except (MienError, HydraException, OmegaConfBaseException) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or ''}: {error.strerror or error}; check the path, its space and your right to write")
    except KeyboardInterrupt:
        fail("interrupted; the same command continues", code=130)


def literal(arguments: Sequence[str], keys: Sequence[str]) -> list[str]:
    """A command line on which the values of some keys are quoted, so that Hydra reads no grammar into them.

    Values in quotes stay as they are, and so do sweeps, where a comma stands between values.

    Examples:
        >>> literal(["source=photo (1).jpg", "every=2"], ["source"])
        ["source='photo (1).jpg'", 'every=2']
    """
    if {"-m", "--multirun"} & set(arguments):
        return list(arguments)
    return [quoted(argument) if argument.split("=")[0] in keys else argument for argument in arguments]


def _listed(override: str) -> str:
    """A list of which Hydra reads no grammar into the items; the brackets may be left out, and items be in quotes.

    Examples:
        >>> _listed("runs=[a,br[1]]"), _listed("runs=a")
        ("runs=['a','br[1]']", "runs=['a']")
    """
    key, equals, value = override.partition("=")
    inner = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    items = re.findall(r"""\s*('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^,]+)""", inner)
    return f"{key}{equals}[{','.join(quoted(f'={item.strip()}')[1:] for item in items)}]"


def _insert(overrides: list[str]) -> None:
    """Add overrides to the command line, beside those that are there: argparse wants them all in one place."""
    first = next((n for n, argument in enumerate(sys.argv) if n > 0 and _is_override(argument)), len(sys.argv))
    sys.argv[first:first] = overrides


def _is_override(argument: str) -> bool:
    return "=" in argument and not argument.startswith("-")


def fail(message: str, code: int = 2) -> None:
    """Print an error and exit."""
    Console(stderr=True, soft_wrap=True).print(Text.assemble(("error: ", "bold red"), message))
    sys.exit(code)


def command_line() -> str:
    """The command as the user could type it again."""
    typed = sys.orig_argv[sys.orig_argv.index(sys.argv[0]) + 1 :] if sys.argv[0] in sys.orig_argv else sys.argv[1:]
    return shlex.join(["python", Path(sys.argv[0]).name, *typed])


def set_up_logging(file: Path) -> None:
    """One line an event on stderr and in a file: mien's own from INFO on, everybody else's from WARNING on."""
    handlers: list[logging.Handler] = [_Stderr(), logging.FileHandler(file, delay=True)]
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=handlers, force=True
    )
    logging.getLogger("mien").setLevel(logging.INFO)
    logging.captureWarnings(True)


class _Stderr(logging.Handler):
    """Writes to what ``sys.stderr`` is at the time, so that lines appear above a progress bar that stands there."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        sys.stderr.write(self.format(record) + "\n")
        sys.stderr.flush()
