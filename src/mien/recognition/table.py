"""The one table of a recognition: a row a face, kept while the work goes on so that a kill loses nothing.

While working, rows go to ``parts/faces.jsonl`` and the name of each finished source to ``parts/done.jsonl``. The table
that is asked for is made from them. Rows without their source's name are those of unfinished work: the next start
drops them.
"""

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.config.recognize import TABLE_FORMATS
from mien.files import atomic_path, write_text, writing
from mien.labels import LabelSet
from mien.recognition.faces import RecognizedFace

PARTS = "parts"
POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
"""The landmarks' names in columns, left being the viewer's."""
_CHUNK = 10_000  # rows held at a time while the table is made
_PIXEL_DIGITS, _SHARE_DIGITS, _TIME_DIGITS = 2, 6, 4


@dataclass(frozen=True)
class Done:
    """A source that is finished.

    Attributes:
        key: Its name.
        state: What changes when the file does; ``""`` for what is never done twice.
        faces: Rows of each class.
        film: Whether it is a video or what a camera saw; the rows are then faces in frames.
        problem: What was wrong with it; ``""`` for nothing.
        copy: Its annotated copy, relative to ``annotated/``; ``""`` for none.
        end: Size of the rows' file in bytes after its last row.
    """

    key: str
    state: str
    faces: dict[str, int] = field(default_factory=dict)
    film: bool = False
    problem: str = ""
    copy: str = ""
    end: int = 0


def columns(labels: LabelSet) -> dict[str, type]:
    """The table's columns and what they hold.

    ``frame`` (from 0) and ``time`` (seconds) are empty for photos; ``face`` is the number of the face in its photo,
    best detection first, or of its track in the video, from 0; boxes and landmarks are pixels of the upright picture,
    rounded to 0.01; landmarks are empty where the detector gives none; score and ``p_<class>`` are 0..1, rounded to
    1e-6.
    """
    points = [f"{point}_{axis}" for point in POINTS for axis in "xy"]
    numbers = ["left", "top", "right", "bottom", "score", *points, *(f"p_{name}" for name in labels)]
    head = {"source": str, "frame": int, "time": float, "face": int}
    return head | dict.fromkeys(numbers, float) | {"label": str}


def table_path(folder: Path, form: str) -> Path:
    """Where the table of this format goes."""
    return folder / f"faces.{form}"


