"""What ``reproduce.py`` does: run a study, judge what it published, report, record."""

import argparse
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console

from mien.config.schema import LoggerConfig
from mien.errors import ConfigError
from mien.reproduction.gathering import check_parts, gather
from mien.reproduction.recipes import Places, Plan, plan
from mien.reproduction.records import FAILED, FINISHED, load_record
from mien.reproduction.report import Findings, conclusion, document
from mien.reproduction.schema import Study
from mien.reproduction.study import find_studies, load_study
from mien.reproduction.tables import list_lines, status_table, verdict_table
from mien.results import RESULTS_FILE

PROBLEMS, WRONG, NOTHING_RAN = 1, 2, 3
"""Exit codes: a run ended with an error that nobody foresaw; wrong input; nothing at all could run."""


def main(arguments: Sequence[str], experiments: Path, conf: Path, log_to: Callable[[Path], None]) -> int:
    """Do what a command line asks.

    Args:
        arguments: Without the program's name.
        experiments: The folder of the studies.
        conf: The configuration of ``train.py``.
        log_to: Sends the log to a file too.

    Returns:
        The exit code.

    Raises:
        MienError: A mistake in the command or in a study; before anything starts.
    """
    asked = _parser().parse_intermixed_args(arguments)
    targets = [word for word in asked.words if "=" not in word]
    extra = [word for word in asked.words if "=" in word]
    places = Places(experiments, conf, asked.data, Path(asked.output))
    names = find_studies(experiments)
    console = Console()
    if asked.list or not (targets or asked.status):
        return _list(experiments, [target.partition("/")[0] for target in targets] or names, console)
    plans = [plan(places, target, asked.seeds, extra) for target in targets or names]
    if asked.record and any(each.changes for each in plans):
        raise ConfigError([f"--record: only the study's own recipe is recorded, not one changed by {' '.join(extra)}"])
    for each in plans if asked.record else ():
        check_parts(each, load_record(experiments, each.name))
    if asked.status:
        for each in plans:
            each.check()
            records = gather(each, load_record(experiments, each.name))
            console.print(status_table(each.name, each.parts, records), crop=False)
        return 0
    return _reproduce(plans, places, extra, asked.record, log_to)


def _list(experiments: Path, names: Sequence[str], console: Console) -> int:
    """Show studies; a broken one does not hide the others, but is an error in the end."""
    studies: dict[str, Study | str] = {}
    for name in names:
        try:
            studies[name] = load_study(experiments, name)
        except ConfigError as error:
            studies[name] = "\n".join(error.problems)
    console.print(list_lines(studies), crop=False, highlight=False)
    return WRONG if any(isinstance(study, str) for study in studies.values()) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "reproduce.py",
        description="Run a published study and judge its numbers; runs that are finished are skipped.",
        epilog="Further key=value go to every run as to train.py; where they change what is computed, no number is "
        "judged. Exit codes: 0, 1 (a run failed), 2 (wrong input), 3 (nothing could run), 130 (interrupted).",
    )
    parser.add_argument("words", nargs="*", metavar="study[/part] | key=value", help="what to run; none: list all")
    parser.add_argument("--data", default=os.environ.get("MIEN_DATA") or "data", help="folder of the data sets")
    parser.add_argument("--seeds", type=_seeds, help="such as 0,1,2, in place of the study's own")
    parser.add_argument("--list", action="store_true", help="list studies and parts, run nothing")
    parser.add_argument("--status", action="store_true", help="say what became of the runs, run nothing")
    parser.add_argument("--record", action="store_true", help="write record and report into experiments/<study>/")
    parser.add_argument("--output", default="outputs", help="folder for runs and reports")
    return parser


def _seeds(text: str) -> list[int]:
    words = text.split(",")
    numbers = [int(word) for word in words if word.isdecimal()]
    if len(set(numbers)) < len(words):
        raise argparse.ArgumentTypeError(f"expected whole numbers >= 0, each once, such as 0,1,2; got {text!r}")
    return numbers


def _reproduce(
    plans: Sequence[Plan], places: Places, extra: Sequence[str], record: bool, log_to: Callable[[Path], None]
) -> int:
    """Run all that is asked for, then report study by study."""
    from mien.reproduction.running import run_all

    for each in plans:
        each.check()
    statuses: list[str] = []
    new: set[str] = set()
    for each in plans:
        before = _results(each)
        statuses += run_all(each, log_to)
        if _results(each) != before:
            new.add(each.name)
    for each in plans:
        findings = _report(each, places, extra, record)
        if each.name in new and not each.changes:
            _log_table(each, findings)
    if FAILED in statuses:
        return PROBLEMS
    return 0 if FINISHED in statuses else NOTHING_RAN


def _results(asked: Plan) -> list[int]:
    """When the runs that are finished were finished, in nanoseconds: it tells whether another one was."""
    paths = [recipe.folder / RESULTS_FILE for recipe in asked.recipes]
    return [path.stat().st_mtime_ns for path in paths if path.is_file()]


def _report(asked: Plan, places: Places, extra: Sequence[str], record: bool) -> Findings:
    """Write the report of the whole study, and show what was asked for of it."""
    whole = asked if asked.changes else plan(places, asked.name, extra=extra)
    records = gather(whole, load_record(places.experiments, asked.name))
    findings = Findings(asked.name, whole.study, whole.parts, records, whole.changes)
    paths = [*document(findings).write(whole.folder, "report")]
    if record:
        from mien.reproduction.recording import record_study

        paths += record_study(places.experiments, findings)
    rows = [row for row in findings.rows if row.part in asked.parts]
    console = Console()
    said = re.sub(r"\*\*|`", "", conclusion(findings))
    console.print("", verdict_table(asked.study.title, rows), "", f"{asked.name}: {said}", crop=False, highlight=False)
    Console(soft_wrap=True).print("\n".join(map(_shown, paths)), highlight=False)
    return findings


def _shown(path: Path) -> str:
    """A path as seen from here, where it is below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _log_table(asked: Plan, findings: Findings) -> None:
    """Send the verdicts to W&B, as one run of the study."""
    from mien.loggers import Facts
    from mien.loggers.summary import send_tables

    config: LoggerConfig = asked.recipes[0].config.logger
    settings = {"study": asked.name, "changes": list(findings.changes)}
    group = asked.folder.parent.name if config.group is None else config.group
    facts = Facts(asked.folder, "reproduce", asked.name, group, tuple(config.tags), settings)
    rows = [
        (row.part, row.quantity.name, row.published, row.measured, row.interval, row.method, row.difference, row.words)
        for row in findings.rows
    ]
    columns = ("part", "quantity", "published", "measured", "interval", "made_by", "difference", "verdict")
    send_tables(config, facts, {"verdicts": pd.DataFrame(rows, columns=list(columns))}, {"verdicts": len(rows)})
