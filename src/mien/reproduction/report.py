"""The report of a study: published beside measured, with verdicts, as a document for people."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mien.report.document import Block, Code, Document, Fold, Note, Picture, Section, Table, Text
from mien.report.wording import UNDEFINED, duration
from mien.reproduction.pictures import has_curves, plot_headlines, plot_part
from mien.reproduction.records import FINISHED, RunRecord
from mien.reproduction.rows import Row, rows_of, why_not_run
from mien.reproduction.schema import Part, Study
from mien.reproduction.verdicts import EXCEEDED, NOT_REPRODUCED, NOT_RUN, REPRODUCED

COLUMNS = ("quantity", "published", "measured", "95 % interval", "made by", "difference", "verdict")
SHARES = re.compile(r"(accuracy|recall|value)$|^test\.recall\.|^history\.\w+_(accuracy|macro_recall)\.")


@dataclass(frozen=True)
class Findings:
    """What is known of a study.

    Attributes:
        name: Its name.
        study: The study.
        parts: The parts that were asked for.
        records: Their runs.
        changes: Overrides by which all runs differ from the study's.
    """

    name: str
    study: Study
    parts: dict[str, Part]
    records: Sequence[RunRecord]
    changes: Sequence[str] = ()

    def runs(self, part: str) -> list[RunRecord]:
        """The runs of a part."""
        return [record for record in self.records if record.part == part]

    @property
    def rows(self) -> list[Row]:
        """All quantities, part by part."""
        return [row for name, part in self.parts.items() for row in rows_of(name, part, self.runs(name))]

    @property
    def first(self) -> dict[str, Row]:
        """The headline of every part."""
        return {name: rows_of(name, part, self.runs(name))[0] for name, part in self.parts.items()}


def conclusion(findings: Findings) -> str:
    """What can be said of the published numbers, in a sentence or two."""
    if findings.changes:
        return f"The recipe was changed by `{' '.join(findings.changes)}`: **no published number is judged** here."
    judged = [row for row in findings.rows if row.judged]
    if not judged:
        values = [
            f"{name} {row.measured}" + (f" (published {row.published})" if row.quantity.printed else "")
            for name, row in findings.first.items()
            if row.summary is not None
        ]
        return f"No published number is judged here. Measured: {'; '.join(values) or 'nothing yet'}."
    counted = Counter(row.verdict for row in judged)
    words = [f"{counted[word]} {word}" for word in (REPRODUCED, EXCEEDED, NOT_REPRODUCED, NOT_RUN)]
    single = any(row.summary is not None and row.summary.seeds == 1 for row in judged)
    caution = " Intervals of a single seed know nothing of how much another seed would differ." if single else ""
    return f"Of {len(judged)} published numbers that can be measured: **{', '.join(words)}**.{caution}"


def document(findings: Findings) -> Document:
    """The whole report."""
    study = findings.study
    parts = [block for name in findings.parts for block in _part(findings, name)]
    blocks: list[Block] = [
        Note(conclusion(findings), kind="warning" if findings.changes else "conclusion"),
        Text(study.about),
        Text(f"Source: {study.source}."),
        Section("Headlines"),
        *_headlines(findings),
        *parts,
        Section("Runs"),
        *_runs(findings),
    ]
    for title, texts in (
        ("What is done otherwise", study.deviations),
        ("Assumed", study.assumed),
        ("Notes", study.notes),
    ):
        if texts:
            blocks += [Section(title), *(Text(text) for text in texts)]
    return Document(
        f"{study.title}: published and measured", [*blocks, Section("How verdicts are made"), *map(Text, HOW)]
    )


HOW = (
    "A published value stands for all values that are printed so: 77 for 76.5 to 77.5. **Reproduced**: one of them is "
    "in the 95 % interval of the measured value. **Exceeded**: none is, and the measured value is the better one. "
    "**Not reproduced**: none is, and the measured value is not better. **Not run**: with the reason. `-`: not judged.",
    "The interval: for one seed Wilson's, of a share of n images. For several seeds Student's t of the mean over the "
    "seeds, or Wilson's of the mean where that is wider. One seed's loss or mean over classes has none: it is "
    "reproduced where it would be printed as published.",
    "Fewer epochs, other data or a changed recipe never give a verdict. All finished seeds count; none is left out.",
)


def _headlines(findings: Findings) -> list[Block]:
    """The first quantity of every part, as picture and table."""
    first = findings.first
    cells = [(f"**{name}**", row.published, row.measured, row.interval, _verdict(row)) for name, row in first.items()]
    header = ("part", "published", "measured", "95 % interval", "verdict")
    table = Table(header, cells, align="lrrrl", caption="The first quantity of every part.")
    shares = {name: row for name, row in first.items() if SHARES.search(row.quantity.measure or "")}
    references = [name for name, part in findings.parts.items() if part.reference]
    if not shares:
        return [table]
    alt = "; ".join(f"{name}: published {row.published}, measured {row.measured}" for name, row in shares.items())
    with TemporaryDirectory() as folder:
        content = plot_headlines(shares, references, Path(folder, "headlines.png")).read_bytes()
    return [Picture("headlines.png", content, alt=alt), table]


def _part(findings: Findings, name: str) -> list[Block]:
    """A part: how it was run, all its quantities, its curves."""
    part, runs = findings.parts[name], findings.runs(name)
    facts = (("As published", part.protocol), ("Needs", part.needs), ("Cost", part.cost))
    told = " ".join(f"{key}: {value}." for key, value in facts if value)
    blocks: list[Block] = [Section(f"{name}: {part.title}")]
    if told:
        blocks.append(Text(told))
    if part.reference:
        blocks.append(Note(f"No published value is judged here: {part.reference}."))
    rows = rows_of(name, part, runs)
    if why := why_not_run(runs):
        blocks.append(Note(f"Not run: {why}"))
    cells = [
        (row.quantity.name, row.published, row.measured, row.interval, row.method, row.difference, _verdict(row))
        for row in rows
    ]
    blocks.append(Table(COLUMNS, cells, align="lrrrlrl"))
    remarks = [f"{row.quantity.name}: {text}." for row in rows for text in _remarks(row)]
    if remarks:
        blocks.append(Text(" ".join(f"{remark[0].upper()}{remark[1:]}" for remark in remarks)))
    if has_curves(runs):
        with TemporaryDirectory() as folder:
            content = plot_part(name, part, runs, Path(folder, "curves.png")).read_bytes()
        blocks.append(
            Picture(f"curves_{name}.png", content, alt=f"Accuracy by epoch of {name}, measured and published")
        )
    return [*blocks, *_first_epochs(part, runs)]


def _remarks(row: Row) -> list[str]:
    assumed = f"assumed: {row.quantity.assumed}" if row.quantity.assumed else ""
    return [text for text in (row.quantity.note, assumed) if text]


def _first_epochs(part: Part, runs: Sequence[RunRecord]) -> list[Block]:
    """Published and measured values of the first epochs; the mean over seeds."""
    finished = [run for run in runs if run.status == FINISHED]
    blocks: list[Block] = []
    for column, printed in part.curves.items():
        scale = 1 if column.endswith("loss") else 100
        curves = [curve for run in finished if (curve := run.curve(column))]
        rows = []
        for epoch, text in enumerate(printed, 1):
            values = [scale * curve[epoch - 1] for curve in curves if len(curve) >= epoch]
            mean = sum(values) / len(values) if values else None
            measured = (UNDEFINED,) * 2 if mean is None else (f"{mean:.2f}", f"{mean - float(text):+.2f}")
            rows.append((str(epoch), text, *measured))
        title = column.replace("_", " ") + ("" if scale == 1 else ", %")
        table = Table(("epoch", "published", "measured", "difference"), rows, caption="Shown, not judged.")
        blocks.append(Fold(f"{title}: the first epochs", [table]))
    return blocks


def _runs(findings: Findings) -> list[Block]:
    """Every run with its facts, and its command."""
    header = ("part", "seed", "status", "epochs", "time", "precision", "hardware", "commit", "data")
    rows = [
        (
            *(record.part, str(record.seed), record.status),
            *(str(record.epochs or UNDEFINED), duration(record.seconds) if record.seconds else UNDEFINED),
            *(record.precision or UNDEFINED, record.hardware or UNDEFINED, record.commit or UNDEFINED),
            record.data.get("fingerprint", "")[:12] or UNDEFINED,
        )
        for record in findings.records
    ]
    commands = "\n".join(record.command for record in findings.records)
    again = f"python reproduce.py {findings.name} {' '.join(findings.changes)}".strip()
    return [
        Table(header, rows, align="lrlrrllll"),
        Text(f"All of it: `{again}`. An interrupted run goes on, a finished one is skipped. Run by run:"),
        Fold("Commands", [Code(commands)]),
    ]


def _verdict(row: Row) -> str:
    return f"**{row.short}**" if row.verdict in (REPRODUCED, EXCEEDED, NOT_REPRODUCED) else row.short
