"""Photos with boxes in ExpW's layout, and what is said of wrong lines."""

import logging

import pytest
from PIL import Image

from mien.config.schema import ScenesConfig
from mien.endtoend import build_scenes
from mien.endtoend.table import read_table
from mien.errors import DataError
from mien.labels import EXPRESSIONS, EXPW_CODES, LabelSet, canonical

README = '"0" "angry" "1" "disgust" "2" "fear" "3" "happy" "4" "sad" "5" "surprise" "6" "neutral"'
"""The codes as ExpW's own readme has them."""


@pytest.fixture
def folder(tmp_path):
    """images/ with two photos of 30x20 and 40x50 pixels; label.lst is up to the test."""
    (tmp_path / "images").mkdir()
    Image.new("RGB", (30, 20)).save(tmp_path / "images" / "a.png")
    Image.new("RGB", (40, 50)).save(tmp_path / "images" / "b c.jpg")
    return tmp_path


def write(folder, *lines):
    (folder / "label.lst").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_the_codes_are_those_of_the_readme():
    words = README.replace('"', "").split()
    assert {int(code): canonical(name) for code, name in zip(words[::2], words[1::2], strict=True)} == dict(
        enumerate(EXPW_CODES)
    )


def test_a_line_is_a_face_top_before_left(folder):
    lines = ("a.png 0 2 1 11 12 57.5 3", "b c.jpg 0 5 6 30 40 3.1 4", "a.png 1 0 12 22 12 9 6", "")
    scenes = build_scenes(ScenesConfig(name="table", root=str(write(folder, *lines))), EXPRESSIONS)
    assert (scenes.name, len(scenes), scenes.tight) == ("table", 2, True)
    assert scenes.labels.names == ("happiness", "neutral", "sadness")  # those that occur
    first, second = scenes
    assert (first.key, first.image.shape, second.key) == ("a.png", (20, 30, 3), "b c.jpg")
    assert first.boxes.tolist() == [[1, 2, 11, 12], [12, 0, 22, 12]]  # left, top, right, bottom
    assert [scenes.labels.names[label] for label in first.labels] == ["happiness", "neutral"]
    assert second.boxes.tolist() == [[6, 5, 30, 40]]


def test_folders_as_expw_packs_them(folder):
    (folder / "image").mkdir()
    (folder / "images").rename(folder / "image" / "origin")
    (folder / "label").mkdir()
    write(folder / "label", "a.png 0 2 1 11 12 57 3")
    assert read_table(folder).scene(0).image.shape == (20, 30, 3)


def test_another_table(folder):
    (folder / "test.lst").write_text("a.png 0 2 1 11 12 57 3")
    assert len(build_scenes(ScenesConfig(name="table", root=str(folder), table="test.lst"))) == 1


def test_a_line_that_is_there_twice_counts_once(folder, caplog):
    lines = ("a.png 0 2 1 11 12 57 3", "a.png 0 2 1 11 12 57 3")
    with caplog.at_level(logging.WARNING):
        assert read_table(write(folder, *lines)).scene(0).labels.tolist() == [0]
    assert "1 lines are there twice and count once" in caplog.text


def test_all_wrong_lines_are_listed(folder):
    lines = (
        "a.png 0 2 1 11 12 57 7",
        "a.png 0 2 1 11 12 57",
        "a.png 0 2 12 1 12 57 3",
        "a.png 0 two 1 11 12 57 3",
        "a.png 0 2 1 11 12 57 1",
        "b c.jpg 0 2 1 11 12 57 3",
        "b c.jpg 1 2 1 11 12 57 4",
    )
    known = LabelSet(("anger", "happiness", "sadness"))
    with pytest.raises(DataError, match="6 problem") as caught:
        read_table(write(folder, *lines), labels=known)
    expected = [
        "label.lst line 1: expected a label from 0 to 6, got '7'",
        "label.lst line 2: expected 8 fields (image, face id, top, left, right, bottom, confidence, label), got 7",
        "label.lst line 3: expected a box in pixels, left < right and top < bottom, got top, left, right, bottom ['2',",
        "label.lst line 4: expected a box in pixels",
        "label.lst line 5: label 1 is disgust, which the model does not know; known: anger, happiness, sadness",
        "label.lst line 7: b c.jpg has the same box with another label on an earlier line",
    ]
    found = str(caught.value).splitlines()[1:]
    assert len(found) == len(expected)
    for line, part in zip(found, expected, strict=True):
        assert part in line


def test_wrong_images_are_listed_with_their_first_line(folder):
    (folder / "images" / "text.jpg").write_text("no picture")
    lines = (
        "a.png 0 2 1 11 12 57 3",
        "lost.jpg 0 2 1 11 12 5 3",
        "lost.jpg 1 3 1 11 12 5 3",
        "text.jpg 0 2 1 11 12 5 3",
    )
    with pytest.raises(DataError, match="3 problem") as caught:
        read_table(write(folder, *lines, "a.png 1 20 1 11 40 5 3"))
    found = str(caught.value).splitlines()[1:]
    assert "line 2: " in found[0]
    assert "lost.jpg: no such file" in found[0]
    assert "line 4: " in found[1]
    assert "line 5: the box (1, 20, 11, 40) lies outside a.png, which has 30x20 pixels" in found[2]


def test_only_the_first_ten_of_many_problems_are_shown(folder):
    with pytest.raises(DataError, match=r"(?s)50 problem.*line 10: .*and 40 more") as caught:
        read_table(write(folder, *["nonsense"] * 50))
    assert "line 11" not in str(caught.value)


def test_missing_parts_say_what_was_found(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataError, match=r"lacks images and label.lst \(it holds photos/\); expected a folder with"):
        read_table(tmp_path)
    with pytest.raises(DataError, match=r"scenes.root=.*nowhere is not there"):
        read_table(tmp_path / "nowhere")


@pytest.mark.parametrize(("content", "message"), [(b"\n", "has no line"), (b"\xff\xfe\x00", "cannot be read as text")])
def test_no_table(folder, content, message):
    (folder / "label.lst").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_table(folder)
