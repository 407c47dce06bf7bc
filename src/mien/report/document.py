"""Reports as one document that is rendered twice: as a self-contained HTML page and as Markdown.

The page has its style and its pictures inside: it works offline, by mail, and on a phone.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from mien.files import atomic_path, write_text
from mien.report.style import DPI

PLOTS = "plots"
"""Folder beside the Markdown that its pictures are written to."""


@dataclass(frozen=True)
class Section:
    """A heading; ``level`` 2 or 3, under the title's 1."""

    title: str
    level: Literal[2, 3] = 2

    def markdown(self) -> str:
        """As Markdown."""
        return f"{'#' * self.level} {self.title}"


@dataclass(frozen=True)
class Text:
    """A paragraph; the only markup is ``**bold**``, `` `code` `` and ``[link](address)``."""

    text: str

    def markdown(self) -> str:
        """As Markdown."""
        return self.text


@dataclass(frozen=True)
class Note:
    """A paragraph in a box: a conclusion, a warning, or something to know."""

    text: str
    kind: Literal["conclusion", "warning", "info"] = "info"

    def markdown(self) -> str:
        """As Markdown."""
        return f"> **Warning.** {self.text}" if self.kind == "warning" else f"> {self.text}"


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        header: The names of the columns.
        rows: The cells, with the markup of :class:`Text`.
        align: One of ``l``, ``r``, ``c`` a column; ``""``: the first to the left, the others to the right.
        caption: Below it.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    align: str = ""
    caption: str = ""

    def __post_init__(self) -> None:
        wrong = [len(row) for row in self.rows if len(row) != len(self.header)]
        if wrong or len(self.align) not in (0, len(self.header)) or set(self.align) - set("lrc"):
            raise ValueError(f"expected {len(self.header)} columns throughout, got rows of {wrong}, {self.align=}")

    @property
    def sides(self) -> list[str]:
        """Of every column ``left``, ``right`` or ``center``."""
        align = self.align or "l" + "r" * (len(self.header) - 1)
        return [{"l": "left", "r": "right", "c": "center"}[letter] for letter in align]

    def markdown(self) -> str:
        """As Markdown."""
        lines = [_line(self.header), _line([_RULE[side] for side in self.sides]), *map(_line, self.rows)]
        return "\n".join([*lines, "", self.caption] if self.caption else lines)


@dataclass(frozen=True, eq=False)
class Picture:
    """A PNG picture.

    Attributes:
        name: Its file name, unique in the document, such as ``reliability.png``.
        source: The file's content, or where it lies.
        caption: Below it.
        alt: What it shows, for those who cannot see it; ``""``: the caption.
    """

    name: str
    source: bytes | Path
    caption: str = ""
    alt: str = ""

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()

    @property
    def width(self) -> int:
        """How wide it is shown at most, in CSS pixels of 1/96 inch, so that its letters have their size."""
        return round(int.from_bytes(self.content[16:20]) * 96 / DPI)  # a PNG's width stands there

    def markdown(self) -> str:
        """As Markdown."""
        shown = f"![{self.alt or self.caption}]({PLOTS}/{self.name})"
        return f"{shown}\n\n{self.caption}" if self.caption else shown


@dataclass(frozen=True)
class Code:
    """Lines to be typed or read as they are."""

    text: str

    def markdown(self) -> str:
        """As Markdown."""
        return f"```text\n{self.text}\n```"


@dataclass(frozen=True)
class Fold:
    """Blocks that open on a click; in Markdown a section of level 3."""

    title: str
    blocks: Sequence["Block"]

    def markdown(self) -> str:
        """As Markdown."""
        return "\n\n".join([f"### {self.title}", *(block.markdown() for block in self.blocks)])


Block = Section | Text | Note | Table | Picture | Code | Fold


@dataclass(frozen=True)
class Document:
    """A title and blocks in reading order."""

    title: str
    blocks: Sequence[Block] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = [picture.name for picture in _pictures(self.blocks)]
        if len(set(names)) < len(names):
            raise ValueError(f"two pictures of one name among {names}")

    def html(self) -> str:
        """A whole page that needs no other file."""
        return _template().render(document=self)

    def markdown(self) -> str:
        """For people and for version control; pictures are links into ``plots/``."""
        return f"# {self.title}\n\n" + "\n\n".join(block.markdown() for block in self.blocks) + "\n"

    def write(self, folder: Path, stem: str) -> tuple[Path, Path]:
        """Write ``<stem>.html`` and ``<stem>.md``, and the latter's pictures into ``plots/``.

        Returns:
            The page and the Markdown file.

        Raises:
            RunFolderError: The folder cannot be written to, or the disk is full.
        """
        page = folder / f"{stem}.html"
        write_text(page, self.html())
        return page, self.write_markdown(folder, stem)

    def write_markdown(self, folder: Path, stem: str) -> Path:
        """Write ``<stem>.md`` alone, and its pictures into ``plots/``.

        Raises:
            RunFolderError: The folder cannot be written to, or the disk is full.
        """
        for picture in _pictures(self.blocks):
            target = folder / PLOTS / picture.name
            if picture.source != target:
                content = picture.content
                with atomic_path(target) as path:
                    path.write_bytes(content)
        text = folder / f"{stem}.md"
        write_text(text, self.markdown())
        return text


def _pictures(blocks: Sequence[Block]) -> Iterator[Picture]:
    for block in blocks:
        if isinstance(block, Picture):
            yield block
        if isinstance(block, Fold):
            yield from _pictures(block.blocks)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("mien.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"inline": inline, "kind": lambda block: type(block).__name__, "data_uri": _data_uri}
    return environment.get_template("document.html")


def inline(text: str) -> Markup:
    """The markup of :class:`Text` as HTML; all else is escaped.

    Examples:
        >>> inline("**a** < `b`")
        Markup('<strong>a</strong> &lt; <code>b</code>')
    """
    parts = re.split(r"(`[^`]+`)", text)
    return Markup("").join(_code(part) if part.startswith("`") and len(part) > 2 else _words(part) for part in parts)


def _code(text: str) -> Markup:
    return Markup("<code>{}</code>").format(text[1:-1])


def _words(text: str) -> Markup:
    html = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", str(escape(text)))
    return Markup(re.sub(r"\[([^\]]+)\]\(((?:https?://)?[^()\s:]+)\)", r'<a href="\2">\1</a>', html))


def _data_uri(picture: Picture) -> str:
    return "data:image/png;base64," + b64encode(picture.content).decode("ascii")


_RULE = {"left": "---", "right": "---:", "center": ":---:"}


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
