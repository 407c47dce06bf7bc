"""What can and what cannot be concluded, in sentences made from the numbers."""

from collections.abc import Iterator, Sequence

from mien.comparison.compare import Comparison, Tested
from mien.comparison.pairs import Pair
from mien.comparison.scores import Score
from mien.report.wording import interval, percent, points, points_interval

_SHOWN = 3
"""Pairs that a sentence names one by one."""


def conclusion(comparison: Comparison) -> str:
    """The opening of a report: what is better, of what nothing can be said, and what the intervals leave out."""
    tested = comparison.tested
    if tested is None:
        return _untested(comparison)
    where = f"On these {tested.images.n:,} test images"
    if any(tested.images.left_out):
        where = f"On the {tested.images.n:,} test images that all runs share"
    first, *rest = [*_clauses(tested), *_other_pairs(tested), _trainings(tested)]
    return " ".join([f"{where} {first}.", *(f"{clause[0].upper()}{clause[1:]}." for clause in rest)])


def p_words(p: float) -> str:
    """A p-value: ``p = 0.03``, with three digits below 0.01, and ``p < 0.001``."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.01 else f"p = {p:.2f}"


def _clauses(tested: Tested) -> Iterator[str]:
    """What is found of the base: whom it beats, who beats it, and of whom nothing can be said."""
    base = tested.scores[tested.base]
    if not tested.pairs:
        yield f"{_name(base)}, the only model, is right on {percent(base.accuracy)} ({_around(base)})"
        return
    pairs = [pair for pair in tested.pairs if base in (pair.first, pair.second)]
    adjusted = "Holm-adjusted " if len(tested.pairs) > 1 else ""
    wins = [pair for pair in pairs if pair.told_apart and pair.first is base]
    losses = [pair for pair in pairs if pair.told_apart and pair.second is base]
    level = [pair for pair in pairs if not pair.told_apart]
    if wins:
        yield f"{_name(base)} is better than " + _listed(wins, [pair.second for pair in wins], adjusted)
    if losses:
        yield f"{_name(base)} is worse than " + _listed(losses, [pair.first for pair in losses], adjusted)
    if level:
        others = [pair.second if pair.first is base else pair.first for pair in level]
        yield f"nothing can be said of {_name(base)} against " + _listed(level, others, adjusted)


def _listed(pairs: Sequence[Pair], others: Sequence[Score], adjusted: str) -> str:
    """Other models with the differences; of many the range. All pairs are told apart, or none is."""
    apart = pairs[0].told_apart
    if len(pairs) <= _SHOWN:
        return _and([_one(pair, other, adjusted) for pair, other in zip(pairs, others, strict=True)])
    low, high = min(pair.difference for pair in pairs), max(pair.difference for pair in pairs)
    p_values = [pair.p_holm for pair in pairs]
    bound = f"at most {max(*p_values, 0.001):.2g}" if apart else f"at least {min(p_values):.2g}"
    shown = ", ".join(_name(other) for other in others[:_SHOWN])
    span = f"{100 * low:.1f} to {points(high)}"
    how = f"by {span}" if apart else f"{span} apart"
    return f"{shown} and {len(others) - _SHOWN} more, {how} ({adjusted}p {bound} each)"


def _one(pair: Pair, other: Score, adjusted: str) -> str:
    """One other model with the difference."""
    tail = f"95 % interval {points_interval(pair.interval)}, {adjusted}{p_words(pair.p_holm)}"
    if pair.told_apart:
        return f"{_name(other)} by {points(pair.difference)} ({tail})"
    return f"{_name(other)} ({points(pair.difference)} apart, {tail})"


def _other_pairs(tested: Tested) -> Iterator[str]:
    """How many pairs without the base are told apart."""
    base = tested.scores[tested.base]
    others = [pair for pair in tested.pairs if base not in (pair.first, pair.second)]
    if others:
        apart = sum(pair.told_apart for pair in others)
        if len(others) == 1:
            yield f"the other two can{'' if apart else 'not'} be told apart"
        else:
            yield f"of the {len(others)} pairs among the others, {apart or 'none'} can be told apart"


def _trainings(tested: Tested) -> str:
    """Of which models the intervals cover the spread between trainings, and of which not."""
    several = [score for score in tested.scores if len(score.by_run) > 1]
    once = [score for score in tested.scores if len(score.by_run) == 1]
    if not several:
        who = "each model" if len(once) > 1 else "it"
        return f"{who} was trained once: the spread between trainings is not in these intervals"
    ranges = [f"{_name(score)} {score.model.trainings}, {_range(score)}" for score in several[:_SHOWN]]
    more = [f"{len(several) - _SHOWN} more"] if len(several) > _SHOWN else []
    covered = f"the intervals cover the choice of images and the spread between trainings ({_and([*ranges, *more])})"
    if not once:
        return covered
    names = _and([_name(score) for score in once[:_SHOWN]] + [f"{len(once) - _SHOWN} more"] * (len(once) > _SHOWN))
    return f"{covered}, but not where {names} {'is' if len(once) == 1 else 'are'} in it, trained once only"


def _untested(comparison: Comparison) -> str:
    """Where the runs have no test images in common."""
    finished = comparison.finished
    if not finished:
        return "No run is finished: nothing can be concluded."
    if not comparison.photos:
        return f"Nothing can be concluded of one run against another: {comparison.untested}."
    scores = [(job.name, job.result.end_to_end) for job in finished]
    said = [
        f"**{name}** {percent(faces.accuracy)} ({interval(faces.accuracy_ci95)})" for name, faces in scores if faces
    ]
    return (
        f"End to end, on whole photos, the runs come in this order: {', '.join(said[:_SHOWN])}"
        f"{f' and {len(said) - _SHOWN} more' if len(said) > _SHOWN else ''}. No paired test was made, and each 95 % "
        "interval is of one run alone: which of two close ones is better, these numbers do not say."
    )


def _name(score: Score) -> str:
    return f"**{score.model.name}**"


def _around(score: Score) -> str:
    return f"95 % interval {interval(score.interval)}"


def _range(score: Score) -> str:
    return interval((min(score.by_run), max(score.by_run)))


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
