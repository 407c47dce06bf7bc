"""The tables of the report."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from mien.comparison.calibration import HOTTEST
from mien.comparison.classes import ClassDifference, class_differences
from mien.comparison.compare import NO_VALIDATION, Comparison, Tested
from mien.comparison.conclusion import p_words
from mien.comparison.frames import data_name, missed_frame
from mien.comparison.jobs import Job, code
from mien.comparison.models import Model
from mien.comparison.plots import shown
from mien.comparison.scores import Score
from mien.face_results import EndToEndResult
from mien.report.document import Block, Fold, Table, Text
from mien.report.wording import UNDEFINED, duration, interval, percent, points, points_interval
from mien.results import RunResult

PAIRS, MISSED = 60, 30
"""Rows of the report's tables; the CSV files have all."""


def ranking_table(tested: Tested) -> Table:
    """One row a model."""
    header = ("model", "accuracy", "95 % interval", "macro recall", "trainings", "sd", "lowest to highest")
    return Table(
        header,
        [_ranked(score) for score in tested.scores],
        caption=f"On {tested.images.n:,} test images; of several trainings the mean, and their standard deviation.",
    )


def _ranked(score: Score) -> list[str]:
    spread = [UNDEFINED, UNDEFINED]
    if score.sd is not None:
        spread = [points(score.sd), interval((min(score.by_run), max(score.by_run)))]
    shares = percent(score.accuracy), interval(score.interval), percent(score.macro_recall)
    return [code(score.model.name), *shares, str(len(score.by_run)), *spread]


def pair_table(tested: Tested) -> Table:
    """One row a pair, those of the base first."""
    base = tested.scores[tested.base]
    ordered = sorted(tested.pairs, key=lambda pair: base not in (pair.first, pair.second))
    rows = [
        [
            code(pair.first.model.name),
            code(pair.second.model.name),
            "yes" if pair.told_apart else "no",
            points(pair.difference),
            points_interval(pair.interval),
            p_words(pair.p_holm).removeprefix("p = ").removeprefix("p "),
            points(pair.macro_difference),
            points_interval(pair.macro_interval),
        ]
        for pair in ordered[:PAIRS]
    ]
    header = (
        *("model", "against", "told apart", "accuracy", "95 % interval", "p (Holm)"),
        *("macro recall", "95 % interval"),
    )
    cut = "" if len(ordered) <= PAIRS else f" The first {PAIRS} of {len(ordered):,}; pairs.csv has all."
    caption = (
        "Differences in percentage points, the first minus the second; intervals are of one pair alone. pairs.csv also "
        "has the test of each, and how many images only one of the two gets right." + cut
    )
    return Table(header, rows, align="llcrrrrr", caption=caption)


def class_table(tested: Tested) -> Table:
    """Of every class the base's recall, and how that of the other models in the pictures differs."""
    places = [place for place in shown(tested) if place != tested.base]
    columns = [class_differences(tested, place) for place in places]
    base = tested.scores[tested.base]
    rows = [
        [label, f"{tested.support[k]:,}", percent(base.recall[k]), *(_change(column[k]) for column in columns)]
        for k, label in enumerate(tested.images.classes)
    ]
    others = [code(tested.scores[place].model.name) for place in places]
    return Table(
        ("class", "images", code(base.model.name), *others),
        rows,
        caption="Recall, and for the others the difference in points with its 95 % interval over images (bootstrap), "
        "not adjusted for the number of classes.",
    )


def _change(row: ClassDifference) -> str:
    return (
        UNDEFINED
        if row.difference is None or row.interval is None
        else f"{100 * row.difference:+.1f} ({points_interval(row.interval).removesuffix(' points')})"
    )


def calibration_table(tested: Tested) -> Table:
    """One row a model, of several trainings the mean."""
    rows, without = [], []
    for score in tested.scores:
        fit = tested.calibration(score.model)
        name, cells = code(score.model.name), [percent(fit.ece), f"{fit.nll:.3f}"]
        if fit.temperature is None or fit.nll_scaled is None:
            without.append(name)
            rows.append([name, *cells, *[UNDEFINED] * 3])
        else:
            rows.append([name, *cells, _degrees(fit.temperature), percent(fit.ece_scaled), f"{fit.nll_scaled:.3f}"])
    caption = (
        "ECE: expected calibration error, 15 equal bins. NLL: mean negative log likelihood. Both on the test images, "
        "as they are and after temperature scaling (Guo et al. 2017), fitted on validation; above 1: the model was "
        "too sure."
    )
    if without:
        which = "any" if len(without) == len(rows) else ", ".join(without)
        caption += f" No temperature for {which}: {NO_VALIDATION}."
    return Table(("model", "ECE", "NLL", "temperature", "ECE after", "NLL after"), rows, caption=caption)


def _degrees(temperature: float) -> str:
    """A temperature; one at the bound is said to be there."""
    return f"{temperature:.2f}" + (" or more" if temperature > 0.999 * HOTTEST else "")


def missed_blocks(tested: Tested) -> Iterator[Block]:
    """How many images no run gets right, of which classes, and the first of them by name."""
    frame = missed_frame(tested)
    n, runs = tested.images.n, len(tested.runs)
    yield Text(
        f"{len(frame):,} of {n:,} ({percent(len(frame) / n)}) are right in none of the {runs} "
        f"run{'' if runs == 1 else 's'}. Such images are hard, or their labels are wrong. `missed_by_all.csv` has all."
    )
    if frame.empty:
        return
    counts = Counter(frame["label"])
    rows = [
        [label, f"{counts[label]:,}", percent(counts[label] / support if support else None)]
        for label, support in zip(tested.images.classes, tested.support, strict=True)
    ]
    yield Table(("class", "missed by all", "of the class"), rows)
    cells = [
        [code(str(row.key)), str(row.label), f"{row.predicted} ({row.runs})"] for row in frame.head(MISSED).itertuples()
    ]
    table = Table(("image", "label", "most often taken for (runs)"), cells, align="lll")
    yield Fold(f"The first {len(cells)}", [table])


