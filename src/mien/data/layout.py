"""How a data set should lie on disk, and the error that says so when it does not."""

from dataclasses import dataclass
from pathlib import Path

from mien.config.schema import DatasetConfig
from mien.errors import DataError
from mien.files import printable, user_path

Problems = list[tuple[int, str]]
"""Rows of a table, the first below the header being 1, and what is wrong there."""

SHOWN = 40
"""Letters of a wrong cell that a message shows."""

_SHOWN = 10


@dataclass(frozen=True)
class Layout:
    """The expected layout of a data set.

    Attributes:
        name: The data set's name in the config.
        picture: A drawing of what ``dataset.root`` should hold, one or more lines.
        origin: Where the data can be had.
    """

    name: str
    picture: str
    origin: str

    def root(self, config: DatasetConfig) -> Path:
        """The absolute path of ``dataset.root``.

        Raises:
            DataError: It is not set or does not exist.
        """
        if config.root is None:
            raise self.error("dataset.root is not set; pass dataset.root=<folder>")
        root = user_path(config.root).absolute()
        if not root.exists():
            known = next((parent for parent in root.parents if parent.is_dir()), None)
            raise self.error(f"dataset.root={root} does not exist", known)
        return root

    def error(self, reason: str, found: Path | None = None) -> DataError:
        """The error to raise: the reason, what was expected, what is there, and where to get the data.

        Args:
            reason: What is wrong.
            found: The folder or file that was looked at, if any.
        """
        lines = [f"data set {self.name}: {reason}", "  expected:"]
        lines += [f"    {line}" for line in self.picture.splitlines()]
        if found is not None:
            lines.append(f"  found in {found}: {describe(found)}")
        lines.append(f"  where to get it: {self.origin}")
        return DataError(printable("\n".join(lines)))

    def row_error(self, table: Path, problems: Problems, rows: int) -> DataError:
        """The error to raise for wrong rows of a table of so many rows; the first ten problems are listed."""
        wrong = len({row for row, _ in problems})
        lines = [f"row {row}: {text}" for row, text in sorted(problems)]
        head = f"{table}: {wrong} of {rows} rows are wrong (row 1 is the first below the header):\n"
        return self.error(head + listed(lines), table)


def describe(path: Path) -> str:
    """The first entries of a folder, such as ``test/, train/, labels.csv``; a file is said to be one."""
    if not path.is_dir():
        return "a file"
    entries = sorted(entry.name + "/" * entry.is_dir() for entry in path.iterdir() if not entry.name.startswith("."))
    more = f", ... ({len(entries)} entries)" if len(entries) > _SHOWN else ""
    return ", ".join(entries[:_SHOWN]) + more if entries else "nothing"


def listed(problems: list[str], shown: int = _SHOWN) -> str:
    """The first problems as indented lines, and how many more there are."""
    lines = [f"  - {problem}" for problem in problems[:shown]]
    if len(problems) > shown:
        lines.append(f"  ... and {len(problems) - shown} more ({len(problems)} in all)")
    return "\n".join(lines)
