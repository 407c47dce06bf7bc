"""Typos, found before Hydra composes: on the command line, in group files and in presets, all at once.

Hydra stops at the first key that it does not know. Here every override and every YAML file that takes part is
held against the schema, and the nearest right names are given.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mien.config.check_search import storage_problems
from mien.config.schema import MixedPartConfig
from mien.errors import ConfigError, nearest
from mien.files import user_path
from mien.secrets import clean_text

GLOBAL = "# @package _global_"
_PATHS = {"run", "output", "dataset.root", "scenes.root", "dataset.cache", "backbone.weights"}
_SEVERAL = {"logger"}
"""Groups of which several options may be chosen at once: ``logger=[wandb,tensorboard]``."""


class _Checker:
    """Holds what a command's config may contain: a schema, and folders of groups, of which the first is mien's own."""

    def __init__(self, schema: type, folders: Sequence[Path]) -> None:
        self.root = OmegaConf.structured(schema)
        self.folders = folders
        self.groups = {path.name for folder in folders for path in folder.iterdir() if path.is_dir()}
        self.seen: set[Path] = set()

    def override(self, override: Override) -> Iterator[str]:
        key = override.key_or_group
        written = override.input_line or key
        if override.is_delete() or re.split(r"[./]", key)[0] == "hydra":
            return
        if key in self.groups:
            yield from self.option(key, override, written)
        else:
            for value in _values(override):
                yield from self.value(key, value, f"override {written!r}")

    def option(self, group: str, override: Override, written: str) -> Iterator[str]:
        for option in self.chosen(group, override):
            for name in option if isinstance(option, list) and group in _SEVERAL else [option]:
                if isinstance(name, str):
                    yield from self.file(group, name, f"override {written!r}")
                else:
                    yield f"override {written!r}: expected the name of a file in conf/{group}, got {name!r}"

    def chosen(self, group: str, override: Override) -> Iterable[Any]:
        """The options of a group that an override names, one by one or by ``glob(...)``."""
        if isinstance(override._value, Glob):
            return override._value.filter(self.options(group))
        return override.sweep_string_iterator() if override.is_sweep_override() else [override.value()]

    def options(self, group: str) -> list[str]:
        places = [folder / group for folder in self.folders]
        return [str(path.relative_to(place).with_suffix("")) for place in places for path in _options(place)]

    def space(self, space: Mapping[str, Any], where: str) -> Iterator[str]:
        """Hold the keys and values of a search space against the schema, as if they stood on the command line."""
        for key, values in space.items():
            try:
                override = OverridesParser.create().parse_override(f"{key}={values}")
            except HydraException as error:
                yield f"{where}: search.space: {key}: {str(error).splitlines()[0]}"
                continue
            if not override.is_sweep_override():
                yield f"{where}: search.space: {key}: expected values to search, such as interval(0, 1), got {values!r}"
            yield from (f"{where}: search.space: {problem}" for problem in self.override(override))

    def file(self, group: str, option: str, where: str) -> Iterator[str]:
        paths = [folder / group / f"{option}.yaml" for folder in self.folders]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            yield f"{where}: {group} has no option {option!r}; {nearest(option, self.options(group))}"
        elif path not in self.seen:
            self.seen.add(path)
            yield from self.content(path, group)

    def content(self, path: Path, group: str) -> Iterator[str]:
        text = path.read_text(encoding="utf-8")
        home = self.folders[0].parent
        where = str(path.relative_to(home) if path.is_relative_to(home) else path)
        try:
            content = yaml.safe_load(text) or {}
        except yaml.YAMLError as error:
            yield f"{where}: not valid YAML: {' '.join(str(error).split())}"
            return
        if not isinstance(content, Mapping):
            yield f"{where}: expected keys and values, got {type(content).__name__}"
            return
        prefix = "" if not group or GLOBAL in text else group.replace("/", ".") + "."
        for entry in content.get("defaults", []):
            yield from self.default(entry, where)
        for key, value in content.items():
            if key not in ("defaults", "hydra"):
                yield from self.value(f"{prefix}{key}", value, where)

    def default(self, entry: Any, where: str) -> Iterator[str]:
        if not isinstance(entry, Mapping):
            return
        for name, option in entry.items():
            group = str(name).removeprefix("override ").strip().removeprefix("/")
            if group in self.groups and option not in (None, "???"):
                for file in option if isinstance(option, list) else [option]:
                    yield from self.file(group, str(file), where)
            elif group not in self.groups and not group.startswith("hydra/"):
                yield f"{where}: unknown config group {group!r}; {nearest(group, self.groups)}"

    def value(self, key: str, value: Any, where: str) -> Iterator[str]:
        """Hold one key and its value, or a mapping below the key, against the schema."""
        if key == "search.space" and isinstance(value, Mapping):
            yield from self.space(value, where)
            return
        node: Any = self.root
        parts = key.split(".")
        for depth, part in enumerate(parts):
            _add_name(node, part)
            known = set(map(str, node.keys())) if isinstance(node, DictConfig) else set()  # `in` skips missing values
            if part not in known:
                place = ".".join(parts[:depth]) or "the config"
                hint = nearest(part, known | self.groups if depth == 0 else known) if known else "it has no keys"
                yield f"{where}: unknown key {'.'.join(parts[: depth + 1])!r} in {place}; {hint}"
                return
            if depth < len(parts) - 1:
                node = node._get_node(part)
        yield from self.content_of(key, node._get_node(parts[-1]), value, where)

    def content_of(self, key: str, node: Any, value: Any, where: str) -> Iterator[str]:
        """Hold the value of a key that there is against its type."""
        if key == "search.storage" and isinstance(value, str):
            yield from storage_problems(value)  # before the command is written anywhere: it may hold a password
            return
        if isinstance(value, Mapping) and isinstance(node, DictConfig):
            for name, inner in value.items():
                yield from self.value(f"{key}.{name}", inner, where)
            return
        if isinstance(value, str) and "${" in value:
            return
        try:
            OmegaConf.update(self.root.copy(), key, value)
        except OmegaConfBaseException as error:
            yield f"{where}: {key}: {str(error).splitlines()[0]}"


def _values(override: Override) -> Iterable[Any]:
    """What an override may set its key to: one value, those of a sweep, or the two ends of an interval."""
    value = override.value()
    if isinstance(value, IntervalSweep):
        return [int(end) if "int" in value.tags else end for end in (value.start, value.end) if end is not None]
    return override.sweep_iterator() if override.is_sweep_override() else [value]


def _add_name(node: Any, name: str) -> None:
    """Make a place for a name that is the user's choice: a set of a mix, or one of its classes."""
    if isinstance(node, DictConfig) and node._metadata.object_type is dict and name not in node:
        node[name] = MixedPartConfig if node._metadata.element_type is MixedPartConfig else ""


