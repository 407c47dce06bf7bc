"""YAML files as dataclasses, strictly: every unknown key, missing key and wrong type is named, all at once."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml
from yaml.constructor import ConstructorError

from mien.errors import ConfigError, nearest

T = TypeVar("T")

_NAMES = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key that stands twice, of which PyYAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As PyYAML's; what ``<<`` brings in may be overwritten."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise ConstructorError(None, None, f"the key {key.value!r} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, kind: type[T]) -> tuple[T | None, list[str]]:
    """A YAML file as a dataclass.

    Args:
        path: The file.
        kind: The dataclass; its fields are the file's keys, those without a default must be there.

    Returns:
        The instance, ``None`` where there are problems, and the problems, each with the place of its key.

    Raises:
        ConfigError: There is no such file, or it is not YAML.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from error
    except yaml.YAMLError as error:
        raise ConfigError([f"{path}: not valid YAML: {' '.join(str(error).split())}"]) from error
    problems: list[str] = []
    built = _built(kind, values, "", problems)
    return (None if problems else built), problems


def _built(kind: Any, value: Any, where: str, problems: list[str]) -> Any:
    """The value as this type; what does not fit is added to the problems, and ``None`` stands for it."""
    if isinstance(kind, UnionType):  # X | None
        return None if value is None else _built(get_args(kind)[0], value, where, problems)
    if is_dataclass(kind):
        return _dataclass(kind, value, where, problems)
    if get_origin(kind) is not None:
        return _several(kind, value, where, problems)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        problems.append(f"{where or 'the file'}: expected {_NAMES[kind]}, got {value!r}{_hint(kind, value)}")
    return value


def _several(kind: Any, value: Any, where: str, problems: list[str]) -> Any:
    """A list as ``tuple[X, ...]``, or keys and values as ``dict[str, X]``."""
    inner = get_args(kind)
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_built(inner[0], item, f"{where}[{n}]", problems) for n, item in enumerate(value, 1))
    if get_origin(kind) is dict and isinstance(value, Mapping):
        return {str(key): _built(inner[1], item, _below(where, key), problems) for key, item in value.items()}
    expected = "a list" if get_origin(kind) is tuple else "keys and values"
    problems.append(f"{where}: expected {expected}, got {value!r}")
    return None


def _dataclass(kind: Any, value: Any, where: str, problems: list[str]) -> Any:
    if not isinstance(value, Mapping):
        problems.append(f"{where or 'the file'}: expected keys and values, got {value!r}")
        return None
    hints = get_type_hints(kind)
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    found = len(problems)
    problems += [f"{_below(where, key)}: unknown key; {nearest(str(key), hints)}" for key in value if key not in hints]
    problems += [f"{_below(where, key)}: this key is missing" for key in needed if key not in value]
    built = {
        key: _built(hints[key], inner, _below(where, key), problems) for key, inner in value.items() if key in hints
    }
    return None if len(problems) > found else kind(**built)


def _below(where: str, key: Any) -> str:
    return f"{where}.{key}" if where else str(key)


def _hint(kind: Any, value: Any) -> str:
    return "; put it in quotes" if kind is str and isinstance(value, int | float) else ""
