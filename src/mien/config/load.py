"""The door: Hydra's composed config becomes plain typed objects, once, and is checked as a whole."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue

from mien.config.audit import AuditConfig, audit_problems
from mien.config.check import evaluate_problems, problems_of, recognize_problems
from mien.config.compare import CompareConfig, compare_problems
from mien.config.ensemble import EnsembleConfig, ensemble_problems
from mien.config.evaluate import EvaluateConfig
from mien.config.recognize import RecognizeConfig
from mien.config.schema import Config, MixedPartConfig
from mien.errors import ConfigError

T = TypeVar("T")

_CHECKS: dict[type, Callable[[Any], Iterable[str]]] = {
    Config: problems_of,
    EvaluateConfig: evaluate_problems,
    RecognizeConfig: recognize_problems,
    CompareConfig: compare_problems,
    AuditConfig: audit_problems,
    EnsembleConfig: ensemble_problems,
}
"""What finds the problems of each schema."""
_MEMBER = re.compile(r"\+{0,2}dataset\.mixed\.([^.=]+)\.")


def register(name: str, schema: type, arguments: Iterable[str] = ()) -> None:
    """Make a schema known to Hydra; the YAML files name it first in their defaults.

    Hydra adds no dataclass to a dict from the command line. So a place is made for every set of a mix that is named
    there, and the dict is left open for ``dataset.mixed={...}``.

    Args:
        name: What the YAML files call it.
        schema: Its root.
        arguments: The command line.
    """
    root = OmegaConf.structured(schema)
    if "dataset" in root:
        OmegaConf.set_struct(root.dataset.mixed, False)
        for member in filter(None, map(_MEMBER.match, arguments)):
            root.dataset.mixed[member[1]] = MixedPartConfig
    ConfigStore.instance().store(name=name, node=root)


def typed(config: DictConfig, schema: type[T]) -> T:
    """The composed config as an instance of its schema.

    Raises:
        ConfigError: A value is missing, or values do not go together; all problems at once.
    """
    try:
        value = OmegaConf.to_object(config)
    except MissingMandatoryValue as error:
        raise ConfigError([f"{error.full_key}: it needs a value; pass {error.full_key}=<value>"]) from error
    if not isinstance(value, schema):
        raise ConfigError(
            [f"expected a {schema.__name__}, got {type(value).__name__}; is the schema first in defaults?"]
        )
    problems = [problem for kind, check in _CHECKS.items() if isinstance(value, kind) for problem in check(value)]
    if problems:
        raise ConfigError(problems)
    return value


def plain(config: Any) -> dict[str, Any]:
    """A typed config as plain values (enums by name), for JSON and for comparing two runs."""
    values = OmegaConf.to_container(OmegaConf.structured(config), resolve=True, enum_to_str=True)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def to_yaml(config: Any) -> str:
    """A typed config as YAML."""
    return OmegaConf.to_yaml(OmegaConf.structured(config), resolve=True)


def from_yaml(path: Path) -> Config:
    """Read back what :func:`to_yaml` wrote."""
    values = OmegaConf.load(path)
    if "logger" in values:
        values.logger.pop("name", None)  # of runs from before there were several loggers at once
    return from_plain(Config, values)


def from_plain(schema: type[T], values: Any) -> T:
    """An instance of a schema from plain values; those that are not given take their defaults."""
    value = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), values))
    assert isinstance(value, schema)
    return value
