"""What became of a study's runs: looked up in their folders, and in the committed record where they are not here."""

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
from mien.reproduction.evidence import METRICS_FILE, Evidence, NotMeasuredError
from mien.reproduction.measures import CURVE_COLUMNS
from mien.reproduction.recipes import Plan, Recipe
from mien.reproduction.records import FINISHED, NOT_RUN, NOT_STARTED, UNFINISHED, RunRecord
from mien.results import RESULTS_FILE
from mien.runs import CONFIG_FILE, what_counts


def look(recipe: Recipe) -> RunRecord:
    """What became of a run here; nothing is computed, and no torch is needed."""
    if (recipe.folder / RESULTS_FILE).is_file():
        return _finished(recipe)
    note = read_json(recipe.note) if recipe.note.is_file() else {"status": NOT_RUN, "why": ""}
    done = _epochs(recipe.folder)
    if done:
        why = f"{done} of {recipe.config.trainer.max_epochs} epochs so far" + (
            f"; {note['why']}" if note["why"] else ""
        )
        return RunRecord(recipe.name, recipe.seed, UNFINISHED, why, recipe.command)
    return RunRecord(recipe.name, recipe.seed, note["status"], note["why"] or NOT_STARTED, recipe.command)


def _epochs(folder: Path) -> int:
    """Epochs that an unfinished run has behind it."""
    path = folder / METRICS_FILE
    return len(pd.read_csv(path)) if path.is_file() else 0


def _finished(recipe: Recipe) -> RunRecord:
    try:
        evidence = Evidence.load(recipe.folder)
    except RunFolderError as error:
        return RunRecord(recipe.name, recipe.seed, NOT_RUN, str(error), recipe.command)
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
        seconds=result.seconds["fit"],
        data=result.dataset,
        values=_values(recipe, evidence),
        curves=_curves(evidence.metrics),
        settings=_settings(recipe.folder),
    )
    return replace(record, why=why_no_verdict(recipe, record))


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
        return what_counts(plain(from_yaml(folder / CONFIG_FILE)))
    except OmegaConfBaseException:  # of another version of mien
        return {}


def why_no_verdict(recipe: Recipe, record: RunRecord) -> str:
    """Why a finished run says nothing about the published numbers; empty where it does."""
    if recipe.changes:
        return f"changed by {' '.join(recipe.changes)}"
    own = what_counts(plain(recipe.config))
    other = [key for key, value in own.items() if record.settings.get(key, value) != value]
    if other or not record.settings:
        return f"the run was made by another recipe ({', '.join(other[:3]) or 'of another version of mien'})"
    if recipe.part.fingerprint not in ("", record.data["fingerprint"]):
        return f"the run's data are other than the study's: fingerprint {record.data['fingerprint'][:16]}"
    return ""


def gather(plan: Plan, recorded: Sequence[RunRecord]) -> list[RunRecord]:
    """One record a run, part by part: what is finished here, else what is recorded, else what became of it here.

    Seeds that were run but not asked for now count too, so that none can be left out.

    Args:
        plan: What is asked for.
        recorded: The committed record.
    """
    known = {(record.part, record.seed): record for record in recorded if record.part in plan.parts}
    records = []
    for recipe in _with_others(plan, known):
        here, there = look(recipe), known.get((recipe.name, recipe.seed))
        if here.status != FINISHED and there is not None and there.status == FINISHED and not plan.changes:
            here = replace(there, why=why_no_verdict(recipe, there))
        records.append(here)
    return records


def _with_others(plan: Plan, known: Mapping[tuple[str, int], RunRecord]) -> list[Recipe]:
    """The runs that are asked for, and those of other seeds that are finished here or recorded."""
    recipes = []
    for name in plan.parts:
        asked = [recipe for recipe in plan.recipes if recipe.name == name]
        folders = asked[0].folder.parent.glob(f"seed_*/{RESULTS_FILE}")
        seeds = {int(path.parent.name.removeprefix("seed_")) for path in folders}
        if not plan.changes:
            seeds |= {record.seed for record in known.values() if record.part == name}
        others = sorted(seeds - {recipe.seed for recipe in asked})
        recipes += asked + [_reseeded(asked[0], seed) for seed in others]
    return sorted(recipes, key=lambda recipe: (list(plan.parts).index(recipe.name), recipe.seed))


def _reseeded(recipe: Recipe, seed: int) -> Recipe:
    overrides = (*recipe.overrides[:-1], f"seed={seed}")
    return replace(recipe, seed=seed, overrides=overrides, folder=recipe.folder.parent / f"seed_{seed}")