class FaceTable:
    """Rows of faces on disk; a context manager.

    Args:
        folder: Where ``parts/`` lies and the table goes.
        labels: The model's classes.
        states: The present state of each source, by its key. Sources that have changed since are forgotten, to be
            done anew, and so are those that are gone. ``None``: all are kept.

    Attributes:
        done: The finished sources by their keys.
        forgotten: Those that were finished before.
    """

    def __init__(self, folder: Path, labels: LabelSet, states: Mapping[str, str] | None) -> None:
        self.folder, self.labels = folder, labels
        self._rows_path, self._done_path = folder / PARTS / "faces.jsonl", folder / PARTS / "done.jsonl"
        self._rows_path.parent.mkdir(parents=True, exist_ok=True)
        self.done = {entry.key: entry for entry in self._read_done()}
        old = {key for key, entry in self.done.items() if states is not None and states.get(key) != entry.state}
        self.forgotten = [self.done[key] for key in old]
        self._forget(old)
        self._rows = self._rows_path.open("ab")
        self._names = list(columns(labels))
        self.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        with writing(self._rows_path):
            self._rows.close()

    def add(self, key: str, numbered: Iterable[tuple[int, RecognizedFace]], at: tuple[int, float] | None) -> None:
        """Keep the faces of one picture.

        Args:
            key: The source.
            numbered: The faces, each with its number.
            at: Number and time in seconds of the frame, ``None`` for a photo.

        Raises:
            RunFolderError: The disk is full.
        """
        lines = []
        for number, face in numbered:
            values = [
                key,
                *((None, None) if at is None else (at[0], round(at[1], _TIME_DIGITS))),
                number,
                *_values(face),
            ]
            row = dict(zip(self._names, values, strict=True))
            lines.append(json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        with writing(self._rows_path):
            self._rows.writelines(lines)
            self._rows.flush()

    def finish(self, entry: Done) -> None:
        """Note that a source is finished, all of its rows being there."""
        entry = replace(entry, end=self._rows.tell())
        with writing(self._done_path), self._done_path.open("a", encoding="utf-8") as file:
            file.write(_line(entry))
        self.done[entry.key] = entry

    def drop(self) -> None:
        """Remove the rows of unfinished work."""
        finished = max((entry.end for entry in self.done.values()), default=0)
        self._rows.truncate(min(self._rows.seek(0, os.SEEK_END), finished))
        self._rows.seek(0, os.SEEK_END)

    def write(self, form: str) -> Path:
        """Make the table, atomically, of all rows there are; those of unfinished sources too.

        Tables of other formats are removed: they would not be kept up.

        Args:
            form: One of ``TABLE_FORMATS``.
        """
        target = table_path(self.folder, form)
        with atomic_path(target) as path:
            {"parquet": self._to_parquet, "csv": self._to_csv, "jsonl": self._to_jsonl}[form](path)
        for other in TABLE_FORMATS:
            if other != form:
                table_path(self.folder, other).unlink(missing_ok=True)
        return target

    def _to_parquet(self, path: Path) -> None:
        import pyarrow as pa  # late: only this format needs it
        import pyarrow.parquet as pq

        kinds = {str: pa.string(), int: pa.int32(), float: pa.float64()}  # float64: the numbers of the other formats
        schema = pa.schema([(name, kinds[kind]) for name, kind in columns(self.labels).items()])
        with pq.ParquetWriter(path, schema) as writer:
            rows = self._read_rows()
            while chunk := list(islice(rows, _CHUNK)):
                writer.write_table(pa.Table.from_pylist(chunk, schema))

    def _to_csv(self, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self._names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._read_rows())

    def _to_jsonl(self, path: Path) -> None:
        with path.open("wb") as file:
            file.writelines(self._lines())

    def _read_rows(self) -> Iterator[dict[str, Any]]:
        return (json.loads(line) for line in self._lines())

    def _lines(self) -> Iterator[bytes]:
        """All whole lines of the rows."""
        if self._rows_path.is_file():
            with self._rows_path.open("rb") as file:
                yield from (line for line in file if line.endswith(b"\n"))

    def _read_done(self) -> list[Done]:
        if not self._done_path.is_file():
            return []
        # As bytes: a file's name may hold what Python's splitlines takes for a line's end.
        *whole, rest = self._done_path.read_bytes().split(b"\n")
        done = [Done(**json.loads(line)) for line in whole]
        if rest:  # cut off by a kill
            write_text(self._done_path, "".join(map(_line, done)))
        return done

    def _forget(self, keys: set[str]) -> None:
        """Remove sources and their rows; rows first, so that a kill in between does no harm."""
        if not keys:
            return
        end = max(entry.end for entry in self.done.values())
        with atomic_path(self._rows_path) as path, path.open("wb") as file:
            for line in self._lines():
                end -= len(line)
                if end >= 0 and json.loads(line)["source"] not in keys:
                    file.write(line)
        size = self._rows_path.stat().st_size
        left = [replace(entry, end=size) for key, entry in self.done.items() if key not in keys]
        write_text(self._done_path, "".join(map(_line, left)))
        self.done = {entry.key: entry for entry in left}


def _line(entry: Done) -> str:
    return json.dumps(asdict(entry), ensure_ascii=False) + "\n"


def _values(face: RecognizedFace) -> list[Any]:
    """A face's cells from ``left`` on."""
    return [
        *_rounded(face.box, _PIXEL_DIGITS),
        round(face.score, _SHARE_DIGITS),
        *_rounded(face.landmarks.ravel(), _PIXEL_DIGITS),
        *_rounded(face.probabilities, _SHARE_DIGITS),
        face.label,
    ]


def _rounded(values: NDArray[np.float32], digits: int) -> list[float | None]:
    return [round(value, digits) if np.isfinite(value) else None for value in values.tolist()]
