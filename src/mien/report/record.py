"""The record of a run as a page for ``experiments/``: what was run, where, and every number, copied by program.

python -m mien.report.record outputs/<run> > experiments/<study>/<name>.md
"""

import re
import sys
from pathlib import Path
from typing import Any

from mien.environment import commits
from mien.face_results import EndToEndResult
from mien.files import read_json
from mien.report.notes import chosen_on_reported, looked_at, not_compared, seed_words, without_copied, without_leaked
from mien.report.tables import error_shares, notes_on, size_words
from mien.report.wording import UNDEFINED, duration, interval, percent, pixels
from mien.results import EvalResult, RunResult


def record(folder: Path) -> str:
    """A finished run as Markdown. Folders of one machine are shortened to their last name.

    Args:
        folder: The run folder, with ``results.json`` and ``environment.json``.

    Raises:
        RunFolderError: The run is not finished.
    """
    run, environment = RunResult.load(folder), read_json(folder / "environment.json")
    parts = _facts(run, environment)
    if run.test is not None:
        parts += ["", *test_lines(run, run.test)]
    if run.end_to_end is not None:
        parts += ["", *end_to_end_lines(run.end_to_end)]
    return "\n".join(parts) + "\n"


def _facts(run: RunResult, environment: dict[str, Any]) -> list[str]:
    hardware, packages = environment["hardware"], environment["packages"]
    devices = ", ".join(hardware["gpus"]) or "no GPU"
    data = f"{run.dataset['name']} {run.dataset['version']}".rstrip() if run.test is not None else "whole photos only"
    chosen = run.selection
    selection = "each member's own" if run.members and run.protocol["selection"] != "none" else "none"
    if chosen is not None:
        by = f"{chosen.monitor} ({chosen.value:.4f}) on {chosen.split}"
        selection = f"epoch {chosen.epoch} of {run.epochs}, by {by}"
    place = "joined and scored: " if run.members else ""
    precision = "each member's own" if run.members else environment.get("precision", "not recorded")
    seconds = ", ".join(f"{name.replace('_', ' ')} {duration(value)}" for name, value in run.seconds.items() if value)
    return [
        f"# {run.backbone} on {data}",
        "",
        "| | |",
        "| --- | --- |",
        f"| command | `{portable(run.command)}` |",
        f"| protocol | {_protocol(run)} |",
        f"| epoch chosen | {selection} |",
        f"| seed | {seed_words(run)} |",
        f"| data | fingerprint {run.dataset['fingerprint'][:16] or UNDEFINED} |",
        *(f"| member | {words} |" for words in run.members),
        f"| parameters | {run.parameters:,}, trained {run.trainable_parameters:,} |",
        f"| {place}{_commits(environment)} |",
        f"| {place}hardware | {hardware['cpu']}, {hardware['cores']} cores, {hardware['memory_gib']} GiB, {devices} |",
        f"| software | Python {environment['python']}, torch {packages['torch']}, timm {packages['timm']}, "
        f"Lightning {packages['pytorch-lightning']} |",
        f"| precision | {precision} |",
        f"| time | {seconds} |",
    ]


def _protocol(run: RunResult) -> str:
    protocol = run.protocol
    averaged = f"flip averaging {'on' if protocol['flip_average'] else 'off'}"
    averaged += ", mean over ten crops" if protocol.get("ten_crop") else ""
    text = f"{protocol['name']}: selection on {protocol['selection']}, report on {protocol['report']}, {averaged}"
    return "; ".join(filter(None, [text, chosen_on_reported(run), looked_at(run)]))


def _commits(environment: dict[str, Any]) -> str:
    """The row of the commits: of several starts, all that differ, in order."""
    known = commits(environment)
    return f"{'commit' if len(known) == 1 else 'commits'} | {', '.join(known)}"


def portable(command: str) -> str:
    """A command whose folders of one machine are shortened to their last name."""
    command = re.sub(r"('[^'=\s]+=)/[^']*/([^'/]+)(?=/?')", r"\1<\2>", command)  # quoted, since there is a space in it
    return re.sub(r"(=)/[^'\s]*/([^'/\s]+)", r"\1<\2>", command)


