"""Everything that a comparison says, computed from the files of the runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mien.comparison.calibration import Calibration, calibration, mean_calibration
from mien.comparison.jobs import Job, by_photos, code, results
from mien.comparison.models import Model, group_models
from mien.comparison.pairs import Pair, pair_up
from mien.comparison.predictions import (
    TEST_FILE,
    VALIDATION_FILE,
    Predictions,
    SameImages,
    read_predictions,
    same_images,
)
from mien.comparison.scores import Draws, Score, Scored, score_models
from mien.errors import ComparisonError, nearest

NO_VALIDATION = f"no {VALIDATION_FILE}: the protocol has no selection split, or the run is older than this file"


@dataclass(frozen=True)
class Options:
    """How runs are compared.

    Attributes:
        reference: The run whose model all others are tested against; ``None``: each against each.
        intersection: Compare on the images that all runs share, where they were tested on different ones.
        leave_out: Leave out a run whose predictions cannot be read, with a caution, instead of refusing.
        draws: Resamples of the bootstrap, and their seed.
    """

    reference: Path | None = None
    intersection: bool = False
    leave_out: bool = False
    draws: Draws = field(default_factory=Draws)


@dataclass(frozen=True, eq=False)
class Tested:
    """Models on the same images.

    Attributes:
        images: The images, with the predictions of the models' runs in the order of ``runs``.
        runs: The runs that were compared.
        scored: The models, the most accurate first.
        pairs: Those tested.
        base: The model the others are shown against: the reference, else the most accurate.
        calibrations: Of every run's folder.
        damaged: What could not be read and was left out, in sentences.
    """

    images: SameImages
    runs: tuple[Job, ...]
    scored: Scored
    pairs: tuple[Pair, ...]
    base: int
    calibrations: Mapping[Path, Calibration]
    damaged: tuple[str, ...] = ()

    @property
    def scores(self) -> tuple[Score, ...]:
        """The models, the most accurate first."""
        return self.scored.scores

    @property
    def support(self) -> list[int]:
        """Images of every class."""
        counts = np.bincount(self.images.labels, minlength=len(self.images.classes))
        return [int(count) for count in counts]

    def predictions(self, model: Model) -> list[NDArray[np.float32]]:
        """The probabilities (N, K) of every training of a model."""
        return [p for p, job in zip(self.images.p, self.runs, strict=True) if job in model.jobs]

    def calibration(self, model: Model) -> Calibration:
        """The mean over a model's trainings; without a temperature where one of them has none."""
        fits = [self.calibrations[job.folder] for job in model.jobs]
        return mean_calibration(fits)

    @property
    def missed_by_all(self) -> NDArray[np.int64]:
        """Places of the images that no run gets right."""
        return np.flatnonzero(~(self.images.predicted == self.images.labels).any(axis=0))


@dataclass(frozen=True, eq=False)
class Comparison:
    """A comparison of runs.

    Attributes:
        jobs: All of them, unfinished ones too, the best first.
        options: How they were compared.
        tested: What follows from the predictions; ``None`` where runs share no test images.
        untested: Why ``tested`` is missing, ``""`` where it is not.
    """

    jobs: tuple[Job, ...]
    options: Options
    tested: Tested | None
    untested: str = ""

    @property
    def finished(self) -> list[Job]:
        """The finished runs."""
        return [job for job in self.jobs if job.run is not None]

    @property
    def photos(self) -> bool:
        """Whether only scores on whole photos tell these runs apart."""
        return by_photos(results(self.jobs))


def compare(jobs: Sequence[Job], options: Options | None = None) -> Comparison:
    """Compare runs.

    Args:
        jobs: The runs, as :func:`mien.comparison.jobs.load_jobs` gives them.
        options: How.

    Raises:
        ComparisonError: No run is finished, the reference is none of them, or they were tested on different images
            (which is not refused where whole photos alone tell the runs apart).
    """
    options = options or Options()
    finished = [job for job in jobs if job.run is not None]
    if not finished:
        raise ComparisonError(f"expected at least one finished run, got {len(jobs)} runs, none of them finished")
    if options.reference is not None:
        _find(options.reference, group_models(finished))
    if by_photos(results(jobs)):
        reason = "these evaluations differ on whole photos only; no paired test is made of those"
        return Comparison(tuple(jobs), options, None, reason)
    scored = [job for job in finished if job.result.test is not None]
    if not scored:
        return Comparison(tuple(jobs), options, None, "no run was scored on ready-made test images")
    return Comparison(tuple(jobs), options, _tested(scored, options))


def compare_leniently(jobs: Sequence[Job]) -> Comparison:
    """The same for a sweep that has just ended: what keeps its runs from being compared is noted, not raised."""
    options = Options(leave_out=True)
    try:
        return compare(jobs, options)
    except ComparisonError as error:
        return Comparison(tuple(jobs), options, None, str(error))


def _tested(jobs: Sequence[Job], options: Options) -> Tested:
    found, damaged = _read(jobs, options.leave_out)
    models = group_models([job for job in jobs if job.folder in found])
    reference = None if options.reference is None else _find(options.reference, models)
    runs = tuple(job for model in models for job in model.jobs)
    images = same_images([found[job.folder] for job in runs], options.intersection)
    scored = score_models(models, images, options.draws)
    order = [score.model for score in scored.scores]
    place = None if reference is None else order.index(reference)
    calibrations = {}
    for job, p in zip(runs, images.p, strict=True):
        calibrations[job.folder], problem = _calibration(job, p, images)
        damaged += [problem] if problem else []
    return Tested(
        images=images,
        runs=runs,
        scored=scored,
        pairs=pair_up(scored, place),
        base=place or 0,
        calibrations=MappingProxyType(calibrations),
        damaged=tuple(damaged),
    )


def _read(jobs: Sequence[Job], leave_out: bool) -> tuple[dict[Path, Predictions], list[str]]:
    """The predictions by folder, and which could not be read, in sentences.

    Raises:
        ComparisonError: Some could not, and none is to be left out; or none is left.
    """
    found: dict[Path, Predictions] = {}
    problems = []
    for job in jobs:
        try:
            found[job.folder] = read_predictions(job.folder / TEST_FILE, str(job.folder))
        except ComparisonError as error:
            if not leave_out:
                raise
            problems.append(f"Not in the tests: {code(job.name)}. {error}.")
    if not found:
        raise ComparisonError(" ".join(problems))
    return found, problems


def _find(reference: Path, models: Sequence[Model]) -> Model:
    """The model that has this run.

    Raises:
        ComparisonError: None has.
    """
    for model in models:
        if reference.resolve() in (job.folder.resolve() for job in model.jobs):
            return model
    names = [str(job.folder) for model in models for job in model.jobs]
    raise ComparisonError(f"reference={reference}: expected one of the finished runs; {nearest(str(reference), names)}")


def _calibration(job: Job, p: NDArray[np.float32], images: SameImages) -> tuple[Calibration, str]:
    """Of one run, and why its temperature cannot be fitted, where its file for that is damaged."""
    path, test = job.folder / VALIDATION_FILE, (p, images.labels)
    if not path.is_file():
        return calibration(test, None), ""
    try:
        fitted = read_predictions(path, str(job.folder))
    except ComparisonError as error:
        return calibration(test, None), f"No temperature for {code(job.name)}. {error}."
    return calibration(test, (fitted.p, fitted.labels)), ""
