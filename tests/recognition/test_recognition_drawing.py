"""Annotated pictures: legible at any size, inside the picture, in the class's colour."""

import time
from itertools import combinations

import numpy as np
import PIL.Image
import pytest
from PIL import ImageColor

from mien.endtoend import annotate as annotating
from mien.endtoend.annotate import Mark, annotate
from mien.labels import COLOURS, EXPRESSIONS
from mien.recognition.drawing import annotate_frame, annotate_photo, save_picture, text_height
from mien.recognition.faces import RecognizedFace


def face(box, label="fear", probability=0.87):
    rest = (1 - probability) / 6
    probabilities = np.float32([probability if name == label else rest for name in EXPRESSIONS])
    return RecognizedFace(np.float32(box), 0.9, np.full((5, 2), np.nan, np.float32), probabilities, label)


def gray(width, height):
    return np.full((height, width, 3), 128, np.uint8)


@pytest.fixture
def drawn(monkeypatch):
    """Texts and rectangles of the tags, and sizes of the pictures, as they are drawn."""
    seen = []
    place = annotating._place_all

    def place_all(sizes, boxes, area):
        tags = place(sizes, boxes, area)
        seen.append((tags, area))
        return tags

    monkeypatch.setattr(annotating, "_place_all", place_all)
    return seen


@pytest.mark.parametrize(
    ("size", "box", "expected"),
    [
        ((640, 480), (200, 100, 300, 220), (640, 480)),
        ((48, 48), (0, 0, 48, 48), (192, 192)),
        ((1, 1), (0, 0, 1, 1), (160, 160)),
        ((20_000, 10), (0, 0, 10, 10), None),
        ((10, 3_000), (0, 10, 10, 20), None),
        ((4_000, 3_000), (1_000, 1_000, 1_020, 1_020), (4_000, 3_000)),
    ],
)
def test_the_tag_is_whole_and_inside_at_any_size(drawn, monkeypatch, size, box, expected):
    texts = []
    fit = annotating.fit_text
    monkeypatch.setattr(annotating, "fit_text", lambda *given: texts.append((given[0], fit(*given))) or fit(*given))
    picture = annotate_photo(gray(*size), [face(box, "happiness", 1.0)])
    assert texts == [("happiness 100 %", "happiness 100 %")]
    ((tags, area),) = drawn
    assert area == picture.size
    (tag,) = tags.values()
    assert 0 <= tag[0] < tag[2] <= area[0] - 1
    assert 0 <= tag[1] < tag[3] <= area[1] - 1
    if expected is None:
        assert max(area) == max(size)
        assert min(area) > 30
    else:
        assert area == expected


def test_a_photo_without_a_face_stays_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    assert np.array_equal(annotate_photo(image, []), image)
    assert annotate_frame(image, []) is image


@pytest.mark.parametrize("label", EXPRESSIONS.names)
def test_a_box_has_its_classs_colour(label):
    picture = np.asarray(annotate_photo(gray(640, 480), [face((200, 200, 300, 320), label)]))
    inside_line = picture[260, 200:206].tolist()
    assert list(ImageColor.getrgb(COLOURS[label])) in inside_line


def test_a_frame_keeps_its_size_and_is_left_as_it_is():
    image = gray(90, 31)
    result = annotate_frame(image, [(3, face((10, 5, 40, 30)))])
    assert result.shape == image.shape
    assert (image == 128).all()
    assert (result != 128).any()


def test_frames_tell_the_track(monkeypatch):
    marks = []
    monkeypatch.setattr("mien.recognition.drawing.annotate", lambda picture, given, size: marks.extend(given))
    annotate_frame(gray(300, 300), [(12, face((10, 50, 40, 80), "sadness", 0.555))])
    assert marks[0].text == "#12 sadness 56 %"
    assert marks[0].box == (10, 50, 40, 80)


@pytest.mark.parametrize(
    ("size", "count", "width", "expected"),
    [
        ((1000, 1000), 1, 100, 20),  # a fifth of the face
        ((1000, 1000), 1, 10, 15),  # 1.5 % of the shorter side
        ((1000, 1000), 1, 900, 35),  # 3.5 % of it
        ((1000, 1000), 1, None, 35),
        ((200, 200), 1, 10, 11),
        ((200, 200), 1, 150, 12),
        ((9000, 400), 1, 9000, 22.14),  # very long: 3.5 % of a third of the area's square root
        ((2000, 2000), 100, 20, 17),  # 8.5 % of the 200 pixels that each has
        ((2000, 2000), 100, None, 17),
        ((2000, 2000), 10_000, None, 12),
    ],
)
def test_text_follows_picture_and_faces(size, count, width, expected):
    assert text_height(size, count, width) == pytest.approx(expected, rel=1e-3)


def test_text_of_frames_changes_at_powers_of_two_only(monkeypatch):
    heights = []
    monkeypatch.setattr("mien.recognition.drawing.annotate", lambda picture, given, size: heights.append(size))
    for number in (1, 5, 8, 9, 16):
        annotate_frame(gray(640, 480), [(n, face((5, 5, 10, 10 + n))) for n in range(number)])
    assert heights[1] == heights[2] > heights[3] == heights[4]


def test_hundreds_of_faces_have_tags_apart_and_in_time(drawn):
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, (3900, 2900), (400, 2))
    faces = [face((x, y, x + 90, y + 110), EXPRESSIONS.names[n % 7]) for n, (x, y) in enumerate(corners)]
    before = time.perf_counter()
    annotate_photo(gray(4000, 3000), faces)
    assert time.perf_counter() - before < 5
    ((tags, area),) = drawn
    assert len(tags) > 300
    assert all(min(tag[:2]) >= 0 and tag[2] < area[0] and tag[3] < area[1] for tag in tags.values())
    assert all(
        min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1])
        for a, b in combinations(tags.values(), 2)
    )


def test_lines_are_in_proportion_to_the_text():
    widths = []
    for size in (10, 17, 50, 100):
        picture = PIL.Image.new("RGB", (900, 900), "black")
        annotate(picture, [Mark("a", "#D55E00", (300, 300, 800, 800))], size)
        row = np.asarray(picture)[550, 290:400]
        widths.append(int((row == (0xD5, 0x5E, 0x00)).all(axis=1).sum()))
    assert widths == [2, 4, 12, 24]


def test_saved_as_the_name_says(tmp_path):
    picture = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8))
    save_picture(picture, tmp_path / "sub" / "a.png")
    save_picture(picture, tmp_path / "a.JPG")
    with PIL.Image.open(tmp_path / "sub" / "a.png") as lossless, PIL.Image.open(tmp_path / "a.JPG") as jpeg:
        assert (lossless.format, jpeg.format) == ("PNG", "JPEG")
        assert np.array_equal(lossless, picture)
        picture.save(tmp_path / "reference.jpg", quality=92)
        with PIL.Image.open(tmp_path / "reference.jpg") as reference:
            assert jpeg.quantization == reference.quantization
