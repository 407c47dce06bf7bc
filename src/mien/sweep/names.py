"""Names of folders: of runs, evaluations, sweeps, recognitions and comparisons. All follow from the overrides."""

import re
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from mien.config.overrides import is_override
from mien.errors import ConfigError

_DRIVING = {"output", "resume", "sweep", "launcher", "sweeper", "search", "hydra"}
"""Groups and keys that say how, where and when jobs run: the run stays the same."""
_BESIDE = {"logger", "report"}
"""Groups that add to a training's files and do not change its result."""
_NOT_FOUND = {"output", "table", "recursive", "show", "batch_size", "accelerator", "resume"}
"""What a recognition finds in a file does not depend on these."""
_LONGEST = 150
"""Bytes; file systems take 255, and some files beside a folder have a longer name."""


def register_resolvers() -> None:
    """Make ``${mien.run:...}``, ``${mien.evaluation:...}`` and ``${mien.recognition:...}`` known to the config."""
    OmegaConf.register_new_resolver("mien.run", run_name, replace=True)
    OmegaConf.register_new_resolver("mien.evaluation", evaluation_name, replace=True)
    OmegaConf.register_new_resolver("mien.recognition", recognition_name, replace=True)


def run_name(overrides: Sequence[str], *also: str) -> str:
    """A run's folder, from its overrides alone and whatever their order: the same command finds its folder again.

    Args:
        overrides: ``key=value`` strings; where outputs go, how jobs are placed, how to log, extra plots and paths do
            not count.
        also: Keys that count nevertheless, since a sweep moves them.

    Examples:
        >>> run_name(["seed=1", "backbone=resnet18"])
        'backbone-resnet18__seed-1'
        >>> run_name(["seed=1", "dataset.root=/a"], "dataset.root")
        'dataset.root-_a__seed-1'
        >>> run_name([])
        'default'
    """
    return _name(text for text in overrides if _counts(key_of(text)) or key_of(text) in also)


def evaluation_name(overrides: Sequence[str], *also: str) -> str:
    """An evaluation's folder: all its overrides but its logger's count, the places of model and data too.

    Examples:
        >>> evaluation_name(["run='outputs/default'", "detector=haar"])
        'detector-haar__run-outputs_default-832051c8'
    """
    return _distinct(text for text in overrides if _counts_in_evaluation(key_of(text)) or key_of(text) in also)


def recognition_name(overrides: Sequence[str], *also: str) -> str:
    """A recognition's folder: all overrides count that change what is found in a file.

    Examples:
        >>> recognition_name(["source='my photo.jpg'", "model=outputs/default", "table=csv"])
        'model-outputs_default__source-my_photo.jpg-8aa6e835'
    """
    return _distinct(text for text in overrides if _counts_in_recognition(key_of(text)) or key_of(text) in also)


def comparison_name(overrides: Sequence[str]) -> str:
    """The folder of a comparison or an ensemble: all its overrides count but the place of its output.

    Examples:
        >>> comparison_name(["runs=['outputs/a','outputs/b']", "output=x"])
        'runs-_outputs_a_outputs_b_-57b505b8'
        >>> comparison_name(["sweep='my_sweep'"])
        'sweep-my_sweep'
    """
    return _distinct(text for text in overrides if key_of(text) != "output" and not key_of(text).startswith("hydra"))


def sweep_overrides(arguments: Sequence[str], command: str = "train") -> list[str]:
    """The overrides that give a sweep and its jobs their folders; none where the command line is no sweep.

    A job has the folder of the single run of the same overrides, so that each finds what the other has done. The
    sweep's own folder is named by its fixed overrides and the keys that it moves: a value added later belongs to it.
    Hydra itself would name the sweep anew in every job.

    Args:
        arguments: The command line without the program's name.
        command: The command: in sweeps of ``evaluate`` the places of model and data count too, and in those of
            ``recognize`` whatever changes what is found.

    Raises:
        ConfigError: It moves the folder of its outputs.
    """
    overrides = list(filter(is_override, arguments))
    if not {"-m", "--multirun"} & set(arguments) and "hydra.mode=MULTIRUN" not in overrides:
        return []
    keys = [key_of(text) for text in overrides]
    moved = moved_keys(overrides)
    if "output" in moved:
        raise ConfigError(["output: expected one folder for all jobs of a sweep, got several; sweep them one by one"])
    kind = _KINDS.get(command, _KINDS["train"])
    job = _job(moved, kind)
    parser = OverridesParser.create()
    outputs = [str(parser.parse_override(text).value()) for text in overrides if key_of(text) == "output"]
    output = ["outputs", *outputs][-1].replace("'", r"\'")
    folder = f"{output}/{kind.place}sweeps/{_sweep_name(overrides, moved, kind)}"
    own = "hydra.sweep.dir" in keys  # then the user wants the jobs in it
    added = [] if own else [f"hydra.sweep.dir='{folder}'"]
    if "hydra.sweep.subdir" not in keys:
        added.append(f"hydra.sweep.subdir='{job if own else f'../../{job}'}'")
    return added


