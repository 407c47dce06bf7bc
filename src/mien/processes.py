"""Work in processes of its own, watched: what happens to them happens to nobody else, and none outlives its watcher.

A process is forked off a server that has imported what the work needs, so that it starts in milliseconds, and
without the state (CUDA's above all) that must not be forked.
"""

import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import inf
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from time import monotonic
from typing import Any, Literal, TypeVar

from mien.errors import MienError

Argument = TypeVar("Argument")
Result = TypeVar("Result")
Kind = Literal["MienError", "error", "killed", "interrupted"]
_context = get_context("forkserver")
_TOLD = 1.0  # seconds in which the others may tell why they die, once one has died
_GRACE = 20.0  # seconds to end in, after an interruption or beside a finished first process


class WorkFailed(MienError):  # noqa: N818 - it is work that failed
    """Work in another process did not end well.

    Attributes:
        kind: ``MienError`` (a user can put it right), ``error`` (any other exception), ``killed`` (the process died),
            ``interrupted`` (by a SIGINT that only it got).
        name: Name of the exception's class; empty where there was none.
        message: What went wrong.
        trace: The traceback, for a log; empty where there is none.
    """

    def __init__(self, kind: Kind, name: str, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.kind, self.name, self.message, self.trace = kind, name, message, trace


def supervise(
    work: Callable[[Argument], Result],
    argument: Argument,
    *,
    processes: int = 1,
    environment: Mapping[str, str] | None = None,
    preload: Sequence[str] = (),
) -> Result:
    """Run ``work(argument)`` in new processes, and end them all when one of them fails.

    Args:
        work: A function of a module, so that it can be found by its name in the processes.
        argument: Anything that can be pickled.
        processes: How many run it at the same time. Several get torchrun's variables (RANK, WORLD_SIZE, ...).
        environment: Variables beside those that this process has now.
        preload: Modules that the server imports; only what the first call in a process names counts.

    Returns:
        What the first process returned.

    Raises:
        WorkFailed: A process raised or died.
        KeyboardInterrupt: This process was interrupted; the others were too, and have ended.
    """
    _context.set_forkserver_preload(list(preload))
    whole = dict(os.environ) | dict(environment or {})
    extra = _ranks(processes) if processes > 1 else [{}]
    team: list[_Member] = []
    try:
        for own in extra:
            team.append(_Member(work, argument, whole | own))  # noqa: PERF401 - so that none is lost to an interruption
        result: Result = _watch(team)
    except KeyboardInterrupt:
        _end(team, signal.SIGINT, _GRACE)
        raise
    except BaseException:
        _end(team, signal.SIGTERM, 2.0)
        raise
    _end(team, None, _GRACE)
    return result


class _Member:
    """One process and what is known of it."""

    def __init__(self, work: Callable[[Any], Any], argument: Any, environment: dict[str, str]) -> None:
        self.reports, sending = _context.Pipe(duplex=False)
        self.process: ForkServerProcess = _context.Process(target=_run, args=(work, argument, environment, sending))
        self.process.start()
        sending.close()
        self.result: Any = None
        self.failed: WorkFailed | None = None
        self.done = False
        self.when = inf  # it failed, on this machine's clock

    def look(self, rank: int, world: int) -> None:
        """Take in what the process has told, and whether it has ended."""
        if self.done:
            return
        who = f"process {rank} of {world}" if world > 1 else "the process"
        try:
            told = self.reports.recv() if self.reports.poll() else None
        except EOFError:  # it ended, and had nothing to tell
            told = None
            self.process.join()
        if told is not None:
            self.done = True
            self.result, failure, self.when = told
            self.failed = None if failure is None else WorkFailed(*failure)
        elif not self.process.is_alive():
            self.done = True
            self.failed = _death(who, self.process.exitcode)


def _death(who: str, code: int | None) -> WorkFailed:
    """What became of a process that ended and told nothing."""
    if code is None or code >= 0:
        return WorkFailed("killed", "", f"{who} ended with exit code {code} and without a result")
    why = "; out of memory is the usual reason" if code == -signal.SIGKILL else ""
    return WorkFailed("killed", "", f"{who} was killed by signal {-code} ({signal.Signals(-code).name}){why}")


def _watch(team: list[_Member]) -> Any:
    """Wait until the first process has a result and the others have ended, or one has failed."""
    until = None
    while True:
        for rank, member in enumerate(team):
            member.look(rank, len(team))
        cause = _cause(team)
        if cause is None and all(member.done for member in team):
            return team[0].result
        if cause is not None and len(team) > 1 and (until is None or monotonic() < until):
            until = until or monotonic() + _TOLD  # one that dies makes others fail: the cause may be told second
        elif cause is not None:
            raise cause
        elif team[0].done:
            until = until or monotonic() + _GRACE
            if monotonic() > until:
                return team[0].result
        waiting = [member for member in team if not member.done]
        things: list[Any] = [thing for member in waiting for thing in (member.reports, member.process.sentinel)]
        wait(things, timeout=None if until is None else 0.1)


def _cause(team: list[_Member]) -> WorkFailed | None:
    """Why the work failed, if it did: a process that was killed, else the one that failed first."""
    failures = [(member.failed.kind != "killed", member.when, member.failed) for member in team if member.failed]
    return min(failures, key=lambda failure: failure[:2])[2] if failures else None


def _end(team: list[_Member], how: signal.Signals | None, patience: float) -> None:
    """Wait until the processes have ended, after a signal if one is given; then end by force what they left running."""
    for member in team:
        if how is not None and member.process.is_alive():
            _signal(os.kill, member.process, how)
    until = monotonic() + patience
    try:
        for member in team:
            member.process.join(max(until - monotonic(), 0))
    finally:  # a second interruption too
        for member in team:
            _signal(os.killpg, member.process, signal.SIGKILL)  # its children, where it died before it could end them
            if member.process.is_alive():
                _signal(os.kill, member.process, signal.SIGKILL)  # before it had a group
            member.process.join()


def _signal(send: Callable[[int, int], None], process: ForkServerProcess, how: signal.Signals) -> None:
    """Send a signal to a process or to its group; nothing where it is gone."""
    with suppress(ProcessLookupError, PermissionError):
        if process.pid is not None:
            send(process.pid, how)


def _ranks(processes: int) -> list[dict[str, str]]:
    """The variables by which processes of this machine find each other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "NODE_RANK": "0", "GROUP_RANK": "0"}
    common |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    return [common | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]


def _run(work: Callable[[Any], Any], argument: Any, environment: dict[str, str], told: Connection) -> None:
    """In the new process: do the work, and tell its result or why there is none."""
    os.setpgrp()  # an interruption from the terminal reaches the supervisor alone, which passes it on once
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)
    told.send((*_outcome(work, argument), monotonic()))


def _outcome(work: Callable[[Any], Any], argument: Any) -> tuple[Any, tuple[Kind, str, str, str] | None]:
    """The result of the work, and why there is none."""
    try:
        return work(argument), None
    except SystemExit as end:
        if end.code:
            raise
        return None, None
    except KeyboardInterrupt:
        return None, ("interrupted", "", "interrupted", "")
    except MienError as error:
        return None, ("MienError", type(error).__name__, str(error), traceback.format_exc())
    except BaseException as error:  # noqa: BLE001 - it is told to the supervisor, which raises
        lines = traceback.format_exception_only(error)
        return None, ("error", type(error).__name__, lines[-1].strip(), traceback.format_exc())


def _end_with_parent() -> None:
    """Wait for the supervisor's death, and die with everything that was started here."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)
