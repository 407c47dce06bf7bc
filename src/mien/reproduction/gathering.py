"""What became of a study's runs: looked up in their folders, and in the committed record where they are not here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf.errors import OmegaConfBaseException

from mien.config.load import from_yaml, plain
from mien.environment import commits
from mien.errors import RunFolderError
from mien.files import read_json
from mien.reproduction.evidence import Evidence, NotMeasuredError
from mien.reproduction.measures import CURVE_COLUMNS
from mien.reproduction.recipes import Plan, Recipe
from mien.reproduction.records import FILE as RECORD_FILE
from mien.reproduction.records import FINISHED, NOT_RUN, NOT_STARTED, UNFINISHED, RunRecord, without_paths
from mien.reproduction.study import FILE as STUDY_FILE
from mien.results import RESULTS_FILE, RunResult
from mien.runs import CONFIG_FILE, METRICS_FILE, is_busy, what_counts

_WEIGHTS = "backbone.weights"
"""A checkpoint's path is recorded by its last name."""


def look(recipe: Recipe) -> RunRecord:
    """What became of a run here; nothing is computed, and no torch is needed."""
    try:
        if (recipe.folder / RESULTS_FILE).is_file():
            return _finished(recipe)
        return _not_finished(recipe)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:  # JSON, CSV: broken or cut short
        why = f"what is there cannot be read ({type(error).__name__}); remove the folder, or train anew"
        return RunRecord(recipe.name, recipe.seed, UNFINISHED, why, recipe.command)


def _not_finished(recipe: Recipe) -> RunRecord:
    note = read_json(recipe.note) if recipe.note.is_file() else {"status": NOT_RUN, "why": ""}
    done, busy, why = _epochs(recipe.folder), is_busy(recipe.folder), without_paths(note["why"])
    if done or busy:
        epochs = f"{done} of {recipe.config.trainer.max_epochs} epochs so far"
        reasons = ["running now" if busy else "", epochs, "" if busy else why]
        return RunRecord(recipe.name, recipe.seed, UNFINISHED, "; ".join(filter(None, reasons)), recipe.command)
    return RunRecord(recipe.name, recipe.seed, note["status"], why or NOT_STARTED, recipe.command)


def _epochs(folder: Path) -> int:
    """Epochs that an unfinished run has behind it."""
    path = folder / METRICS_FILE
    return len(pd.read_csv(path)) if path.is_file() else 0


def _finished(recipe: Recipe) -> RunRecord:
    try:
        evidence = Evidence.load(recipe.folder, Path(recipe.config.output))
    except RunFolderError as error:
        return RunRecord(
            recipe.name, recipe.seed, UNFINISHED, f"cannot be read: {without_paths(str(error))}", recipe.command
        )
    environment = read_json(recipe.folder / "environment.json")
    result, hardware = evidence.result, environment["hardware"]
    devices = ", ".join(hardware["gpus"]) or "no GPU"
    record = RunRecord(
        part=recipe.name,
        seed=recipe.seed,
        status=FINISHED,
        command=result.command,
        commit=", ".join(commits(environment)),
        hardware=f"{hardware['cpu']}, {hardware['cores']} cores, {devices}",
        precision=environment.get("precision", ""),
        epochs=result.epochs,
        scored=_scored(result),
        seconds=result.seconds["fit"],
        data=result.dataset,
        images=dict(evidence.images),
        values=_values(recipe, evidence),
        curves=_curves(evidence.metrics),
        settings=_settings(recipe.folder),
    )
    return replace(record, why=why_no_verdict(recipe, record))


def _scored(result: RunResult) -> int:
    """The epoch whose weights were tested."""
    if result.selection is None or result.protocol["checkpoint"] != "best":
        return result.epochs
    return result.selection.epoch


def _values(recipe: Recipe, evidence: Evidence) -> dict[str, tuple[float, int | None]]:
    values = {}
    for path in {quantity.measure for quantity in recipe.part.quantities if quantity.measure is not None}:
        try:
            found = evidence.measure(path)
        except NotMeasuredError:
            continue
        values[path] = (found.value, found.n)
    return dict(sorted(values.items()))


def _curves(metrics: pd.DataFrame) -> dict[str, str]:
    columns = [column for column in CURVE_COLUMNS if column in metrics and not metrics[column].isna().any()]
    return {column: " ".join(f"{value:.4f}" for value in metrics[column]) for column in columns}


