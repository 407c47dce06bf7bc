"""What a search tells: the best trial as a command, the table of trials, what mattered, and a picture."""

import csv
import os
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from mien.files import atomic_path, write_json
from mien.report.tables import empty_table
from mien.report.wording import duration, interval, percent
from mien.results import RESULTS_FILE, RunResult
from mien.search import engine
from mien.search.plot import plot_search
from mien.search.record import Record, is_driving
from mien.search.space import Space
from mien.search.trials import Trials, counted

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

BEST_FILE, TRIALS_FILE, PLOT_FILE = "best.json", "trials.csv", "search.png"
_SHOWN = 10
_STATES = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}


@dataclass(frozen=True)
class Row:
    """A trial as tables show it.

    Attributes:
        number: Its number.
        state: finished, pruned, failed or running.
        value: The number it is compared by; of a pruned one that of its last epoch.
        settings: What it set, by key.
        epochs: Epochs reported.
        seconds: From its start to its end; ``None`` while it runs.
        error: Why it failed.
    """

    number: int
    state: str
    value: float | None
    settings: dict[str, str]
    epochs: int
    seconds: float | None
    error: str


@dataclass(frozen=True)
class Test:
    """What a run scored: split, number of images, accuracy, and its Wilson 95 % interval."""

    split: str
    n: int
    accuracy: float
    accuracy_ci95: tuple[float, float]


@dataclass(frozen=True)
class Best:
    """The best trial; the content of ``best.json``.

    Attributes:
        trial: Its number.
        objective: What the trials are compared by.
        value: Its value of that.
        settings: What it set, by key.
        command: The command line that does it alone.
        folder: Its run folder.
        importances: The share of each key in what makes a trial good; empty where too few say it.
        test: What its run scored, once the search has ended: split, n, accuracy and its interval. Of no other trial
            that is told: who looks at the test scores of all chooses by them.
    """

    trial: int
    objective: str
    value: float | None
    settings: dict[str, str]
    command: str
    folder: str
    importances: dict[str, float]
    test: Test | None


def report(search: Trials, record: Record, shared: Sequence[str], ended: bool) -> None:
    """Write and print where a search stands.

    Args:
        search: Its trials.
        record: What it is.
        shared: The overrides of all trials.
        ended: Whether no trial is missing, as far as this process is concerned.
    """
    space, folder, trials = search.space, search.folder, search.config.trials
    rows = [_row(trial, space) for trial in counted(search.study)]
    if not rows:
        return
    write_trials(rows, list(record.space), folder / TRIALS_FILE)
    row = best_row(rows, record.maximise)
    paths = [folder / TRIALS_FILE]
    if row is not None:
        ended = ended and not any(row.state == "running" for row in rows)
        best = _best(search, row, record, shared, ended)
        write_json(folder / BEST_FILE, asdict(best))
        paths += [folder / BEST_FILE, plot_search(rows, space, record, folder / PLOT_FILE)]
        print_report(rows, record, best, trials)
    else:
        Console().print(_counts(rows, trials), highlight=False)
    names = ", ".join(path.name for path in paths)
    Console(soft_wrap=True).print(Text(f"Files of the search in {os.path.relpath(folder)}: {names}"))


def best_row(rows: Sequence[Row], maximise: bool) -> Row | None:
    """The best of the finished trials, the first of equals; ``None`` where none is finished."""
    finished = [row for row in rows if row.state == "finished" and row.value is not None]
    return max(finished, key=lambda row: (1 if maximise else -1) * (row.value or 0.0), default=None)