def moved_keys(overrides: Iterable[str]) -> list[str]:
    """The keys that a sweep moves."""
    parser = OverridesParser.create()
    return [key_of(text) for text in overrides if parser.parse_override(text).is_sweep_override()]


def key_of(override: str) -> str:
    """The key of ``key=value``, without what adds or removes it.

    Examples:
        >>> key_of("+experiment=fecnn/vgg19")
        'experiment'
    """
    return override.split("=", 1)[0].lstrip("+~")


def changes_job(override: str) -> bool:
    """Whether an override belongs to a job, and not to how and where jobs are run.

    Examples:
        >>> [changes_job(text) for text in ("seed=1", "sweep.retry=true", "hydra/launcher=ray", "dataset.root=/a")]
        [True, False, False, True]
    """
    return _group(key_of(override)) not in _DRIVING


def job_name(overrides: Sequence[str], fixed: Iterable[str]) -> str:
    """What tells a job from the others of its sweep: the values of what is moved; all of them where nothing is.

    Args:
        overrides: Those of the job.
        fixed: The keys that the sweep does not move.

    Examples:
        >>> job_name(["backbone=vgg19", "seed=1", "launcher=ray"], ["backbone", "launcher"])
        'seed=1'
    """
    own, held = [text for text in overrides if changes_job(text)], set(fixed)
    moved = [text for text in own if key_of(text) not in held]
    return " ".join(text.lstrip("+") for text in moved or own) or "default"


def _group(key: str) -> str:
    return re.split(r"[./]", key)[0]


def _counts(key: str) -> bool:
    return _group(key) not in _DRIVING | _BESIDE and not key.endswith("root")


def _counts_in_evaluation(key: str) -> bool:
    return _group(key) not in _DRIVING | {"logger"}


def _counts_in_recognition(key: str) -> bool:
    return key not in _NOT_FOUND and _group(key) != "hydra"


def _job(moved: Sequence[str], kind: "_Kind") -> str:
    """What the config says of a job's folder; where a sweep moves what does not count, that tells the jobs apart."""
    also = [key for key in moved if changes_job(key) and not kind.counts(key)]
    return f"${{mien.{kind.resolver}:${{hydra.overrides.task}}" + "".join(f",{key}" for key in also) + "}"


def _sweep_name(overrides: Sequence[str], moved: Sequence[str], kind: "_Kind") -> str:
    """A search counts here by its space and its sweeper, since these stand for the keys that it moves."""
    named = {"sweeper", "search", *(key for key in moved if changes_job(key))}
    return kind.name(
        key_of(text) if key_of(text) in moved else text
        for text in overrides
        if kind.counts(key_of(text)) or key_of(text) in named
    )


def _name(parts: Iterable[str]) -> str:
    """A folder's name of characters that need no quotes, neither in a shell nor in Hydra."""
    whole = "__".join(part.lstrip("+~").replace("=", "-", 1) for part in sorted(parts)) or "default"
    text = re.sub(r"[^\w.-]+", "_", whole)
    if len(text.encode()) <= _LONGEST:
        return text
    return f"{text.encode()[: _LONGEST - 9].decode(errors='ignore')}-{_digest(whole)}"


def _distinct(overrides: Iterable[str]) -> str:
    """A name in which a part of the digest keeps apart what looks the same where characters had to be replaced."""
    parts = sorted(text.replace("'", "").replace('"', "") for text in overrides)
    name = _name(parts)
    return name if all(re.fullmatch(r"[\w.=+~-]+", text) for text in parts) else f"{name}-{_digest('__'.join(parts))}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:8]


class _Kind(NamedTuple):
    """The sweeps of a command: the resolver of their jobs' names, where they lie, what counts, and how it is joined."""

    resolver: str
    place: str
    counts: Callable[[str], bool]
    name: Callable[[Iterable[str]], str]


_KINDS = {
    "train": _Kind("run", "", _counts, _name),
    "evaluate": _Kind("evaluation", "evaluations/", _counts_in_evaluation, _distinct),
    "recognize": _Kind("recognition", "recognized/", _counts_in_recognition, _distinct),
}

register_resolvers()  # workers of a launcher have only unpickled what main needs
