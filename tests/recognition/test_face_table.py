"""The table: exact cells in every format, and nothing lost or doubled by an interruption."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mien.config.recognize import TABLE_FORMATS
from mien.labels import LabelSet
from mien.recognition.faces import RecognizedFace, named
from mien.recognition.table import Done, FaceTable
from mien.types import Faces

LABELS = LabelSet(("anger", "joy"))
POINTS = np.arange(10, dtype=np.float32).reshape(5, 2) + 0.126
FACE = RecognizedFace(np.float32([1, 2.345, 30.5, 40]), 0.98765432, POINTS, np.float32([0.25, 0.75]), "joy")
NO_POINTS = RecognizedFace(FACE.box, 1.0, np.full((5, 2), np.nan, np.float32), np.float32([1, 0]), "anger")


def table(folder, states=None):
    return FaceTable(folder, LABELS, states)


def sources_of(path):
    return [json.loads(line)["source"] for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def written(tmp_path):
    with table(tmp_path) as rows:
        rows.add("é.jpg", [(0, FACE), (1, NO_POINTS)], None)
        rows.finish(Done("é.jpg", "1", {"joy": 1, "anger": 1}))
        rows.add("film.mp4", [(7, FACE)], (3, 0.120049))
        rows.finish(Done("film.mp4", "2", {"joy": 1}, film=True))
        return {form: rows.write(form).rename(tmp_path / f"kept.{form}") for form in TABLE_FORMATS}


CELLS = {
    "source": "film.mp4",
    "frame": 3,
    "time": 0.12,
    "face": 7,
    "left": 1.0,
    "top": 2.35,
    "right": 30.5,
    "bottom": 40.0,
    "score": 0.987654,
    **{
        f"{point}_{axis}": round(2 * n + k + 0.13, 2)
        for n, point in enumerate(("left_eye", "right_eye", "nose", "left_mouth", "right_mouth"))
        for k, axis in enumerate("xy")
    },
    "p_anger": 0.25,
    "p_joy": 0.75,
    "label": "joy",
}


def test_rows_hold_the_exact_cells(written):
    lines = written["jsonl"].read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert rows[2] == CELLS
    assert list(rows[2]) == list(CELLS)
    assert rows[0] == CELLS | {"source": "é.jpg", "frame": None, "time": None, "face": 0}
    assert rows[1]["nose_x"] is None
    assert (rows[1]["face"], rows[1]["label"], rows[1]["p_anger"]) == (1, "anger", 1.0)


def test_all_formats_hold_the_same(written):
    lines = pd.read_json(written["jsonl"], lines=True)
    parquet = pd.read_parquet(written["parquet"])
    text = pd.read_csv(written["csv"])
    assert list(parquet) == list(text) == list(lines) == list(CELLS)
    pd.testing.assert_frame_equal(text, lines, check_dtype=False)
    pd.testing.assert_frame_equal(parquet, lines, check_dtype=False)
    assert written["csv"].read_text(encoding="utf-8").splitlines()[2].startswith("é.jpg,,,1,1.0,2.35,30.5,40.0,1.0,,,")


def test_a_table_without_a_face_has_its_columns(tmp_path):
    with table(tmp_path) as rows:
        rows.finish(Done("a.jpg", "1"))
        assert list(pd.read_parquet(rows.write("parquet"))) == list(CELLS)
        assert list(pd.read_csv(rows.write("csv"))) == list(CELLS)
        assert rows.write("jsonl").read_bytes() == b""


def test_rows_of_unfinished_work_are_dropped_at_the_next_start(tmp_path):
    with table(tmp_path) as rows:
        rows.add("a.jpg", [(0, FACE)], None)
        rows.finish(Done("a.jpg", "1"))
        rows.add("film.mp4", [(0, FACE)], (0, 0.0))
        assert sources_of(rows.write("jsonl")) == ["a.jpg", "film.mp4"]
    with (tmp_path / "parts" / "faces.jsonl").open("a") as file:
        file.write('{"source": "film.mp')  # a kill in the middle of a line
    with (tmp_path / "parts" / "done.jsonl").open("a") as file:
        file.write('{"key": "film')
    with table(tmp_path) as rows:
        assert set(rows.done) == {"a.jpg"}
        rows.add("film.mp4", [(1, FACE)], (0, 0.0))
        rows.finish(Done("film.mp4", "2"))
        assert sources_of(rows.write("jsonl")) == ["a.jpg", "film.mp4"]
    with table(tmp_path) as rows:
        assert set(rows.done) == {"a.jpg", "film.mp4"}


def test_dropping_leaves_what_is_finished(tmp_path):
    with table(tmp_path) as rows:
        rows.add("a.jpg", [(0, FACE)], None)
        rows.finish(Done("a.jpg", "1"))
        rows.add("b.mp4", [(0, FACE)], (0, 0.0))
        rows.drop()
        rows.add("c.jpg", [(0, FACE)], None)
        rows.finish(Done("c.jpg", "1"))
        assert sources_of(rows.write("jsonl")) == ["a.jpg", "c.jpg"]


def test_a_table_of_another_format_replaces_the_one_before(tmp_path):
    (tmp_path / "faces.txt").touch()
    with table(tmp_path) as rows:
        for form in TABLE_FORMATS:
            assert rows.write(form).name == f"faces.{form}"
            assert {path.name for path in tmp_path.glob("faces.*")} == {f"faces.{form}", "faces.txt"}


@pytest.mark.parametrize("name", ["a\u2028b.png", "a\x85.png", "a\x0b\x1c\rb\n.png"])
def test_names_with_what_python_takes_for_a_line_end(tmp_path, name):
    with table(tmp_path) as rows:
        for key in (name, "z.png"):
            rows.add(key, [(0, FACE)], None)
            rows.finish(Done(key, "1"))
    with table(tmp_path, {name: "1", "z.png": "2"}) as rows:
        assert list(rows.done) == [name]
        assert pd.read_parquet(rows.write("parquet"))["source"].tolist() == [name]


def test_a_kill_in_the_middle_of_a_letter(tmp_path):
    with table(tmp_path) as rows:
        rows.finish(Done("a.jpg", "1"))
    done = tmp_path / "parts" / "done.jsonl"
    whole = done.read_bytes()
    done.write_bytes(whole + '{"key": "é'.encode()[:-1])
    with table(tmp_path) as rows:
        assert list(rows.done) == ["a.jpg"]
    assert done.read_bytes() == whole


def test_a_file_that_has_changed_or_is_gone_is_forgotten(tmp_path):
    with table(tmp_path) as rows:
        for key in "abcz":
            rows.add(key, [(0, FACE), (1, FACE)], None)
            rows.finish(Done(key, "1", {"joy": 2}))
        rows.add("d", [(0, FACE)], None)  # never finished
    with table(tmp_path, {"a": "1", "b": "2", "c": "1"}) as rows:
        assert set(rows.done) == {"a", "c"}
        assert sources_of(rows.write("jsonl")) == ["a", "a", "c", "c"]
        rows.add("b", [(0, FACE)], None)
        rows.finish(Done("b", "2"))
    with table(tmp_path) as rows:
        assert sources_of(rows.write("jsonl")) == ["a", "a", "c", "c", "b"]


def test_a_full_disk_is_told_with_the_file(tmp_path):
    script = """
import resource, signal, sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from test_face_table import FACE, table
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with table(Path(sys.argv[1])) as rows:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    rows.add("a.jpg", [(0, FACE)], None)
"""
    command = [sys.executable, "-c", script, tmp_path, *sys.path]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert f"RunFolderError: cannot write {tmp_path}/parts/faces.jsonl: File too large; check space" in done.stderr


def test_named_faces_take_the_most_probable_class():
    faces = Faces(FACE.box[None], np.float32([0.5]), POINTS[None])
    (face,) = named(faces, np.float32([[0.6, 0.4]]), LABELS)
    assert (face.label, face.score) == ("anger", 0.5)
    assert face.probability == pytest.approx(0.6)
