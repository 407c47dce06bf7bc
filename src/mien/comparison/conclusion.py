"""What can and what cannot be concluded, in sentences made from the numbers."""

from collections.abc import Iterator, Sequence

from mien.comparison.compare import Comparison, Tested
from mien.comparison.pairs import Pair
from mien.comparison.scores import Score
from mien.report.wording import interval, percent, points, points_interval

_SHOWN = 3
"""Pairs that a sentence names one by one."""


def conclusion(comparison: Comparison) -> str:
    """The opening of a report: what is better, what cannot be told apart, and what the intervals leave out."""
    tested = comparison.tested
    if tested is None:
        return _untested(comparison)
    where = f"On these {tested.images.n:,} test images"
    if any(tested.images.left_out):
        where = f"On the {tested.images.n:,} test images that all runs share"
    first, *rest = [*_clauses(tested), *_other_pairs(tested), _trainings(tested)]
    comma = "," if first.startswith("of ") else ""
    return " ".join([f"{where}{comma} {first}.", *(f"{clause[0].upper()}{clause[1:]}." for clause in rest)])


def p_words(p: float) -> str:
    """A p-value: ``p = 0.03``, with three digits where two would blur it: below 0.01, and near 0.05."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.01 or 0.045 <= p < 0.055 else f"p = {p:.2f}"


def _clauses(tested: Tested) -> Iterator[str]:
    """What is found of the base: whom it beats, who beats it, and from whom it cannot be told apart."""
    base = tested.scores[tested.base]
    if not tested.pairs:
        yield f"{_name(base)}, the only model, is right on {percent(base.accuracy)} ({_around(base)})"
        return
    pairs = [pair for pair in tested.pairs if base in (pair.first, pair.second)]
    apart = [pair for pair in pairs if pair.told_apart]
    for (trainings, won), words in _WORDS.items():
        alike = [pair for pair in apart if pair.over_trainings == trainings and (pair.first is base) == won]
        yield from _found(tested, alike, words.format(_name(base)))
    yield from _level(tested, [pair for pair in pairs if not pair.told_apart])


_WORDS = {
    (True, True): "{} is better than",
    (True, False): "{} is worse than",
    (False, True): "of these trainings, {} is more accurate than",
    (False, False): "of these trainings, {} is less accurate than",
}
"""By whether a pair's test counts the spread between trainings, and whether its first model is meant."""


def _others(tested: Tested, pairs: Sequence[Pair]) -> list[Score]:
    """Of each pair the model that is not the base."""
    base = tested.scores[tested.base]
    return [pair.second if pair.first is base else pair.first for pair in pairs]


def _found(tested: Tested, pairs: Sequence[Pair], start: str) -> Iterator[str]:
    """The base against models that it is told apart from, all better or all worse; of many the range."""
    if not pairs:
        return
    others = _others(tested, pairs)
    if len(pairs) <= _SHOWN:
        said = [
            f"{_name(other)} by {points(pair.difference)} ({_tail(tested, pair)})"
            for pair, other in zip(pairs, others, strict=True)
        ]
        yield f"{start} {_and(said)}"
        return
    bound = f"at most {max(*(pair.p_holm for pair in pairs), 0.001):.2g}"
    yield f"{start} {_many(others)}, by {_span(pairs)} ({_adjusted(tested)}p {bound} each)"


def _level(tested: Tested, pairs: Sequence[Pair]) -> Iterator[str]:
    """The base and models that it cannot be told apart from."""
    if not pairs:
        return
    base, others = tested.scores[tested.base], _others(tested, pairs)
    if len(pairs) <= _SHOWN:
        for pair, other in zip(pairs, others, strict=True):
            yield _undecided(tested, pair, base, other)
        return
    bound = f"at least {min(pair.p_holm for pair in pairs):.2g}"
    yield (
        f"{_name(base)} cannot be told apart from {_many(others)}: "
        f"they differ by {_span(pairs)} ({_adjusted(tested)}p {bound} each)"
    )


def _undecided(tested: Tested, pair: Pair, one: Score, other: Score) -> str:
    return (
        f"{_name(one)} and {_name(other)} cannot be told apart: they differ by {points(pair.difference)} "
        f"({_tail(tested, pair)})"
    )


def _tail(tested: Tested, pair: Pair) -> str:
    """Interval and p-value of one pair."""
    alone = " of this pair alone" if _adjusted(tested) else ""
    return f"95 % interval{alone} {points_interval(pair.interval)}, {_adjusted(tested)}{p_words(pair.p_holm)}"


def _adjusted(tested: Tested) -> str:
    return "Holm-adjusted " if len(tested.pairs) > 1 else ""


def _many(others: Sequence[Score]) -> str:
    return f"{', '.join(_name(other) for other in others[:_SHOWN])} and {len(others) - _SHOWN} more"


def _span(pairs: Sequence[Pair]) -> str:
    low, high = min(pair.difference for pair in pairs), max(pair.difference for pair in pairs)
    return f"{100 * low:.1f} to {points(high)}"


def _other_pairs(tested: Tested) -> Iterator[str]:
    """The pairs without the base: those told apart by name, where they are few."""
    base = tested.scores[tested.base]
    others = [pair for pair in tested.pairs if base not in (pair.first, pair.second)]
    apart = [pair for pair in others if pair.told_apart]
    if len(others) == 1 and not apart:
        yield _undecided(tested, others[0], others[0].first, others[0].second)
    elif len(others) > 1:
        named = ": the table of pairs names them" if len(apart) > _SHOWN else ""
        yield f"of the {len(others)} pairs among the others, {len(apart) or 'none'} can be told apart{named}"
    if len(apart) <= _SHOWN:
        for pair in apart:
            start = _WORDS[pair.over_trainings, True].format(_name(pair.first))
            yield f"{start} {_name(pair.second)} by {points(pair.difference)} ({_tail(tested, pair)})"


def _trainings(tested: Tested) -> str:
    """Of which models the intervals cover the spread between trainings, and of which not."""
    several = [score for score in tested.scores if len(score.by_run) > 1]
    once = [score for score in tested.scores if len(score.by_run) == 1]
    if not several:
        return f"{_how_often(once)}: the spread between trainings is not in these intervals"
    ranges = [f"{_name(score)} {len(score.by_run)} times, {_range(score)}" for score in several[:_SHOWN]]
    more = [f"{len(several) - _SHOWN} more"] if len(several) > _SHOWN else []
    covered = f"the intervals cover the choice of images and the spread between trainings ({_and([*ranges, *more])})"
    if not once:
        return covered
    names = _and([_name(score) for score in once[:_SHOWN]] + [f"{len(once) - _SHOWN} more"] * (len(once) > _SHOWN))
    apart = "; pairs of single trainings have the choice of images alone" if len(once) > 1 else ""
    single = "one training" if len(once) == 1 else "one training each"
    return f"{covered}; {names}, with {single}, {'is' if len(once) == 1 else 'are'} taken to spread likewise{apart}"


def _how_often(once: Sequence[Score]) -> str:
    """How often models were trained of which one run each is compared."""
    models = [score.model for score in once]
    each = "each model" if len(once) > 1 else "it"
    if not all(model.known for model in models):
        return f"how often {each} was trained is not known"
    if any(job.evaluation for model in models for job in model.jobs):
        return f"one training of {each} is compared"
    return f"{each} was trained once"


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
