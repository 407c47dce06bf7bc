"""The model card: what a bundle is, what it was trained on, what it scored, and what it is not for."""

from typing import Any

from mien.report.notes import chosen_on_reported, looked_at, seed_words
from mien.report.record import end_to_end_lines, portable, test_lines
from mien.report.run import kept_epoch
from mien.report.wording import percent
from mien.results import EvalResult, RunResult

_SHOWN = 5  # confusions
_DRAWN = "drawn_faces"
_EDGES = {
    "clip": "clipped to the photo",
    "shift": "moved into the photo",
    "repeat": "filled up with the photo's edge pixels",
}


def model_card(facts: dict[str, Any], run: RunResult) -> str:
    """The card as Markdown.

    Args:
        facts: The content of the bundle's ``model.json``.
        run: The result of the run that made it.
    """
    data = " ".join(filter(None, (run.dataset["name"], run.dataset["version"])))
    parts = [
        [f"# {run.backbone}, trained on {data}"],
        _demonstration(_sets(facts)),
        [
            f"Names the facial expression of a face as one of {len(facts['labels'])}: {', '.join(facts['labels'])}. "
            "Weights in `model.safetensors`, everything else in `model.json`; no pickle.",
            "",
            "```sh",
            "python recognize.py model=<this folder> source=photo.jpg",
            "```",
        ],
        ["## How it was made", "", *_origin(facts, run)],
        ["## What it sees", "", *_input(facts)],
        [] if run.test is None else ["## Scores on faces", "", *test_lines(run, run.test), "", *_confusions(run.test)],
        [] if run.end_to_end is None else ["## Scores on whole photos", "", *end_to_end_lines(run.end_to_end)],
        ["## Use and limits", "", *_limits(run, _sets(facts))],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _sets(facts: dict[str, Any]) -> set[str]:
    """The data sets behind the model: those of a mix, or the one."""
    mixed = facts["about"]["config"]["dataset"].get("mixed") or {}
    return {part["name"] for part in mixed.values()} or {facts["about"]["dataset"]["name"]}


def _demonstration(sets: set[str]) -> list[str]:
    if sets != {_DRAWN}:
        return []
    return ["> **For demonstration: trained on drawn faces, not for real people.**"]


def _origin(facts: dict[str, Any], run: RunResult) -> list[str]:
    about, protocol = facts["about"], run.protocol
    kept = "each member's own" if run.members else f"{kept_epoch(run)} of {run.epochs}"
    if run.selection is not None and protocol["checkpoint"] == "best":
        kept += f", by {run.selection.monitor} on {run.selection.split}"
    versions = about["versions"]
    lines = [
        "| | |",
        "| --- | --- |",
        f"| data | {', '.join(sorted(_sets(facts)))}; fingerprint {run.dataset['fingerprint'][:16]} |",
        f"| network | {run.backbone}, {run.parameters:,} parameters, trained {run.trainable_parameters:,}; "
        f"initial weights {_name(facts['backbone']['weights'])} |",
        *(f"| member | {words} |" for words in run.members),
        f"| protocol | {protocol['name']}: selection on {protocol['selection']}, report on {protocol['report']} |",
        f"| epoch kept | {kept} |",
        f"| seed | {seed_words(run)} |",
        f"| command | `{portable(run.command) or 'not recorded'}` |",
        f"| software | mien {versions['mien']}, torch {versions['torch']} |",
    ]
    if warning := chosen_on_reported(run):
        lines += ["", f"This model was {warning}."]
    if warning := looked_at(run):
        lines += ["", f"{warning[0].upper()}{warning[1:]}."]
    return lines


def _name(weights: str) -> str:
    """``none``, a name, or a checkpoint's without the folders of one machine; of an ensemble all of them."""
    return ", ".join(name.rsplit("/", 1)[-1] for name in weights.split(", "))


def _input(facts: dict[str, Any]) -> list[str]:
    spec, crop = facts["input"], facts["crop"]
    colour = "gray" if spec["channels"] == 1 else "RGB"
    if crop.get("preprocess") == "study_a":
        cut = "the detected box itself, squeezed to the input by nearest neighbour (study A's way)"
    else:
        larger = "larger" if crop["margin"] > 0 else "smaller"
        margin = f", {percent(abs(crop['margin']), 0)} {larger}" if crop["margin"] else ""
        cut = f"a square about the detected box{margin}, {_EDGES[crop.get('edge', 'clip')]}"
        cut += "; turned upright by the landmarks" if crop.get("align") else ""
    if crop.get("border"):
        cut += f"; the detector sees a gray border of {percent(crop['border'], 0)} of the photo's shorter side"
    side = facts.get("ten_crop") or spec["size"]
    averaged = "; probabilities averaged with the mirror image" if facts["flip_average"] else ""
    if side != spec["size"]:
        crops = f"{spec['size']} x {spec['size']} pixels"
        averaged = f"; probabilities averaged over crops of {crops}, four corners and centre, and their mirror images"
    normalised = f"minus mean {spec['mean']}, divided by {spec['std']}"
    if facts.get("members"):
        normalised = "resized and normalised for each member"
    return [
        f"{side} x {side} pixels, {colour}, shorter side resized (bilinear, antialiased), centre "
        f"cropped, divided by 255, {normalised}{averaged}.",
        "",
        f"In whole photos: {cut}.",
    ]


def _confusions(test: EvalResult) -> list[str]:
    """The most frequent mistakes."""
    names = [row.label for row in test.per_class]
    mistakes = [
        (count, truth, guess)
        for truth, row in enumerate(test.confusion)
        for guess, count in enumerate(row)
        if count and truth != guess
    ]
    if not mistakes:
        return ["No mistake on this split."]
    mistakes.sort(key=lambda mistake: (-mistake[0], mistake[1:]))
    lines = [
        f"- {names[truth]} taken for {names[guess]}: {count} of {sum(test.confusion[truth])} "
        f"({percent(count / sum(test.confusion[truth]))})"
        for count, truth, guess in mistakes[:_SHOWN]
    ]
    return ["Most frequent mistakes:", "", *lines]


def _limits(run: RunResult, sets: set[str]) -> list[str]:
    lines = [
        "For research and teaching on facial expressions. An expression is not an emotion: the model says what a face "
        "looks like to those who labelled its data, not what a person feels. Not for decisions about people.",
        "",
        "- It always names one of its classes, also for what is no face, and its probabilities are no certainty"
        + ("." if run.test is None else f" (calibration error {percent(run.test.ece)})."),
        f"- Scores hold for images like its data ({', '.join(sorted(sets))}) and are usually lower elsewhere.",
        "- Differences between groups of people (age, skin, sex) were not measured.",
    ]
    if _DRAWN in sets and sets != {_DRAWN}:
        lines.append("- Part of its data are drawn faces.")
    if run.end_to_end is not None and run.end_to_end.scenes == "drawn":
        lines.append("- The whole photos of its score are drawn, not photographed.")
    if run.end_to_end is None:
        lines.append("- It was not scored on whole photos.")
    return lines
