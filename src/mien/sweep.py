"""Names of run folders, and the comparison at the end of a sweep."""

import logging
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from mien.runs import CONFIG_FILE

log = logging.getLogger(__name__)
_PLACES = {"output", "resume"}
_NOT_FOUND = {"output", "table", "recursive", "show", "batch_size", "accelerator", "resume"}
"""What a recognition finds in a file does not depend on these."""
_LONGEST = 150


def register_resolvers() -> None:
    """Make ``${mien.run:...}`` and ``${mien.evaluation:...}`` known to the config."""
    OmegaConf.register_new_resolver("mien.run", run_name, replace=True)
    OmegaConf.register_new_resolver("mien.evaluation", evaluation_name, replace=True)


def run_name(overrides: Sequence[str], *keys: str) -> str:
    """A run's folder, from its overrides alone and whatever their order: the same command finds its folder again.

    Args:
        overrides: ``key=value`` strings; where outputs go, how to log, extra plots and paths do not count.
        keys: The keys that a sweep moves; where there are any, only these name its jobs, whatever they are.

    Examples:
        >>> run_name(["seed=1", "backbone=resnet18"])
        'backbone-resnet18__seed-1'
        >>> run_name(["seed=1", "backbone=resnet18"], "seed")
        'seed-1'
        >>> run_name([])
        'default'
    """
    return _name(text for text in overrides if (_key(text) in keys if keys else _counts(_key(text))))


def evaluation_name(overrides: Sequence[str]) -> str:
    """An evaluation's folder: all its overrides count, the places of model and data too."""
    return _name(text for text in overrides if _counts_in_evaluation(_key(text)))


def recognition_name(overrides: Sequence[str]) -> str:
    """A recognition's folder: all overrides count that change what is found in a file.

    Examples:
        >>> recognition_name(["source='my photo.jpg'", "model=outputs/default", "table=csv"])
        'model-outputs_default__source-my_photo.jpg'
    """
    counting = (text for text in overrides if _key(text) not in _NOT_FOUND and not _key(text).startswith("hydra"))
    return _name(text.replace("'", "").replace('"', "") for text in counting)


def sweep_overrides(arguments: Sequence[str], evaluation: bool = False) -> list[str]:
    """The overrides that give a sweep and its jobs their folders; none where the command line is no sweep.

    The sweep is named by its fixed overrides and the keys that it moves, a job by the values of these: so a value
    added later finds the jobs that are done already. Hydra itself would name the sweep anew in every job.

    Args:
        arguments: The command line without the program's name.
        evaluation: It is one of evaluations, where the places of model and data count too.
    """
    overrides = [argument for argument in arguments if "=" in argument and not argument.startswith("-")]
    given = any(_key(text).startswith("hydra.sweep") for text in overrides)
    if given or not {"-m", "--multirun"} & set(arguments):
        return []
    parser = OverridesParser.create()
    moved = [_key(text) for text in overrides if parser.parse_override(text).is_sweep_override()]
    counts = _counts_in_evaluation if evaluation else _counts
    name = _name(_key(text) if _key(text) in moved else text for text in overrides if counts(_key(text)))
    output = next((text.split("=", 1)[1] for text in overrides if _key(text) == "output"), "outputs").strip("'")
    job = "${mien.run:${hydra.overrides.task}" + "".join(f",{key}" for key in moved) + "}"
    kind = "evaluations" if evaluation else "sweeps"
    return [f"hydra.sweep.dir='{output}/{kind}/{name}'", f"hydra.sweep.subdir='{job}'"]


def _key(override: str) -> str:
    return override.split("=", 1)[0].lstrip("+~")


def _counts(key: str) -> bool:
    return key not in _PLACES and not key.endswith("root") and not key.startswith(("logger", "report", "hydra"))


def _counts_in_evaluation(key: str) -> bool:
    return key != "output" and not key.startswith("hydra")


def _name(parts: Any) -> str:
    """A folder's name of characters that need no quotes, neither in a shell nor in Hydra."""
    whole = "__".join(part.lstrip("+~").replace("=", "-", 1) for part in sorted(parts)) or "default"
    text = re.sub(r"[^\w.-]+", "_", whole)
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST - 9]}-{sha256(whole.encode()).hexdigest()[:8]}"


def comparison_name(overrides: Sequence[str]) -> str:
    """A comparison's folder: all its overrides count but the place of its output.

    Where a character had to be replaced, a part of the digest of what was typed keeps apart what looks the same then.

    Examples:
        >>> comparison_name(["runs=['outputs/a','outputs/b']", "output=x"])
        'runs-_outputs_a_outputs_b_-5dce8c05'
        >>> comparison_name(["sweep='my_sweep'"])
        'sweep-my_sweep'
    """
    counting = [text for text in overrides if _key(text) != "output" and not _key(text).startswith("hydra")]
    name = _name(text.replace("'", "").replace('"', "") for text in counting)
    if all(re.fullmatch(r"[\w.=+~-]+", text.replace("'", "")) for text in counting):
        return name
    return f"{name}-{sha256('__'.join(sorted(counting)).encode()).hexdigest()[:8]}"


class Comparison(Callback):
    """Hydra's callback that compares a sweep's jobs after each of them, so that a failure later on loses nothing."""

    folder: ClassVar[Path | None] = None
    """The sweep that this process started, if any."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Remember the sweep."""
        Comparison.folder = Path(config.hydra.sweep.dir)

    def on_job_end(self, config: DictConfig, job_return: Any, **kwargs: Any) -> None:
        """Compare the jobs that have been started, unfinished and failed ones too."""
        if config.hydra.mode == RunMode.MULTIRUN:
            _compare(Path(config.hydra.sweep.dir))


def print_comparison() -> None:
    """Print the comparison of the sweep that this process ran; called when it ends, well or not."""
    if Comparison.folder is None or not Comparison.folder.is_dir():
        return
    _compare(Comparison.folder, shown=True)


def _compare(folder: Path, shown: bool = False) -> None:
    """Compare the jobs of a sweep. What goes wrong is only logged: a comparison can be made again at any time."""
    jobs = sorted(path.parent for path in folder.glob(f"*/{CONFIG_FILE}"))
    if not jobs:
        return
    try:
        from mien.comparison.terminal import print_comparison
        from mien.comparison.write import compare_sweep

        comparison, paths = compare_sweep(folder, jobs)
        if shown:
            print_comparison(comparison, paths)
    except Exception:
        log.warning("the sweep could not be compared; try python compare.py sweep=%s", folder, exc_info=True)
