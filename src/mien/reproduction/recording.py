"""The committed record of a study: ``record.json``, and the report as ``RECORD.md`` with its pictures."""

from dataclasses import replace
from pathlib import Path

from mien.report.record import portable
from mien.reproduction.records import save_record, without_paths
from mien.reproduction.report import Findings, document


def record_study(experiments: Path, findings: Findings) -> list[Path]:
    """Write a study's record, without the paths of this machine.

    Args:
        experiments: The folder of the studies.
        findings: All parts, with their runs.

    Returns:
        The two files.
    """
    runs = [replace(run, command=portable(run.command), why=without_paths(run.why)) for run in findings.records]
    page = document(replace(findings, records=runs)).write_markdown(experiments / findings.name, "RECORD")
    return [save_record(experiments, findings.name, runs), page]
