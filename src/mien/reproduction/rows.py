"""The rows of a report: a published quantity, what was measured, and the verdict, as numbers and in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from mien.report.wording import UNDEFINED
from mien.reproduction.measures import Measured
from mien.reproduction.records import FAILED, FINISHED, NOT_STARTED, RunRecord
from mien.reproduction.schema import Part, Quantity
from mien.reproduction.verdicts import NONE, NOT_RUN, Summary, decimals, judge, judge_goal, summarise


@dataclass(frozen=True)
class Row:
    """A quantity of a part.

    Attributes:
        part: The part's name.
        quantity: What was published.
        summary: What was measured, in the published unit; ``None``: nothing.
        verdict: One of the words of :mod:`mien.reproduction.verdicts`.
        judged: Whether there is a published value that is to be judged.
        goal: The verdict on the goal; ``""`` without one.
        why: Why it was not run.
        shared: Whether that is so for all of the part.
    """

    part: str
    quantity: Quantity
    summary: Summary | None
    verdict: str
    judged: bool
    goal: str = ""
    why: str = ""
    shared: bool = False

    @property
    def published(self) -> str:
        """As printed, with its unit; else the goal."""
        if self.quantity.printed is not None:
            return self._united(self.quantity.printed)
        return UNDEFINED if self.quantity.goal is None else f"goal {self._united(self.quantity.goal)}"

    @property
    def measured(self) -> str:
        """Mean, and the standard deviation over seeds."""
        if self.summary is None:
            return UNDEFINED
        if self.summary.spread is None:
            return self._united(self._number(self.summary.mean))
        spread = self._united(self._number(self.summary.spread))
        return f"{self._number(self.summary.mean)} ± {spread} ({self.summary.seeds} seeds)"

    @property
    def interval(self) -> str:
        """The bounds of the 95 % interval."""
        bounds = None if self.summary is None else self.summary.interval
        return UNDEFINED if bounds is None else self._united(f"{self._number(bounds.low)}-{self._number(bounds.high)}")

    @property
    def method(self) -> str:
        """How the interval was made."""
        if self.summary is None:
            return UNDEFINED
        return "one seed, no count: rounding only" if self.summary.interval is None else self.summary.interval.method

    @property
    def difference(self) -> str:
        """Measured minus published."""
        if self.summary is None or self.quantity.printed is None:
            return UNDEFINED
        unit = " points" if self.quantity.unit == "%" else ""
        return f"{self.summary.mean - float(self.quantity.printed):+.{self._digits}f}{unit}"

    @property
    def words(self) -> str:
        """The verdicts on the published value and on the goal, and the reason where it was not run."""
        verdict = f"{NOT_RUN}: {self.why}" if self.verdict == NOT_RUN else self.verdict
        return "; ".join(word for word in (verdict, self.goal) if word and (word != NONE or not self.goal))

    @property
    def short(self) -> str:
        """The same, without a reason that all quantities of the part share."""
        return NOT_RUN if self.verdict == NOT_RUN and self.shared else self.words

    @property
    def _digits(self) -> int:
        smallest = 1 if self.quantity.unit == "%" else 3
        return max([smallest, *(decimals(text) for text in (self.quantity.printed, self.quantity.goal) if text)])

    def _number(self, value: float) -> str:
        return f"{value:.{self._digits}f}"

    def _united(self, text: str) -> str:
        return f"{text} {self.quantity.unit}".rstrip()


def rows_of(name: str, part: Part, records: Sequence[RunRecord]) -> list[Row]:
    """All quantities of a part.

    Args:
        name: The part's name.
        part: The part.
        records: Its runs. Those of a changed recipe or other data are shown where there are no others, but not judged.
    """
    runs = [record for record in records if record.counts]
    why = why_not_run(records)
    shown = runs or [record for record in records if record.status == FINISHED]
    return [_row(name, part, quantity, shown, why) for quantity in part.quantities]


def why_not_run(records: Sequence[RunRecord]) -> str:
    """Why the runs of a part cannot be judged; empty where they can."""
    runs = [record for record in records if record.counts]
    if runs:
        same = len({record.data["fingerprint"] for record in runs}) == 1
        return "" if same else "the seeds were run on different data"
    started = [record for record in records if record.why != NOT_STARTED]
    if not started:
        return NOT_STARTED
    first = started[0]
    return f"{FAILED}: {first.why}" if first.status == FAILED else first.why


def _row(name: str, part: Part, quantity: Quantity, runs: Sequence[RunRecord], why: str) -> Row:
    """One quantity; ``why`` says why no run of the part is judged."""
    judged = quantity.printed is not None and quantity.measure is not None and not part.reference
    values = [value for run in runs if (value := _value(run, quantity)) is not None]
    summary = summarise(values).scaled(factor(quantity)) if values else None
    if quantity.measure is None:
        return Row(name, quantity, None, NOT_RUN, judged, why=quantity.why)
    if why:
        return Row(name, quantity, summary, NOT_RUN, judged, why=why, shared=True)
    if summary is None:
        return Row(name, quantity, None, NOT_RUN, judged, why=f"the runs have no {quantity.measure}")
    verdict = judge(quantity.printed, quantity.better, summary) if judged and quantity.printed is not None else NONE
    goal = "" if quantity.goal is None else judge_goal(quantity.goal, quantity.better, summary)
    return Row(name, quantity, summary, verdict, judged, goal)


def _value(run: RunRecord, quantity: Quantity) -> Measured | None:
    return None if quantity.measure is None else run.measured(quantity.measure)


def factor(quantity: Quantity) -> float:
    """What a run's value is multiplied by to be in the published unit."""
    return (100 if quantity.unit == "%" else 1) * quantity.scale