def test_lines(run: RunResult, result: EvalResult) -> list[str]:
    """The scores on the reported split as Markdown."""
    return [
        f"**{percent(result.accuracy)}** on {result.n:,} images (95 % interval {interval(result.accuracy_ci95)}), "
        f"macro recall {percent(result.macro_recall)}, macro F1 {percent(result.macro_f1)}, "
        f"calibration error {percent(result.ece)}, cross entropy {result.loss:.3f}.",
        *_leak_free(run, result),
        *_copy_free(result),
        "",
        "| class | recall | precision | F1 | support |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {row.label} | {percent(row.recall)} | {percent(row.precision)} | {percent(row.f1)} | {row.support} |"
            for row in result.per_class
        ),
        *_per_set(result),
    ]


def _leak_free(run: RunResult, result: EvalResult) -> list[str]:
    """The score without the leaked images, or that there are none; nothing where that is unknown."""
    score = result.leak_free
    if score is None:
        return []
    part = "the train part" if run.own_data is not False else "this data set's own train part"
    line = without_leaked(score)
    text = (
        f"{line[0].upper()}{line[1:]} (95 % interval {interval(score.accuracy_ci95)}, macro recall "
        f"{percent(score.macro_recall)}). A leaked image stands byte for byte in {part} too."
        if score.leaked
        else f"No leaked image: none of these stands byte for byte in {part}."
    )
    return ["", " ".join(filter(None, [text, not_compared(run)]))]


def _copy_free(result: EvalResult) -> list[str]:
    """The score without what has a copy in train; nothing where no audit told."""
    score = result.copy_free
    if score is None:
        return []
    line = without_copied(score)
    return [
        "",
        f"{line[0].upper()}{line[1:]} (95 % interval {interval(score.accuracy_ci95)}, macro recall "
        f"{percent(score.macro_recall)}): exact and near copies, as an audit of the data found them.",
    ]


def _per_set(result: EvalResult) -> list[str]:
    """The table of the sets of a mix; nothing for other data."""
    if not result.per_set:
        return []
    return [
        "",
        "| set | images | accuracy | 95 % interval | macro recall |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {row.name} | {row.n:,} | {percent(row.accuracy)} | {interval(row.accuracy_ci95)} | "
            f"{percent(row.macro_recall)} |"
            for row in result.per_set
        ),
    ]


def end_to_end_lines(result: EndToEndResult) -> list[str]:
    """The scores on whole photos as Markdown."""
    return [
        f"End to end on {result.n_faces:,} faces in whole photos ({result.scenes}, {result.detector}): "
        f"**{percent(result.accuracy)}** (95 % interval {interval(result.accuracy_ci95)}); "
        f"found {percent(result.detection_recall)}, right of the found {percent(result.accuracy_given_detection)}. "
        "A missed face counts as wrong."
        + (f" Fingerprint of the photos: {result.fingerprint[:16]}." if result.fingerprint else ""),
        *(f"{note[0].upper()}{' '.join(note.split())[1:]}." for note in notes_on(result)),
        "",
        "| class | faces | found | right of found | right of all |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {row.label} | {row.support} | {percent(row.detection_recall)} | "
            f"{percent(row.accuracy_given_detection)} | {percent(row.accuracy)} |"
            for row in result.per_class
        ),
        *_errors(result),
        *_sizes(result),
    ]


def _errors(result: EndToEndResult) -> list[str]:
    """Where errors come from, by class; nothing without true face boxes."""
    if result.outcomes is None or result.outcomes.wrong_poor_box is None:
        return []
    rows = [(row.label, row.outcomes) for row in result.per_class] + [("all faces", result.outcomes)]
    return [
        "",
        "| class | missed | wrong, good box | wrong, poor box |",
        "| --- | ---: | ---: | ---: |",
        *(f"| {name} | {' | '.join(error_shares(outcomes))} |" for name, outcomes in rows),
        "",
        "Shares of the faces; a good box overlaps the true one by IoU 0.7.",
    ]


def _sizes(result: EndToEndResult) -> list[str]:
    """Accuracy against face size; nothing where the truth has no boxes."""
    if not result.by_size:
        return []
    return [
        "",
        "| true box's shorter side | faces | found | right of all | 95 % interval |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(f"| {pixels(r.low, r.high)} | {r.support} | {' | '.join(size_words(r))} |" for r in result.by_size),
    ]


if __name__ == "__main__":
    sys.stdout.write(record(Path(sys.argv[1])))