def leak_free_blocks(tested: Tested) -> Iterator[Block]:
    """Every model without the images that stand in a train part too."""
    images = tested.images
    if images.leaked is None:
        yield Text("Unknown: not all runs say which test images stand in their train part (older runs do not).")
        return
    if not images.leaked.any():
        yield Text("None of the test images stands byte for byte in the train part of its data set.")
        return
    rows = [
        [code(score.model.name), percent(score.accuracy), percent(part.accuracy), interval(part.interval)]
        for score in tested.scores
        if (part := score.leak_free) is not None
    ]
    count = int(images.leaked.sum())
    caption = f"{count:,} of {images.n:,} test images stand byte for byte in the train part of their data set."
    yield Table(("model", "all images", f"the other {images.n - count:,}", "95 % interval"), rows, caption=caption)


def copy_free_blocks(models: Sequence[Model]) -> Iterator[Block]:
    """Every model without the images that have a copy in train, exact or near, where its runs know of an audit."""
    rows = []
    for model in models:
        tests = [job.result.test for job in model.jobs]
        scores = [test.copy_free for test in tests if test is not None and test.copy_free is not None]
        shares = [score.accuracy for score in scores if score.accuracy is not None]
        if len(shares) == len(tests):
            rows.append([code(model.name), percent(fmean(shares)), f"{scores[0].n:,}", f"{scores[0].leaked:,}"])
    if rows:
        caption = "As an audit of the data found them; of each model's own test, the mean over its seeds."
        yield Table(("model", "without copies in train", "images", "copies"), rows, caption=caption)


PHOTOS: tuple[tuple[str, Callable[[EndToEndResult], str]], ...] = (
    ("end to end", lambda faces: percent(faces.accuracy)),
    ("95 % interval", lambda faces: interval(faces.accuracy_ci95)),
    ("found", lambda faces: percent(faces.detection_recall)),
    ("right of found", lambda faces: percent(faces.accuracy_given_detection)),
    ("precision", lambda faces: percent(faces.detection.precision if faces.detection else None)),
    ("average precision", lambda faces: percent(faces.detection.average_precision if faces.detection else None)),
    ("false faces", lambda faces: f"{faces.detection.false_faces:,}" if faces.detection else UNDEFINED),
    ("gap to crops", lambda faces: points(faces.gap.gap) if faces.gap else UNDEFINED),
    ("faces", lambda faces: f"{faces.n_faces:,}"),
    ("scenes", lambda faces: faces.scenes),
    ("detector", lambda faces: faces.detector),
)
"""The columns of what is scored on whole photos."""


def photo_table(comparison: Comparison) -> Table:
    """One row a run that was scored on whole photos."""
    rows = [
        [code(job.name), *(words(faces) for _, words in PHOTOS)]
        for job in comparison.finished
        if (faces := job.result.end_to_end) is not None
    ]
    caption = (
        "A missed face counts as wrong. Precision and false faces are the detector's, where all faces of the photos "
        "are known. The gap is the accuracy on crops minus that on whole photos."
    )
    names = [name for name, _ in PHOTOS]
    return Table(("run", *names), rows, align="l" + "r" * (len(names) - 2) + "ll", caption=caption)


RUNS: tuple[tuple[str, Callable[[RunResult], str]], ...] = (
    ("accuracy", lambda run: percent(run.test.accuracy if run.test else None)),
    ("95 % interval", lambda run: interval(run.test.accuracy_ci95) if run.test else UNDEFINED),
    ("macro recall", lambda run: percent(run.test.macro_recall if run.test else None)),
    ("macro F1", lambda run: percent(run.test.macro_f1 if run.test else None)),
    ("ECE", lambda run: percent(run.test.ece if run.test else None)),
    ("end to end", lambda run: percent(run.end_to_end.accuracy if run.end_to_end else None)),
    ("n", lambda run: f"{run.test.n:,}" if run.test else UNDEFINED),
    ("selected", lambda run: f"{run.selection.value:.3f} {run.selection.monitor}" if run.selection else UNDEFINED),
    ("parameters", lambda run: f"{run.parameters:,}"),
    ("epochs", lambda run: UNDEFINED if run.members else str(run.epochs)),
    ("fit", lambda run: duration(run.seconds["fit"])),
    ("seed", lambda run: UNDEFINED if run.members else str(run.seed)),
    ("protocol", lambda run: str(run.protocol["name"])),
    ("data", data_name),
)
"""The columns of every run, on all of its own test images."""


def run_table(comparison: Comparison) -> Table:
    """One row a run, unfinished ones too, with the status in the place of the accuracy."""
    rows = [[code(job.name), *_run_cells(job), code(job.folder.name)] for job in comparison.jobs]
    caption = (
        "Each on all of its own test images, with Wilson's interval. Selected: the value on the selection split by "
        "which the epoch was chosen. Macro values are means over the classes present; fit is the wall time of training."
    )
    names = [name for name, _ in RUNS]
    return Table(("run", *names, "folder"), rows, align="l" + "r" * (len(names) - 2) + "lll", caption=caption)


def _run_cells(job: Job) -> list[str]:
    if job.run is None:
        return [job.status, *[UNDEFINED] * (len(RUNS) - 1)]
    return [words(job.run) for _, words in RUNS]
