"""What all commands share: checks before Hydra, errors without tracebacks, and how they end."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf.errors import OmegaConfBaseException

from mien.config.load import register
from mien.config.overrides import check_command_line, is_override, quoted, readable
from mien.console import fail
from mien.errors import MienError
from mien.processes import WorkFailed
from mien.sweep import sweep_overrides
from mien.sweep.callback import SweepRefused
from mien.sweep.ending import end_sweep
from mien.sweep.launchers import lost, missing_extra

CONF = Path(__file__).resolve().parents[2] / "conf"
_ONCE = ("compare", "ensemble")
"""Commands that have no sweeps."""


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
    sys.argv[1:] = [
        _listed(text) if text.split("=")[0] in lists else readable(text) for text in literal(sys.argv[1:], paths)
    ]
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # errors reach us instead of being printed
    register(f"{name}_schema", schema, sys.argv[1:])
    try:
        with errors_as_messages():
            check_command_line(sys.argv[1:], schema, CONF, name)
            _check_flags(sys.argv[1:], name)
            sys.argv[1:] = _arranged(sys.argv[1:], sweep_overrides(sys.argv[1:], name))
            main()
    finally:
        code = end_sweep()
    if code:
        sys.exit(code)


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """End with a message and exit code 2 where a user can put an error right, with 130 where he interrupts.

    The code is 1 where work in another process ended by any other error, or died.
    """
    try:
        yield
    except WorkFailed as error:
        fail(str(error), code=2 if error.kind == "MienError" else 1)
    except MissingConfigException as error:
        fail(missing_extra(error) or str(error))
    except (MienError, HydraException, OmegaConfBaseException, SweepRefused) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or ''}: {error.strerror or error}; check the path, its space and your right to write")
    except KeyboardInterrupt:
        fail("interrupted; the same command continues", code=130)
    except Exception as error:
        told = lost(error)
        if told is None:
            raise
        fail(told, code=1)


@contextmanager
def told_once() -> Iterator[None]:
    """Around the work of a Hydra main: what fails in a single run is told here, before Hydra adds a line of its own."""
    with errors_as_messages() if HydraConfig.get().mode == RunMode.RUN else nullcontext():
        yield


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


def _check_flags(arguments: Sequence[str], name: str) -> None:
    """Raises MienError where the config of a whole sweep is asked for, or a sweep of what is done once."""
    shown = [flag for text in arguments if (flag := text.split("=")[0]) in ("--cfg", "-c", "--info", "-i")]
    sweep = sorted({"-m", "--multirun"} & set(arguments))
    if shown and sweep:
        raise MienError(f"{shown[0]} shows one job; leave -m out, and pass one value a key")
    if sweep and name in _ONCE:
        raise MienError(f"{name}.py takes its runs together; leave {sweep[0]} out")


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


def _arranged(arguments: Sequence[str], added: Sequence[str]) -> list[str]:
    """A command line with more overrides, and all of them in front of the flags: argparse wants them in one place.

    Examples:
        >>> _arranged(["seed=0,1", "-m", "launcher=ray", "--cfg", "job"], ["output=x"])
        ['seed=0,1', 'launcher=ray', 'output=x', '-m', '--cfg', 'job']
    """
    flags = [argument for argument in arguments if not is_override(argument)]
    return [*filter(is_override, arguments), *added, *flags]
