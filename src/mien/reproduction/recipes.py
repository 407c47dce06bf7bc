"""Recipes: a part of a study and a seed as an experiment of ``train.py``, with its config, folder and command."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hydra import compose, initialize_config_dir

from mien.config.load import register, typed
from mien.config.overrides import check_command_line, quoted
from mien.config.schema import Config
from mien.errors import ConfigError
from mien.reproduction.schema import Part, Study
from mien.reproduction.study import load_study, part_of
from mien.runs import changes_result
from mien.sweep import register_resolvers, run_name

OWN = {"seed": "--seeds 0,1,2", "output": "--output <folder>", "experiment": "another study or part"}
"""Overrides that this command has a flag for."""


@dataclass(frozen=True)
class Places:
    """Where everything is.

    Attributes:
        experiments: The folder of the studies.
        conf: The configuration that ``train.py`` composes.
        data: The folder that ``{data}`` stands for.
        output: The folder that ``reproduce/<study>`` is made in.
    """

    experiments: Path
    conf: Path
    data: str
    output: Path


@dataclass(frozen=True)
class Recipe:
    """One run of a part.

    Attributes:
        study: The study's name.
        name: The part's name.
        part: The part.
        seed: The run's seed.
        settings: The overrides of ``train.py``, but for the seed and the run folder.
        home: The folder of the part's runs.
        changes: Overrides that change what the study's own recipe computes; none: it is the study's.
        conf: The configuration that they are composed with.
    """

    study: str
    name: str
    part: Part
    seed: int
    settings: tuple[str, ...]
    home: Path
    changes: tuple[str, ...]
    conf: Path

    @property
    def overrides(self) -> tuple[str, ...]:
        """Those of ``train.py``, all but the run folder."""
        return (*self.settings, f"seed={self.seed}")

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.home / f"seed_{self.seed}"

    @property
    def command(self) -> str:
        """The command line that does the same."""
        return shlex.join(["python", "train.py", *self.overrides, plain_or_quoted(f"hydra.run.dir={self.folder}")])

    @property
    def note(self) -> Path:
        """The file that says why an attempt ended without a result; beside the run folder, which may be another's."""
        return self.folder.with_suffix(".json")

    @cached_property
    def config(self) -> Config:
        """What the overrides compose to.

        Raises:
            ConfigError: All typos and contradictions at once; several processes a run, which there cannot be here.
        """
        config = composed(self.conf, self.overrides)
        if config.trainer.strategy == "ddp":
            raise ConfigError(["trainer=ddp: not here, since each process would reproduce again; use train.py"])
        return config


@dataclass(frozen=True)
class Plan:
    """What a command asks of one study.

    Attributes:
        name: The study's name.
        study: The study.
        parts: The parts that are asked for, by name.
        recipes: Their runs, part by part.
        folder: Where its runs and its report are.
        changes: Overrides by which all runs differ from the study's.
    """

    name: str
    study: Study
    parts: dict[str, Part]
    recipes: tuple[Recipe, ...]
    folder: Path
    changes: tuple[str, ...]

    def check(self) -> None:
        """Compose every part once.

        Raises:
            ConfigError: Overrides that do not fit.
        """
        for name in self.parts:
            _ = next(recipe for recipe in self.recipes if recipe.name == name).config


def plan(places: Places, target: str, seeds: Sequence[int] | None = None, extra: Sequence[str] = ()) -> Plan:
    """Everything that a study, or one part of it, is to run.

    Args:
        places: Where everything is.
        target: ``<study>`` or ``<study>/<part>``.
        seeds: In place of the parts' own.
        extra: Overrides for every run. Where they change what is computed, the runs get a folder of their own.

    Raises:
        ConfigError: No such study or part, or overrides that are this command's own.
    """
    name, _, only = target.strip("/").partition("/")
    study = load_study(places.experiments, name)
    parts = {only: part_of(study, only)} if only else study.parts
    _check_extra(extra)
    changes = tuple(override for override in extra if changes_result(_key(override)))
    folder = places.output / "reproduce" / (f"{name}__{run_name(changes)}" if changes else name)
    recipes = tuple(
        Recipe(
            study=name,
            name=part_name,
            part=part,
            seed=seed,
            settings=(*_overrides(places, part), *extra),
            home=folder / part_name,
            changes=changes,
            conf=places.conf,
        )
        for part_name, part in parts.items()
        for seed in (part.seeds if seeds is None else seeds)
    )
    return Plan(name, study, parts, recipes, folder, changes)


def composed(conf: Path, overrides: Sequence[str]) -> Config:
    """What ``train.py`` would make of these overrides.

    Raises:
        ConfigError: All typos and contradictions at once.
    """
    check_command_line(overrides, Config, conf, "train")
    register("train_schema", Config, overrides)
    register_resolvers()
    with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        return typed(compose("train", list(overrides)), Config)


def plain_or_quoted(override: str) -> str:
    """An override as Hydra's grammar takes its value literally, with quotes only where they are needed."""
    return override if re.fullmatch(r"[^=]+=[a-zA-Z0-9_./:-]+", override) else quoted(override)


def _overrides(places: Places, part: Part) -> tuple[str, ...]:
    preset = () if part.preset is None else (f"+experiment={part.preset}",)
    return (*preset, *(_with_data(override, places.data) for override in part.overrides))


def _with_data(override: str, data: str) -> str:
    return plain_or_quoted(override.replace("{data}", data)) if "{data}" in override else override


def _check_extra(extra: Sequence[str]) -> None:
    keys = [_key(override) for override in extra]
    problems = [f"override {key!r}: here that is {OWN[key]}" for key in keys if key in OWN]
    problems += [f"override {key!r}: the run folders are made here" for key in keys if key.startswith("hydra")]
    if problems:
        raise ConfigError(problems)


def _key(override: str) -> str:
    return override.split("=", 1)[0].lstrip("+~")
