"""Contact sheets of what an audit found."""

from collections.abc import Sequence
from pathlib import Path

from mien.audit.duplicates import Group
from mien.audit.images import Images
from mien.audit.label_errors import Suspect
from mien.audit.outliers import Outlier
from mien.report import style
from mien.report.contact_sheet import Tile, contact_sheet, fitted
from mien.report.wording import percent

EXACT, NEAR = "duplicates.png", "near_duplicates.png"
OUTLIERS, LABEL_ERRORS = "outliers.png", "label_errors.png"
NAMES = (EXACT, NEAR, OUTLIERS, LABEL_ERRORS)
COLUMNS = 4  # so that the text can be read on a phone
_TEXT = 8.5  # points
_ROWS = 12
_IMAGES = 32


def draw_groups(images: Images, groups: Sequence[Group], path: Path) -> Path:
    """A sheet of the first duplicates, 12 rows; pairs stand two in a row, larger groups have a row of their own.

    Args:
        images: The images.
        groups: Groups of one kind, numbered from 1.
        path: The PNG to write.
    """
    tiles: list[Tile | None] = []
    drawn = 0
    for number, group in enumerate(groups, 1):
        own = _members(images, group, number)
        gap = -len(tiles) % COLUMNS if len(tiles) % COLUMNS + len(own) > COLUMNS else 0
        if len(tiles) + gap + len(own) > _ROWS * COLUMNS:
            break
        tiles += [None] * gap + own
        drawn += 1
    kind = "byte-identical images" if groups[0].kind == "exact" else "near-duplicates"
    head = (
        f"{drawn:,} of {len(groups):,} groups of {kind}, those across splits and of several labels first\n"
        "number and split, label; +2: two more of them; thick orange frames: the labels differ"
    )
    return contact_sheet(tiles, COLUMNS, head, path, _TEXT)


def _members(images: Images, group: Group, number: int) -> list[Tile | None]:
    """Up to four members, of different splits and labels first, with the empty places after them."""
    kinds = list(zip(group.splits, group.labels, strict=True))
    repeated = [place for place, kind in enumerate(kinds) if kinds.index(kind) != place]
    firsts = [place for place, kind in enumerate(kinds) if kinds.index(kind) == place]
    shown = sorted([*firsts, *repeated][:COLUMNS])
    hue, width = (style.WRONG, 3.5) if group.conflicting else (style.SOFT, 1.5)
    more = len(kinds) - len(shown)
    tiles: list[Tile | None] = []
    for place in shown:
        split, label = kinds[place]
        last = f" +{more}" if more and place == shown[-1] else ""
        tiles.append(Tile(images.read(group.members[place]), (f"{number} {split}{last}", label), hue, width))
    return tiles + [None] * (len(tiles) == 3)


def draw_outliers(images: Images, outliers: Sequence[Outlier], path: Path) -> Path:
    """A sheet of outliers, at most 32 of them, all reasons in turn."""
    turns: dict[str, int] = {}
    order: list[tuple[int, Outlier]] = []
    for outlier in outliers:
        order.append((turns.setdefault(outlier.reason, 0), outlier))
        turns[outlier.reason] += 1
    chosen = [outlier for _, outlier in sorted(order, key=lambda entry: entry[0])][:_IMAGES]
    tiles = [_outlier(images, outlier) for outlier in chosen]
    head = f"{len(chosen)} of {len(outliers):,} outliers, all reasons in turn: split, label, what is unlike the rest"
    return contact_sheet(tiles, COLUMNS, head, path, _TEXT)


def _outlier(images: Images, outlier: Outlier) -> Tile:
    what = f"{images.splits[outlier.index]} {images.label(outlier.index)}"
    value = "constant" if outlier.reason == "constant" else outlier.value
    return Tile(images.read(outlier.index), (what, value))


def draw_suspects(images: Images, suspects: Sequence[Suspect], path: Path) -> Path:
    """A sheet of likely label errors, the 32 likeliest."""
    chosen = suspects[:_IMAGES]
    tiles = []
    for suspect in chosen:
        given = fitted("", images.label(suspect.index), f" {percent(suspect.given_probability, 0)}", _TEXT)
        name = images.source.labels.names[suspect.suggested]
        suggested = fitted("→ ", name, f" {percent(suspect.suggested_probability, 0)}", _TEXT)
        tiles.append(Tile(images.read(suspect.index), (given, suggested)))
    head = (
        f"{len(chosen)} of {len(suspects):,} likely label errors, the likeliest first\n"
        "given label and its probability; → suggested label and its probability"
    )
    return contact_sheet(tiles, COLUMNS, head, path, _TEXT)
