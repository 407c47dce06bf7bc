"""What ``reproduce.py`` does: run a study, judge what it published, report, record."""

import argparse
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from mien.config.schema import LoggerConfig
from mien.errors import ConfigError
from mien.reproduction.gathering import gather
from mien.reproduction.recipes import Places, Plan, plan
from mien.reproduction.records import FAILED, FINISHED, load_record
from mien.reproduction.report import Findings, conclusion, document
from mien.reproduction.study import find_studies, load_study
from mien.reproduction.tables import list_table, status_table, verdict_table

PROBLEMS, NOTHING_RAN = 1, 3
"""Exit codes: a run ended with an error that nobody foresaw; nothing at all could run."""


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
        shown = [target.partition("/")[0] for target in targets] or names
        console.print(list_table({name: load_study(experiments, name) for name in shown}), crop=False)
        return 0
    plans = [plan(places, target, asked.seeds, extra) for target in targets or names]
    if asked.record and any(each.changes for each in plans):
        raise ConfigError([f"--record: only the study's own recipe is recorded, not one changed by {' '.join(extra)}"])
    if asked.status:
        for each in plans:
            records = gather(each, load_record(experiments, each.name))
            console.print(status_table(each.name, each.parts, records), crop=False)
        return 0
    return _reproduce(plans, places, extra, asked.record, log_to)


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
    if len(set(words)) < len(words) or not all(word.isdecimal() for word in words):
        raise argparse.ArgumentTypeError(f"expected whole numbers >= 0, each once, such as 0,1,2; got {text!r}")
    return [int(word) for word in words]


def _reproduce(
    plans: Sequence[Plan], places: Places, extra: Sequence[str], record: bool, log_to: Callable[[Path], None]
) -> int:
    """Run all that is asked for, then report study by study."""
    from mien.reproduction.running import run_all

    for each in plans:
        each.check()
    statuses = [status for each in plans for status in run_all(each, log_to)]
    for each in plans:
        _report(each, places, extra, record)
    if FAILED in statuses:
        return PROBLEMS
    return 0 if FINISHED in statuses else NOTHING_RAN


def _report(asked: Plan, places: Places, extra: Sequence[str], record: bool) -> None:
    """Write the report of the whole study, and show what was asked for of it."""
    whole = asked if asked.changes else plan(places, asked.name, extra=extra)
    records = gather(whole, load_record(places.experiments, asked.name))
    findings = Findings(asked.name, whole.study, whole.parts, records, whole.changes)
    paths = [*document(findings).write(whole.folder, "report")]
    if record:
        from mien.reproduction.recording import record_study

        paths += record_study(places.experiments, findings)
    if any(run.status == FINISHED for run in records):
        _log_table(asked, findings)
    rows = [row for row in findings.rows if row.part in asked.parts]
    console = Console()
    said = re.sub(r"\*\*|`", "", conclusion(findings))
    console.print("", verdict_table(asked.study.title, rows), "", f"{asked.name}: {said}", crop=False, highlight=False)
    Console(soft_wrap=True).print("\n".join(map(str, paths)), highlight=False)


def _log_table(asked: Plan, findings: Findings) -> None:
    """Send the verdicts to W&B, as one run of the study."""
    from mien.training.loggers import build_logger, close_logger, log_table

    config: LoggerConfig = asked.recipes[0].config.logger
    logger = build_logger(config, asked.folder, asked.name, {"study": asked.name, "changes": list(findings.changes)})
    rows = [
        (row.part, row.quantity.name, row.published, row.measured, row.interval, row.method, row.difference, row.words)
        for row in findings.rows
    ]
    columns = ("part", "quantity", "published", "measured", "interval", "made_by", "difference", "verdict")
    log_table(logger, "verdicts", columns, rows)
    close_logger(logger, failed=False)
