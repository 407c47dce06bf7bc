"""The report of a study: published beside measured, with verdicts, as a document for people."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mien.report.document import Block, Code, Document, Fold, Note, Picture, Section, Table, Text
from mien.report.wording import UNDEFINED, duration
from mien.reproduction.measures import is_share
from mien.reproduction.pictures import has_curves, plot_headlines, plot_part
from mien.reproduction.records import FAILED, FINISHED, NOT_RUN, UNFINISHED, RunRecord, shown
from mien.reproduction.rows import Row, headline_of, rows_of, standing
from mien.reproduction.schema import Part, Study
from mien.reproduction.verdicts import EXCEEDED, NONE, NOT_JUDGED, NOT_REPRODUCED, REPRODUCED, UNDECIDED

COLUMNS = ("quantity", "verdict", "published", "measured", "95 % interval", "difference")
JUDGED = (REPRODUCED, EXCEEDED, NOT_REPRODUCED)
OTHERS = {NONE: "without a verdict"} | {word: word for word in (UNDECIDED, NOT_JUDGED, UNFINISHED, FAILED, NOT_RUN)}
"""Words that are counted in the conclusion where there are any."""


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
        return {name: headline_of(name, part, self.runs(name)) for name, part in self.parts.items()}


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
    counted = Counter(row.verdict.word for row in judged)
    words = [f"{counted[word]} {word}" for word in JUDGED]
    words += [f"{counted[word]} {name}" for word, name in OTHERS.items() if counted[word]]
    few = any(0 < row.seeds < 3 for row in judged)
    caution = " Intervals of one or two seeds know nothing of how much another seed would differ." if few else ""
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
    "A published value is that of one run, and stands for all values that are printed so: 77 for 76.5 to 77.5. "
    "**Reproduced**: one of them is in the 95 % interval of one further run here. **Undecided**: one is, but the "
    "interval of a share is wider than 10 points, so that it says little. **Exceeded**: none is, and the measured "
    "value is the better one. **Not reproduced**: none is, and the measured value is not better. `-`: no verdict.",
    "The interval: of three seeds or more, where one further run would fall (mean +- t s sqrt(1 + 1/k) for k seeds), "
    "or Wilson's interval of the mean share where that is wider. Of one or two seeds, Wilson's of a share of n images "
    "alone; one or two losses or means over classes have none, and no verdict. No interval leaves what is possible.",
    "**Not run**, **unfinished** and **failed** tell what became of the runs. **Not judged**: runs of fewer epochs, a "
    "changed recipe, other data or another precision than the first seed's are shown with the reason, and never give a "
    "verdict. All finished seeds of this recipe count; none is left out.",
)


def _headlines(findings: Findings) -> list[Block]:
    """The first quantity of every part, as picture and table."""
    first = findings.first
    cells = [
        (f"**{name}**", _verdict(row, row.verdict.why), row.published, row.measured, row.interval)
        for name, row in first.items()
    ]
    header = ("part", "verdict", "published", "measured", "95 % interval")
    table = Table(header, cells, align="llrrr", caption="The first quantity of every part.")
    shares = {name: row for name, row in first.items() if is_share(row.quantity.measure or "")}
    references = [name for name, part in findings.parts.items() if part.reference or part.quantities[0].reference]
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
    instead = standing(runs)
    if instead is not None:
        blocks.append(Note(f"{instead.word.capitalize()}: {instead.why}"))
    known = "" if instead is None else instead.why
    cells = [
        (row.quantity.name, _verdict(row, known), row.published, row.measured, row.interval, row.difference)
        for row in rows
    ]
    blocks += [Table(COLUMNS, cells, align="llrrrr"), *_below(rows)]
    if has_curves(runs):
        with TemporaryDirectory() as folder:
            content = plot_part(name, part, runs, Path(folder, "curves.png")).read_bytes()
        blocks.append(
            Picture(f"curves_{name}.png", content, alt=f"Accuracy by epoch of {name}, measured and published")
        )
    return [*blocks, *_first_epochs(part, runs)]


def _below(rows: Sequence[Row]) -> list[Block]:
    """How the intervals were made, and what there is to say of single quantities."""
    methods: dict[str, list[str]] = {}
    for row in rows:
        if row.method:
            methods.setdefault(row.method, []).append(row.quantity.name)
    made = "; ".join(f"{method} ({', '.join(names)})" for method, names in methods.items())
    remarks = [f"{row.quantity.name}: {text}." for row in rows for text in _remarks(row)]
    texts = [f"Intervals: {made}." if made else "", " ".join(f"{text[0].upper()}{text[1:]}" for text in remarks)]
    return [Text(text) for text in texts if text]


def _remarks(row: Row) -> list[str]:
    quantity = row.quantity
    reference = f"shown for reference, not judged: {quantity.reference}" if quantity.reference else ""
    return [
        text for text in (reference, quantity.note, f"assumed: {quantity.assumed}" if quantity.assumed else "") if text
    ]


def _first_epochs(part: Part, runs: Sequence[RunRecord]) -> list[Block]:
    """Published and measured values of the first epochs; the mean over seeds."""
    blocks: list[Block] = []
    for column, printed in part.curves.items():
        scale = 1 if column.endswith("loss") else 100
        curves = [curve for run in shown(runs) if (curve := run.curve(column))]
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
            *(record.part, str(record.seed), _status(record)),
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


def _status(record: RunRecord) -> str:
    """What became of a run; of a finished one that does not count, why."""
    word = f"{FINISHED}, {NOT_JUDGED}" if record.status == FINISHED and record.why else record.status
    return f"{word}: {record.why}" if record.why else word


def _verdict(row: Row, known: str) -> str:
    """The verdict, without a reason that is told elsewhere."""
    return f"**{row.short(known)}**" if row.verdict.word in JUDGED else row.short(known)
