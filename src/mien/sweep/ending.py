"""The end of a sweep: its comparison, and what became of its jobs."""

import logging
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mien.config.schema import LoggerConfig
from mien.console import set_up_logging, tell
from mien.sweep.callback import Begun, Sweep
from mien.sweep.ledger import FAILED, FINISHED, INTERRUPTED, QUEUED, RUNNING, Entry, entries, read_note, state_of

log = logging.getLogger(__name__)
_SHOWN = 20


def end_sweep() -> int:
    """Compare and sum up the sweep that this process ran, if any; called when it ends, well or not.

    The trials of a search are not compared: that would be by their test scores, and one of them would be chosen by it.

    Returns:
        1 where a job has failed or was left undone, else 0.
    """
    sweep, Sweep.begun = Sweep.begun, None
    if sweep is None:
        return 0
    set_up_logging(Path(os.devnull))  # no longer into the last job's file
    try:
        if sweep.search:
            _send_search(sweep.folder, sweep.logger)
        elif any(state_of(entry.folder) == FINISHED for entry in entries(sweep.folder)):
            compare(sweep.folder, sweep.logger)
        return _sum_up(_jobs_of(sweep))
    finally:
        if sweep.lock is not None:
            sweep.lock.release()


def compare(folder: Path, logger: LoggerConfig) -> None:
    """Compare the jobs of a sweep. What goes wrong is only logged: a comparison can be made again at any time."""
    try:
        from mien.comparison.jobs import sweep_folders
        from mien.comparison.terminal import print_comparison
        from mien.comparison.write import compare_sweep

        comparison, paths = compare_sweep(folder, sweep_folders(folder))
        print_comparison(comparison, paths)
        if logger.wandb:
            from mien.loggers.summary import sweep_summary

            sweep_summary(logger, folder, comparison)
    except (Exception, KeyboardInterrupt) as error:
        told = isinstance(error, Exception)
        log.warning("the sweep could not be compared; try python compare.py sweep=%s", folder, exc_info=told)


def _send_search(folder: Path, logger: LoggerConfig) -> None:
    """Send what a search has written to W&B, where that is chosen; what goes wrong is only logged."""
    from mien.search.report import BEST_FILE, PLOT_FILE, TRIALS_FILE

    if not logger.wandb or not (folder / BEST_FILE).is_file():
        return
    try:
        from mien.loggers.summary import search_summary

        search_summary(logger, folder, folder / TRIALS_FILE, folder / BEST_FILE, folder / PLOT_FILE)
    except (Exception, KeyboardInterrupt) as error:
        log.warning("the search could not be sent to W&B", exc_info=isinstance(error, Exception))


def _jobs_of(sweep: Begun) -> list[Entry]:
    """The jobs of this call: of a search those that were started since."""
    if sweep.jobs is not None:
        return list({job.folder: job for job in sweep.jobs}.values())
    notes = [(entry, read_note(entry.folder)) for entry in entries(sweep.folder)]
    return [entry for entry, note in notes if note is not None and note.started >= sweep.started]


def _sum_up(jobs: Sequence[Entry]) -> int:
    """The last lines, where not all jobs are finished; where none was started, the error before has said why."""
    states = {job: state_of(job.folder) for job in jobs}
    count = Counter(states.values())
    failed = [job for job, state in states.items() if state == FAILED]
    left = [f"{count[state]} {state}" for state in (INTERRUPTED, QUEUED) if count[state]]
    of = f"of {len(jobs)} jobs" if len(jobs) > 1 else "of 1 job"
    if count[RUNNING]:
        tell("", f"{count[RUNNING]} {of} busy elsewhere: another process works there")
    if left and count[QUEUED] < len(jobs):
        tell(
            "",
            f"{count[INTERRUPTED] + count[QUEUED]} {of} not finished ({', '.join(left)}); the same command continues",
        )
    if failed:
        tell("error: ", _failures(failed, of))
    return int(bool(failed or left))


def _failures(failed: Sequence[Entry], of: str) -> str:
    lines = [f"{job.name}: {note.error if (note := read_note(job.folder)) else ''}" for job in failed[:_SHOWN]]
    if len(failed) > _SHOWN:
        lines.append(f"and {len(failed) - _SHOWN} more")
    if len(lines) == 1:
        return f"1 {of} failed: {lines[0]}; sweep.retry=true runs it again"
    again = "; sweep.retry=true runs them again"
    return f"{len(failed)} {of} failed{again}:\n" + "\n".join(f"  {line}" for line in lines)
