"""Scene sources: what they give, and what they say when the data is wrong."""

import numpy as np
import pytest
from PIL import Image

from mien.config.schema import ScenesConfig
from mien.endtoend import build_scenes
from mien.endtoend.photos import read_photos
from mien.errors import ConfigError, DataError
from mien.labels import EXPRESSIONS


@pytest.fixture
def folder(tmp_path):
    """images/ with a RGB and a gray photo; labels.csv is up to the test."""
    (tmp_path / "images").mkdir()
    Image.new("RGB", (30, 20), (200, 10, 10)).save(tmp_path / "images" / "a.png")
    Image.new("L", (30, 20), 77).save(tmp_path / "images" / "b.jpg")
    return tmp_path


def write(folder, text):
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return folder


def test_photos_with_a_main_face(folder):
    scenes = read_photos(write(folder, "image,label,width\na.png,Angry,30\nb.jpg,happy,30\n"))
    assert scenes.labels.names == ("anger", "happiness")
    first, second = scenes
    assert (first.key, first.image.shape, first.labels.tolist(), first.boxes) == ("a.png", (20, 30, 3), [0], None)
    assert (second.image == 77).all()
    assert second.image.shape == (20, 30, 3)
    assert (scenes.scene(1).image == second.image).all()


def test_photos_with_boxes_group_the_rows_of_a_photo(folder):
    rows = "a.png,fear,1,2,11,12\nb.jpg,fear,0,0,5,5\na.png,sad,12,2,22,12\n"
    scenes = read_photos(write(folder, "image,label,left,top,right,bottom\n" + rows), EXPRESSIONS)
    assert len(scenes) == 2
    assert scenes.scene(0).labels.tolist() == [2, 5]
    assert scenes.scene(0).boxes.tolist() == [[1, 2, 11, 12], [12, 2, 22, 12]]
    assert scenes.scene(0).boxes.dtype == np.float32


def test_photos_are_turned_as_exif_asks(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise
    Image.new("RGB", (30, 20)).save(folder / "images" / "b.jpg", exif=exif)
    assert read_photos(write(folder, "image,label\nb.jpg,fear\n")).scene(0).image.shape == (30, 20, 3)


def test_missing_root(tmp_path):
    with pytest.raises(
        DataError, match=r"scenes.root=.*nowhere is not there or no folder; expected a folder with images/"
    ):
        read_photos(tmp_path / "nowhere")


def test_missing_parts_say_what_was_found(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataError, match=r"lacks images/ and labels.csv \(it holds photos\); expected a folder"):
        read_photos(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,emotion\na.png,fear\n", r"no column image, label \(it has file, emotion\)"),
        ("image,label,left,top\na.png,fear,1,2\n", r"no column right, bottom \(it has image, label, left, top\)"),
        ("image,label\n", "has no row"),
        ("", "cannot be read as a CSV table"),
        ("image,label\na.png,fear,\nb.jpg,sad,\n", r"expected as many cells a row as the head has \(image, label\)"),
    ],
)
def test_bad_tables(folder, text, message):
    with pytest.raises(DataError, match=message):
        read_photos(write(folder, text))


def test_all_problems_are_listed_at_once(folder):
    whole = (folder / "images" / "b.jpg").read_bytes()
    (folder / "images" / "cut.jpg").write_bytes(whole[: len(whole) - 40])
    (folder / "images" / "text.jpg").write_text("no picture")
    rows = "a.png,hapiness\nb.jpg,\na.png,fear\ncut.jpg,fear\ntext.jpg,fear\nlost.jpg,fear\n"
    with pytest.raises(DataError, match="6 problem") as caught:
        read_photos(write(folder, "image,label\n" + rows), EXPRESSIONS)
    lines = str(caught.value).splitlines()[1:]
    expected = [
        "labels.csv line 2: unknown label 'hapiness'; did you mean 'happiness'",
        "labels.csv line 3: empty label",
        "labels.csv line 4: a.png again; several faces a photo need the columns left, top, right, bottom",
        "labels.csv line 5: ",
        "text.jpg: not an image",
        "lost.jpg: no such file",
    ]
    assert len(lines) == len(expected)
    for line, part in zip(lines, expected, strict=True):
        assert part in line


def test_blank_lines_are_passed_over_and_counted(folder):
    rows = "\na.png,fear\n  \n,\nb.jpg\n"
    with pytest.raises(DataError, match=r"1 problem.*\n  - labels.csv line 6: empty label"):
        read_photos(write(folder, "image,label\n" + rows), EXPRESSIONS)
    assert len(read_photos(write(folder, "image,label\n" + rows.replace("b.jpg", "b.jpg,sad")))) == 2


@pytest.mark.parametrize("box", ["5,5,5,9", "9,5,5,9", "1,,5,9", "a,b,c,d", "0.1,0.2,0.3,0.4"])
def test_bad_boxes(folder, box):
    with pytest.raises(DataError, match="line 2: expected a box in pixels, left < right and top < bottom, got "):
        read_photos(write(folder, f"image,label,left,top,right,bottom\na.png,fear,{box}\n"))


def test_a_box_outside_its_image_is_a_problem_with_its_line(folder):
    rows = "a.png,fear,0,0,9,9\na.png,fear,31,0,40,9\na.png,fear,25,15,40,30\n"
    with pytest.raises(
        DataError, match=r"labels.csv line 3: the box \(31, 0, 40, 9\) lies outside a.png, .* 30x20 pix"
    ):
        read_photos(write(folder, "image,label,left,top,right,bottom\n" + rows))


def test_only_face_boxes_are_tight(folder):
    assert not read_photos(write(folder, "image,label\na.png,fear\n")).tight
    assert read_photos(write(folder, "image,label,left,top,right,bottom\na.png,fear,0,0,9,9\n")).tight


def test_drawn_scenes_are_the_same_each_time():
    scenes = build_scenes(ScenesConfig(name="drawn", count=3, seed=7))
    assert (scenes.name, len(scenes), scenes.labels) == ("drawn", 3, EXPRESSIONS)
    again = [scene.image for scene in scenes]
    assert (again[2] == scenes.scene(2).image).all()
    assert scenes.scene(0).boxes.shape == (len(scenes.scene(0).labels), 4)


def test_no_scenes():
    assert build_scenes(ScenesConfig(name="none")) is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (ScenesConfig(name="foto"), "scenes=foto: unknown scenes; did you mean 'photos'"),
        (ScenesConfig(name="photos"), "scenes=photos needs scenes.root=<folder"),
        (ScenesConfig(name="table"), "scenes=table needs scenes.root=<folder with images/ and label.lst>"),
        (ScenesConfig(name="collages"), "scenes=collages needs scenes.root=<folder of class folders>"),
        (ScenesConfig(name="drawn", count=0), "scenes.count=0: expected at least 1"),
        (ScenesConfig(name="collages", root=".", count=0), "scenes.count=0: expected at least 1"),
    ],
)
def test_bad_configs(config, message):
    with pytest.raises(ConfigError, match=message):
        build_scenes(config)