def _settings(folder: Path) -> dict[str, Any]:
    try:
        settings = what_counts(plain(from_yaml(folder / CONFIG_FILE)))
    except OmegaConfBaseException:  # of another version of mien
        return {}
    return settings | {_WEIGHTS: Path(settings[_WEIGHTS]).name}


def why_no_verdict(recipe: Recipe, record: RunRecord) -> str:
    """Why a finished run says nothing about the published numbers; empty where it does."""
    if recipe.changes:
        return f"changed by {' '.join(recipe.changes)}"
    own = what_counts(plain(recipe.config))
    other = [key for key, value in own.items() if _differs(key, record.settings.get(key, value), value)]
    if other or not record.settings:
        return f"the run was made by another recipe ({', '.join(other[:3]) or 'of another version of mien'})"
    if recipe.part.fingerprint not in ("", record.data["fingerprint"]):
        return f"the run's data are other than the study's: fingerprint {record.data['fingerprint'][:16]}"
    wrong = [split for split, count in recipe.part.counts.items() if record.images.get(split) != count]
    if wrong:
        found = ", ".join(f"{record.images.get(split, 'unknown')} images of {split}" for split in wrong)
        return f"the run's data are other than the study's: {found}"
    return ""


def _differs(key: str, recorded: Any, own: Any) -> bool:
    """Whether a setting is another one; a checkpoint may lie in another folder."""
    if key == _WEIGHTS:
        return Path(recorded).name != Path(own).name
    return bool(recorded != own)


def gather(plan: Plan, recorded: Sequence[RunRecord]) -> list[RunRecord]:
    """One record a run, part by part: what counts here, else what is recorded, else what became of it here.

    Seeds that were run but not asked for now count too, so that none can be left out. Seeds of another precision than
    the first are not pooled with it.

    Args:
        plan: What is asked for.
        recorded: The committed record.
    """
    known = {(record.part, record.seed): record for record in recorded if record.part in plan.parts}
    records = []
    for recipe in _with_others(plan, known):
        here, there = look(recipe), None if plan.changes else known.get((recipe.name, recipe.seed))
        if there is not None and there.status == FINISHED:
            there = replace(there, why=why_no_verdict(recipe, there))
            here = there if _better(there, here) else here
        elif there is not None and here.why == NOT_STARTED and there.status != UNFINISHED:  # that is elsewhere
            here = replace(here, status=there.status, why=there.why)  # what kept it from starting, or ended it
        records.append(here)
    return [record for name in plan.parts for record in _of_one_precision([r for r in records if r.part == name])]


def _better(there: RunRecord, here: RunRecord) -> bool:
    """Whether a recorded run says more than what is here."""
    return there.counts if here.status == FINISHED and not here.counts else here.status != FINISHED


def _of_one_precision(records: Sequence[RunRecord]) -> list[RunRecord]:
    """The runs of a part; those that count, but in another precision than the first that does, count no more."""
    own = next((record.precision for record in records if record.counts), "")
    return [
        replace(
            record, why=f"trained in {record.precision or 'unknown precision'}, the others in {own or 'an unknown'}"
        )
        if record.counts and record.precision != own
        else record
        for record in records
    ]


def check_parts(plan: Plan, recorded: Sequence[RunRecord]) -> None:
    """Refuse to write a record anew without the runs of parts that there are no longer.

    Raises:
        RunFolderError: There are such runs.
    """
    lost = sorted({record.part for record in recorded} - set(plan.study.parts))
    if lost:
        raise RunFolderError(
            f"experiments/{plan.name}/{RECORD_FILE} has runs of parts that {STUDY_FILE} no longer has: "
            f"{', '.join(lost)}; put the parts back, or their new names into {RECORD_FILE}, or remove these runs there"
        )


def _with_others(plan: Plan, known: Mapping[tuple[str, int], RunRecord]) -> list[Recipe]:
    """The runs that are asked for, and those of other seeds that are finished here or recorded."""
    recipes = []
    for name in plan.parts:
        asked = [recipe for recipe in plan.recipes if recipe.name == name]
        folders = [path.parent.name for path in asked[0].home.glob(f"seed_*/{RESULTS_FILE}")]
        seeds = {int(found[1]) for folder in folders if (found := re.fullmatch(r"seed_(0|[1-9]\d*)", folder))}
        if not plan.changes:
            seeds |= {record.seed for record in known.values() if record.part == name}
        others = sorted(seeds - {recipe.seed for recipe in asked})
        recipes += asked + [replace(asked[0], seed=seed) for seed in others]
    return sorted(recipes, key=lambda recipe: (list(plan.parts).index(recipe.name), recipe.seed))
