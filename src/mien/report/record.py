"""The record of a run as a page for ``experiments/``: what was run, where, and every number, copied by program.

python -m mien.report.record outputs/<run> > experiments/<study>/<name>.md
"""

import re
import sys
from pathlib import Path
from typing import Any

from mien.files import read_json
from mien.report.wording import duration, interval, percent
from mien.results import EndToEndResult, EvalResult, RunResult


def record(folder: Path) -> str:
    """A finished run as Markdown. Folders of one machine are shortened to their last name.

    Args:
        folder: The run folder, with ``results.json`` and ``environment.json``.

    Raises:
        RunFolderError: The run is not finished.
    """
    run, environment = RunResult.load(folder), read_json(folder / "environment.json")
    parts = [*_facts(run, environment), "", *_test(run.test)]
    if run.end_to_end is not None:
        parts += ["", *_end_to_end(run.end_to_end)]
    return "\n".join(parts) + "\n"


def _facts(run: RunResult, environment: dict[str, Any]) -> list[str]:
    git, hardware, packages = environment["git"], environment["hardware"], environment["packages"]
    commit = "outside a checkout" if git is None else git["commit"][:12] + (" with changes" if git["dirty"] else "")
    devices = ", ".join(hardware["gpus"]) or "no GPU"
    chosen = run.selection
    selection = "none" if chosen is None else f"epoch {chosen.epoch} of {run.epochs}, by {chosen.monitor} "
    if chosen is not None:
        selection += f"({chosen.value:.4f}) on {chosen.split}"
    seconds = ", ".join(f"{name.replace('_', ' ')} {duration(value)}" for name, value in run.seconds.items() if value)
    return [
        f"# {run.backbone} on {run.dataset['name']} {run.dataset['version']}".rstrip(),
        "",
        "| | |",
        "| --- | --- |",
        f"| command | `{_portable(run.command)}` |",
        f"| protocol | {run.protocol['name']}: selection on {run.protocol['selection']}, report on "
        f"{run.protocol['report']}, flip averaging {'on' if run.protocol['flip_average'] else 'off'} |",
        f"| epoch chosen | {selection} |",
        f"| seed | {run.seed} |",
        f"| data | fingerprint {run.dataset['fingerprint'][:16]} |",
        f"| parameters | {run.parameters:,}, trained {run.trainable_parameters:,} |",
        f"| commit | {commit} |",
        f"| hardware | {hardware['cpu']}, {hardware['cores']} cores, {hardware['memory_gib']} GiB, {devices} |",
        f"| software | Python {environment['python']}, torch {packages['torch']}, timm {packages['timm']}, "
        f"Lightning {packages['pytorch-lightning']} |",
        f"| precision | {environment.get('precision', 'not recorded')} |",
        f"| time | {seconds} |",
    ]


def _portable(command: str) -> str:
    return re.sub(r"(=)/\S*/([^/\s]+)", r"\1<\2>", command)


def _test(result: EvalResult) -> list[str]:
    return [
        f"**{percent(result.accuracy)}** on {result.n:,} images (95 % interval {interval(result.accuracy_ci95)}), "
        f"macro recall {percent(result.macro_recall)}, macro F1 {percent(result.macro_f1)}, "
        f"calibration error {percent(result.ece)}, cross entropy {result.loss:.3f}.",
        "",
        "| class | recall | precision | F1 | support |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {row.label} | {percent(row.recall)} | {percent(row.precision)} | {percent(row.f1)} | {row.support} |"
            for row in result.per_class
        ),
    ]


def _end_to_end(result: EndToEndResult) -> list[str]:
    return [
        f"End to end on {result.n_faces:,} faces in whole photos ({result.scenes}, {result.detector}): "
        f"**{percent(result.accuracy)}** (95 % interval {interval(result.accuracy_ci95)}); "
        f"found {percent(result.detection_recall)}, right of the found {percent(result.accuracy_given_detection)}. "
        "A missed face counts as wrong.",
        "",
        "| class | faces | found | right of found | right of all |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {row.label} | {row.support} | {percent(row.detection_recall)} | "
            f"{percent(row.accuracy_given_detection)} | {percent(row.accuracy)} |"
            for row in result.per_class
        ),
    ]


if __name__ == "__main__":
    sys.stdout.write(record(Path(sys.argv[1])))
