"""The rows of a report: a published quantity, what was measured, and the verdict, as numbers and in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from mien.report.wording import UNDEFINED
from mien.reproduction.measures import Measured, is_share
from mien.reproduction.records import FAILED, FINISHED, NOT_RUN, NOT_STARTED, UNFINISHED, RunRecord, shown
from mien.reproduction.schema import Part, Quantity
from mien.reproduction.verdicts import NONE, NOT_JUDGED, Summary, Verdict, decimals, judge, judge_goal, summarise


@dataclass(frozen=True)
class Row:
    """A quantity of a part.

    Attributes:
        part: The part's name.
        quantity: What was published.
        summary: What was measured, in the published unit; ``None``: nothing.
        verdict: On the published value.
        judged: Whether there is a published value that is to be judged.
        goal: The verdict on the goal; ``""`` without one.
    """

    part: str
    quantity: Quantity
    summary: Summary | None
    verdict: Verdict
    judged: bool
    goal: str = ""

    @property
    def published(self) -> str:
        """As printed, with its unit; else the goal."""
        if self.quantity.printed is not None:
            return self._united(self.quantity.printed)
        return UNDEFINED if self.quantity.goal is None else f"goal {self._united(self.quantity.goal)}"

    @property
    def measured(self) -> str:
        """Mean, and the standard deviation and number of several seeds."""
        return f"{self.value} ({self.seeds} seeds)" if self.seeds > 1 else self.value

    @property
    def value(self) -> str:
        """Mean, and the standard deviation over several seeds."""
        if self.summary is None:
            return UNDEFINED
        mean = self._number(self.summary.mean)
        spread = "" if self.summary.spread is None else f" ± {self._number(self.summary.spread)}"
        return self._united(f"{mean}{spread}")

    @property
    def seeds(self) -> int:
        """How many seeds were measured."""
        return 0 if self.summary is None else self.summary.seeds

    @property
    def interval(self) -> str:
        """The bounds of the 95 % interval of one further run."""
        bounds = None if self.summary is None else self.summary.interval
        return UNDEFINED if bounds is None else self._united(f"{self._number(bounds.low)}-{self._number(bounds.high)}")

    @property
    def method(self) -> str:
        """How the interval was made; ``""`` where nothing was measured."""
        if self.summary is None:
            return ""
        return "none" if self.summary.interval is None else self.summary.interval.method

    @property
    def difference(self) -> str:
        """Measured minus published."""
        if self.summary is None or self.quantity.printed is None:
            return UNDEFINED
        unit = " points" if self.quantity.unit == "%" else ""
        return f"{self.summary.mean - float(self.quantity.printed):+.{self._digits}f}{unit}"

    @property
    def words(self) -> str:
        """The verdicts on the published value and on the goal, with the reason where there is one."""
        return self._with_goal(str(self.verdict))

    def short(self, known: str) -> str:
        """The same, without a reason that is told elsewhere."""
        return self._with_goal(self.verdict.word) if self.verdict.why == known else self.words

    def _with_goal(self, verdict: str) -> str:
        return "; ".join(word for word in (verdict, self.goal) if word and (word != NONE or not self.goal))

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
    runs, instead = shown(records), standing(records)
    return [_row(name, part, quantity, runs, instead) for quantity in part.quantities]


def headline_of(name: str, part: Part, records: Sequence[RunRecord]) -> Row:
    """The first quantity of a part, which stands for it."""
    return rows_of(name, part, records)[0]


def standing(records: Sequence[RunRecord]) -> Verdict | None:
    """What stands in place of a verdict on all of a part; ``None`` where its runs can be judged."""
    runs = [record for record in records if record.counts]
    if runs:
        same = len({record.data["fingerprint"] for record in runs}) == 1
        return None if same else Verdict(NOT_JUDGED, "the seeds were run on different data")
    for status, word in ((FINISHED, NOT_JUDGED), (UNFINISHED, UNFINISHED), (FAILED, FAILED), (NOT_RUN, NOT_RUN)):
        reasons = [record.why for record in records if record.status == status and record.why != NOT_STARTED]
        if reasons:
            return Verdict(word, reasons[0])
    return Verdict(NOT_RUN, NOT_STARTED)


def _row(name: str, part: Part, quantity: Quantity, runs: Sequence[RunRecord], instead: Verdict | None) -> Row:
    """One quantity; ``instead`` is what no run of the part being judged is called."""
    judged = quantity.printed is not None and not (part.reference or quantity.reference)
    if quantity.measure is None:
        return Row(name, quantity, None, Verdict(NOT_RUN, quantity.why), judged=False)
    values = [value for run in runs if (value := run.measured(quantity.measure)) is not None]
    summary = _summary(quantity, values) if values else None
    if instead is not None:
        return Row(name, quantity, summary, instead, judged)
    if summary is None:
        return Row(name, quantity, None, Verdict(NOT_RUN, f"the runs have no {quantity.measure}"), judged)
    verdict = judge(quantity.printed, quantity.better, summary) if judged and quantity.printed else Verdict(NONE)
    goal = "" if quantity.goal is None else judge_goal(quantity.goal, quantity.better, summary)
    return Row(name, quantity, summary, verdict, judged, goal)


def _summary(quantity: Quantity, values: Sequence[Measured]) -> Summary:
    share = is_share(quantity.measure or "") and max(value.value for value in values) <= 1
    return summarise(values, share).scaled(factor(quantity))


def factor(quantity: Quantity) -> float:
    """What a run's value is multiplied by to be in the published unit."""
    return (100 if quantity.unit == "%" else 1) * quantity.scale
