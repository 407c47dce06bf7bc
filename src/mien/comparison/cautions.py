"""What keeps runs from being compared fairly, each in a sentence."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from mien.comparison.compare import Comparison
from mien.comparison.jobs import Job, code, names, results
from mien.comparison.models import read_config
from mien.report.notes import chosen_on_reported
from mien.results import RunResult
from mien.runs import CONFIG_FILE, METRICS_FILE

_RULES = {
    "name": "protocol",
    "selection": "selection split",
    "checkpoint": "checkpoint",
    "monitor": "monitor",
    "report": "reported split",
    "flip_average": "flip averaging",
    "ten_crop": "ten-crop",
    "report_curve": "scoring the reported split after every epoch",
}


def cautions(comparison: Comparison) -> list[str]:
    """Sentences on what a reader must know before he believes the numbers; none where all is well."""
    return [
        *_missing(comparison),
        *_damaged(comparison),
        *_twins(comparison),
        *_images(comparison),
        *_protocols(comparison.finished),
        *_selected_on_test(comparison.finished),
        *_data(comparison),
        *_photos(comparison.finished),
        *_trainings(comparison),
    ]


def _missing(comparison: Comparison) -> Iterator[str]:
    for status in ("not finished", "unreadable"):
        jobs = [job for job in comparison.jobs if job.status == status]
        if jobs:
            yield f"Not in the comparison, since {status}: {names(jobs)}."
    untested = [job for job in comparison.finished if job.result.test is None]
    if comparison.tested is not None and untested:
        yield f"Not in the tests, since scored on whole photos only: {names(untested)}."


def _damaged(comparison: Comparison) -> Iterator[str]:
    """What files could not be read."""
    if comparison.tested is not None:
        yield from comparison.tested.damaged
    finished = comparison.finished
    unread = [job for job in finished if (job.folder / CONFIG_FILE).is_file() and read_config(job.folder) is None]
    if unread:
        yield f"{CONFIG_FILE} cannot be read, so that other trainings of the same model are not known: {names(unread)}."
    curveless = [job for job in finished if job.validation() is None]
    if curveless:
        yield f"No learning curve, since {METRICS_FILE} cannot be read: {names(curveless)}."


def _twins(comparison: Comparison) -> Iterator[str]:
    """Runs whose probabilities are the very same."""
    if comparison.tested is None:
        return
    groups: dict[str, list[Job]] = {}
    for job, p in zip(comparison.tested.runs, comparison.tested.images.p, strict=True):
        groups.setdefault(sha256(p.tobytes()).hexdigest(), []).append(job)
    for group in groups.values():
        if len(group) > 1:
            yield f"All probabilities are the very same in {names(group)}: the same model twice?"


def _images(comparison: Comparison) -> Iterator[str]:
    if comparison.tested is None:
        return
    images, runs = comparison.tested.images, comparison.tested.runs
    if any(images.left_out):
        left = ", ".join(f"{n:,} of {code(job.name)}" for job, n in zip(runs, images.left_out, strict=True) if n)
        yield (
            f"The runs were tested on different images. All scores here are on the {images.n:,} that they share; left "
            f"out are {left}. The shared images may be easier or harder than the rest."
        )
    if images.by_name and len({job.result.dataset["fingerprint"] for job in runs}) > 1:
        yield (
            "The data differ and images were matched by name alone, since not all runs have digests: nothing shows "
            "that images of one name are the same."
        )


def _rules(run: RunResult) -> dict[str, Any]:
    """What a result says of its protocol; a rule that an older one lacks is off."""
    return {key: run.protocol.get(key) or False for key in _RULES}


def _protocols(jobs: Sequence[Job]) -> Iterator[str]:
    for key, name in _RULES.items():
        groups: dict[Any, list[Job]] = {}
        for job in jobs:
            groups.setdefault(_rules(job.result)[key], []).append(job)
        if len(groups) > 1:
            parts = "; ".join(f"{_word(value)} in {names(group)}" for value, group in groups.items())
            yield f"The protocols differ, so that not only the models are compared: {name} is {parts}."


def _word(value: Any) -> str:
    return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _selected_on_test(jobs: Sequence[Job]) -> Iterator[str]:
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(chosen_on_reported(job.result), []).append(job)
    for note, group in groups.items():
        if note:
            yield f"{names(group)}: {note}."


def _data(comparison: Comparison) -> Iterator[str]:
    groups: dict[str, list[Job]] = {}
    for job in comparison.finished:
        groups.setdefault(job.result.dataset["fingerprint"], []).append(job)
    if len(groups) > 1 and comparison.tested is not None:
        parts = "; ".join(f"{_named(group[0])}: {names(group)}" for group in groups.values())
        tested = "test images that are compared" if any(comparison.tested.images.left_out) else "test images"
        yield f"The {tested} are the same, but not the data sets as a whole: {parts}. Differences may be the data's."


def _named(job: Job) -> str:
    data = job.result.dataset
    return f"{data['name']} {data['version']} ({data['fingerprint'][:8]})".replace("  ", " ")


def _scenes(runs: Sequence[RunResult]) -> set[Any]:
    return {(faces.scenes, faces.n_faces, faces.fingerprint) for run in runs if (faces := run.end_to_end) is not None}


def _photos(jobs: Sequence[Job]) -> Iterator[str]:
    if len(_scenes(results(jobs))) > 1:
        yield "The whole photos differ: end-to-end scores cannot be compared between runs."


def _trainings(comparison: Comparison) -> Iterator[str]:
    if comparison.tested is None:
        return
    models = [score.model for score in comparison.tested.scores]
    if all(model.known for model in models) and len({len(model.jobs) for model in models}) > 1:
        yield "The models were not trained equally often: the mean of few trainings is the less certain one."
