"""What a job does, in the process that does it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path

from mien.config.evaluate import EvaluateConfig
from mien.console import set_up_logging
from mien.errors import MienError
from mien.results import RunResult
from mien.sweep.job import Job
from mien.sweep.place import use_cores
from mien.world import is_first_process

log = logging.getLogger(__name__)


def work(job: Job) -> float | None:
    """Do a job; returns what its epoch was selected by, ``None`` where nothing was selected.

    That is never a score on a test split: a search would choose by it.

    Raises:
        MienError: Anything a user can put right, or the search ends it early.
    """
    crowd = job.sweep is not None and job.config.launcher.name != "local"
    set_up_logging(job.folder / "log.txt", job.name if crowd else "")
    if not is_first_process():
        logging.getLogger("mien").setLevel(logging.WARNING)  # the first one tells
    use_cores(job.config.launcher)
    with _among_others(job.folder) if crowd else nullcontext():
        result = _told(job)
    if crowd and job.trial is None and is_first_process():
        log.info("finished, accuracy %.1f %%; more in %s", 100 * result.accuracy, job.folder / "log.txt")
    return None if result.selection is None or job.kind == "evaluate" else result.selection.value


def _told(job: Job) -> RunResult:
    """Do a job, and print its summary; a trial's scores are not told, lest somebody choose by them."""
    from mien.report.tables import print_summary

    result = _run(job)
    if job.trial is None and is_first_process():
        print_summary(result, job.folder, sorted((job.folder / "plots").glob("*.png")))
    return result


@contextmanager
def _among_others(folder: Path) -> Iterator[None]:
    """Where several jobs run at a time: progress bars would mix and tables interleave, so that the log gets them."""
    with (folder / "log.txt").open("a", encoding="utf-8") as file, redirect_stdout(file):
        yield


def watched_work(job: Job) -> float | None:
    """Do a job in a process that another one watches: what fails here is logged where the job's log is."""
    try:
        return work(job)
    except MienError:
        raise
    except Exception:
        log.exception("%s", job.name)
        raise


def _run(job: Job) -> RunResult:
    from mien.pipeline import evaluate_model, run
    from mien.scoring import Call

    call = Call(job.command, job.overrides, None if job.sweep is None else job.sweep.name, job.name)
    if isinstance(job.config, EvaluateConfig):
        return evaluate_model(job.config, job.folder, call)
    watch = None
    if job.trial is not None:
        from mien.search.pruning import watch_of

        watch = watch_of(job)
    return run(job.config, job.folder, call, watch)