def print_report(rows: Sequence[Row], record: Record, best: Best, trials: int, console: Console | None = None) -> None:
    """Print the best trials, the counts, what mattered, and the best one's test score and command.

    Args:
        rows: All trials.
        record: The search.
        best: The best trial.
        trials: How many were asked for.
        console: Where to print.
    """
    console = console or Console()
    sign = -1 if record.maximise else 1
    valued = [row for row in rows if row.value is not None]
    ranked = sorted(valued, key=lambda row: (row.state != "finished", sign * (row.value or 0.0)))
    table = empty_table(f"Search, by {record.objective}", ("trial", "value", "state", "settings"))
    table.columns[0].no_wrap, table.columns[3].no_wrap, table.columns[3].justify = True, False, "left"
    for row in ranked[:_SHOWN]:
        settings = " ".join(f"{key}={value}" for key, value in row.settings.items())
        table.add_row(str(row.number), record.worded(row.value), row.state, Text(settings))
    console.print(table)
    console.print(_counts(rows, trials), highlight=False)
    if best.importances:
        named = ", ".join(f"{key} {percent(share, 0)}" for key, share in best.importances.items())
        console.print(Text(f"What made trials good: {named} (PED-ANOVA; an indication, not a proof)"))
    console.print(Text("The best of many is flattered by the value that it was chosen by."))
    if best.test is not None:
        score, bounds = percent(best.test.accuracy), interval(best.test.accuracy_ci95)
        worded = f"accuracy {score}, 95 % interval {bounds}, {best.test.n:,} images"
        console.print(Text(f"On {best.test.split}, reported once and of no other trial: {worded}"))
    console.print(Text(f"Trial {best.trial} again:", "bold"))
    console.print(Text(best.command), soft_wrap=True)


def write_trials(rows: Sequence[Row], keys: Sequence[str], path: Path) -> None:
    """Write all trials as CSV, in their order."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["trial", "state", "value", *keys, "epochs", "seconds", "error"])
        for row in rows:
            seconds = None if row.seconds is None else round(row.seconds, 1)
            settings = [row.settings.get(key) for key in keys]
            writer.writerow([row.number, row.state, row.value, *settings, row.epochs, seconds, row.error])


def _counts(rows: Sequence[Row], trials: int) -> str:
    count = Counter(row.state for row in rows)
    named = ", ".join(f"{count[state]} {state}" for state in _STATES.values() if count[state])
    seconds = sum(row.seconds or 0.0 for row in rows)
    return f"{len(rows)} of {trials} trials: {named}; {duration(seconds)} in all"


def _best(search: Trials, row: Row, record: Record, shared: Sequence[str], ended: bool) -> Best:
    trial = search.study.get_trials(deepcopy=False)[row.number]
    overrides, own = trial.user_attrs["overrides"], [text for text in shared if not is_driving(text)]
    folder = search.run_folder(overrides)
    return Best(
        trial=row.number,
        objective=record.objective,
        value=row.value,
        settings=row.settings,
        command=shlex.join(["python", "train.py", *own, *overrides]),
        folder=os.path.relpath(folder),
        importances=engine.importances(search.study),
        test=_tested(folder) if ended else None,
    )


def _tested(folder: Path) -> Test | None:
    """The score of a finished run."""
    run = RunResult.load(folder) if (folder / RESULTS_FILE).is_file() else None
    if run is None or run.test is None:
        return None
    return Test(run.protocol["report"], run.test.n, run.test.accuracy, run.test.accuracy_ci95)


def _row(trial: "FrozenTrial", space: Space) -> Row:
    known = {dimension.name for dimension in space.dimensions} <= set(trial.params)
    settings = [text.lstrip("+").partition("=") for text in (space.overrides(trial.params) if known else [])]
    begin, end = trial.datetime_start, trial.datetime_complete
    last = trial.intermediate_values.get(trial.last_step) if trial.last_step is not None else None
    state = _STATES[trial.state.name]
    return Row(
        number=trial.number,
        state=state,
        value=trial.value if state != "running" else last,
        settings={key: value for key, _, value in settings},
        epochs=trial.last_step or 0,
        seconds=None if begin is None or end is None else (end - begin).total_seconds(),
        error=trial.user_attrs.get("error", ""),
    )
