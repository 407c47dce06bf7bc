"""Running recipes one after the other: what cannot run says why, and does not stop the others."""

import logging
from collections.abc import Callable
from pathlib import Path

from mien.errors import ConfigError, DataError, DeviceError, FolderBusyError, MienError, WeightsError
from mien.files import write_json
from mien.reproduction.recipes import Plan, Recipe
from mien.reproduction.records import FAILED, FINISHED, NOT_RUN, UNFINISHED, without_paths
from mien.results import RESULTS_FILE

log = logging.getLogger(__name__)

SHARED = (ConfigError, DataError, WeightsError, DeviceError)
"""What keeps one seed of a part from running keeps the others too."""


def run_all(plan: Plan, log_to: Callable[[Path], None]) -> list[str]:
    """Run every recipe of a plan, in this process; finished runs are skipped, interrupted ones go on.

    Where data or weights cannot be had for one seed of a part, the others are not tried.

    Args:
        plan: What to run.
        log_to: Sends the log to a file too: to the run's while it runs, else to the study's.

    Returns:
        One status a recipe: finished, not run, failed, or unfinished where another process works on it.

    Raises:
        KeyboardInterrupt: The same call continues.
    """
    statuses: list[str] = []
    stopped: dict[str, str] = {}
    for number, recipe in enumerate(plan.recipes, 1):
        if recipe.name in stopped:
            status, why = NOT_RUN, stopped[recipe.name]
        else:
            recipe.folder.mkdir(parents=True, exist_ok=True)
            log_to(plan.folder / "log.txt")
            log.info("%s, seed %d: run %d of %d", recipe.name, recipe.seed, number, len(plan.recipes))
            log_to(recipe.folder / "log.txt")
            status, why = _run(recipe, stopped)
            log_to(plan.folder / "log.txt")
        if recipe.name in stopped and (recipe.folder / RESULTS_FILE).is_file():
            status = FINISHED  # such a run needs nothing any more
        statuses.append(status)
        if status == FINISHED:
            recipe.note.unlink(missing_ok=True)
        else:
            log.warning("%s, seed %d: %s: %s", recipe.name, recipe.seed, status, without_paths(why))
        if status in (NOT_RUN, FAILED):
            write_json(recipe.note, {"status": status, "why": why})
    return statuses


def _run(recipe: Recipe, stopped: dict[str, str]) -> tuple[str, str]:
    """One run: its status, and why it is not finished; what all seeds share goes into ``stopped``, by the part."""
    from mien.pipeline import run
    from mien.scoring import Call

    try:
        run(recipe.config, recipe.folder, Call(recipe.command, recipe.overrides))
    except SHARED as error:
        stopped[recipe.name] = first_line(error)
        return NOT_RUN, stopped[recipe.name]
    except FolderBusyError:  # it will have a result, or say itself why not
        return UNFINISHED, "another process works on it"
    except MienError as error:
        return NOT_RUN, first_line(error)
    except Exception as error:
        log.exception("%s, seed %d failed", recipe.name, recipe.seed)
        return FAILED, f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[-1]}"
    return FINISHED, ""


def first_line(error: MienError) -> str:
    """What is wrong, in one line."""
    return (error.problems[0] if isinstance(error, ConfigError) else str(error)).strip().splitlines()[0]