def _options(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.yaml") if path.name != "published.yaml")


def is_override(argument: str) -> bool:
    """Whether an argument of a command line is an override, and not a flag of Hydra's or the value of one.

    Examples:
        >>> [is_override(text) for text in ("seed=1", "~scenes", "-m", "--config-dir=conf", "job")]
        [True, True, False, False, False]
    """
    return argument.startswith("~") or ("=" in argument and not argument.startswith("-"))


def _own_folders(arguments: Sequence[str]) -> list[Path]:
    """The folders of groups that a command line adds by ``--config-dir`` and ``hydra.searchpath``."""
    added = [text.partition("=")[2] for text in arguments if text.startswith(("--config-dir=", "-cd="))]
    added += [place for flag, place in pairwise(arguments) if flag in ("--config-dir", "-cd")]
    for text in arguments:
        if text.lstrip("+").startswith("hydra.searchpath="):
            added += re.findall(r"[^\[\],'\"\s]+", text.partition("=")[2])
    return [folder for text in added if (folder := Path(text.removeprefix("file://"))).is_dir()]


def check_command_line(arguments: Iterable[str], schema: type, folder: Path, primary: str) -> None:
    """Check a command line and all YAML files it brings in.

    Args:
        arguments: The command line without the program's name; Hydra's own flags are passed over.
        schema: Root of the schema.
        folder: The folder with the primary config and its groups.
        primary: Name of the primary config, without ``.yaml``.

    Raises:
        ConfigError: All typos at once.
    """
    arguments = list(arguments)
    checker = _Checker(schema, [folder, *_own_folders(arguments)])
    problems = list(checker.content(folder / f"{primary}.yaml", ""))
    parsed = []
    for text in filter(is_override, arguments):
        try:
            parsed.append(OverridesParser.create().parse_override(text))
        except HydraException as error:
            key = text.split("=")[0]
            hint = f"; put the value in quotes: {key}='...'" if key in _PATHS else ""
            problems.append(clean_text(f"override {text!r}: {str(error).splitlines()[0]}{hint}"))
    for override in parsed:
        problems.extend(checker.override(override))
    if problems:
        raise ConfigError(dict.fromkeys(problems))


def readable(override: str) -> str:
    """An override as it is, but of a path: there ``~`` is a home folder, and what Hydra's grammar refuses is quoted.

    Where a comma may stand between the values of a sweep, nothing is quoted.

    Examples:
        >>> readable("dataset.root=/data/archive (1)"), readable("dataset.root=/a,/b")
        ("dataset.root='/data/archive (1)'", 'dataset.root=/a,/b')
    """
    key, equals, value = override.partition("=")
    if key not in _PATHS:
        return override
    homes = re.sub(r"""(^|,)(['"]?)(~[^,'"]*)""", lambda path: f"{path[1]}{path[2]}{user_path(path[3])}", value)
    try:
        OverridesParser.create().parse_override(f"{key}{equals}{homes}")
    except HydraException:
        return f"{key}{equals}{homes}" if "," in homes else quoted(f"{key}{equals}{homes}")
    return f"{key}{equals}{homes}"


def quoted(override: str) -> str:
    """An override whose value Hydra reads no grammar into; one in quotes stays as it is.

    Examples:
        >>> quoted("source=photo (1).jpg")
        "source='photo (1).jpg'"
    """
    key, equals, value = override.partition("=")
    if not value or value[0] in "'\"":
        return override
    # A backslash means itself, except before what OmegaConf would replace, and before a quote, for Hydra.
    value = re.sub(r"(\\*)\$\{", lambda begin: 2 * begin[1] + r"\${", value)
    return f"{key}{equals}'" + re.sub(r"(\\*)('|$)", lambda end: 2 * end[1] + end[2].replace("'", r"\'"), value) + "'"
