"""Studies: the folders under ``experiments/`` with a ``published.yaml``, read and checked."""

from pathlib import Path

from mien.errors import ConfigError, nearest
from mien.reproduction.checking import problems_of
from mien.reproduction.reading import read_yaml
from mien.reproduction.schema import Part, Study

FILE = "published.yaml"


def find_studies(experiments: Path) -> list[str]:
    """The names of all studies."""
    return sorted(path.parent.name for path in experiments.glob(f"*/{FILE}"))


def load_study(experiments: Path, name: str) -> Study:
    """Read and check a study.

    Args:
        experiments: The folder of the studies.
        name: The study's folder there.

    Raises:
        ConfigError: No such study (the names are listed), or mistakes in its file, all at once.
    """
    names = find_studies(experiments)
    if name not in names:
        raise ConfigError([f"there is no study {name!r}; {nearest(name, names)}"])
    path = experiments / name / FILE
    study, problems = read_yaml(path, Study)
    if study is not None:
        problems = list(problems_of(study))
    if study is None or problems:
        raise ConfigError(f"experiments/{name}/{FILE}: {problem}" for problem in problems)
    return study


def part_of(study: Study, name: str) -> Part:
    """A part by name.

    Raises:
        ConfigError: No such part; the names are listed.
    """
    if name not in study.parts:
        raise ConfigError([f"{study.title} has no part {name!r}; {nearest(name, study.parts)}"])
    return study.parts[name]
