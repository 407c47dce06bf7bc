"""The contact sheet: which scenes it shows, where its tags stand, and that it can be written."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from mien.endtoend import EndToEndRun, FaceRecord, draw_sheet
from mien.endtoend.annotate import Mark, annotate, fit_text, font_of, ink_on, overlaps, place_tag
from mien.endtoend.records import FalseFace
from mien.endtoend.score import score_faces
from mien.endtoend.sheet import choose_scenes
from mien.labels import COLOURS, EXPRESSIONS
from mien.types import Scene


def face(index, label, predicted, box=None):
    found = predicted is not None
    return FaceRecord(
        scene=f"s{index}",
        scene_index=index,
        label=label,
        true_box=box,
        box=(np.float32([2, 2, 9, 9]) if box is None else box) if found else None,
        score=0.9 if found else None,
        probabilities=np.eye(7, dtype=np.float32)[predicted] if found else None,
    )


def test_each_outcome_is_shown_however_rare():
    faces = [face(n, n % 7, n % 7) for n in range(50)] + [face(50, 0, 1), face(51, 0, None)]
    assert {50, 51} < set(choose_scenes(faces, 12))
    assert set(choose_scenes(faces, 3)) == {0, 50, 51}


def test_choice_goes_through_the_classes_and_names_no_scene_twice():
    faces = [face(n, 3, 3) for n in range(20)] + [face(20, 5, 5), face(20, 5, 1), face(21, 6, None)]
    chosen = choose_scenes(faces, 12)
    assert len(chosen) == len(set(chosen)) == 12
    assert chosen[:4] == [0, 20, 21, 1]
    assert choose_scenes(faces, 12) == chosen


AREA = (300, 200)


@pytest.mark.parametrize(
    ("box", "taken", "expected"),
    [
        ((100, 100, 150, 150), [], (100, 80, 160, 100)),  # above
        ((100, 5, 150, 60), [], (100, 60, 160, 80)),  # no room above: below
        ((0, 0, 300, 200), [], (0, 0, 60, 20)),  # no room but inside
        ((280, 100, 299, 150), [], (239, 80, 299, 100)),  # pushed back into the picture
        ((100, 100, 150, 150), [(100, 80, 160, 100)], (100, 150, 160, 170)),  # taken: below
    ],
)
def test_place_of_a_tag(box, taken, expected):
    assert place_tag((60, 20), box, AREA, taken, []) == expected


def test_tags_of_a_crowd_stay_inside_and_apart():
    rng = np.random.default_rng(0)
    tags = []
    for x, y in rng.uniform(-20, 280, (80, 2)):
        tag = place_tag((60, 20), (x, y, x + 30, y + 30), AREA, tags, [])
        tags += [] if tag is None else [tag]
    assert len(tags) > 20
    assert all(tag[0] >= 0 and tag[1] >= 0 and tag[2] < AREA[0] and tag[3] < AREA[1] for tag in tags)
    assert all(overlaps(np.array([a]), [b]) == 0 for a, b in combinations(tags, 2))


def test_a_tag_larger_than_the_picture_is_left_out():
    assert place_tag((60, 20), (0, 0, 10, 10), (50, 100), [], []) is None
    assert place_tag((60, 20), (0, 0, 10, 10), (100, 15), [], []) is None


def test_text_is_cut_to_its_room():
    font = font_of(17)
    assert fit_text("fear", font, 100) == "fear"
    cut = fit_text("a name much too long", font, 100)
    assert cut.endswith("...")
    assert font.getlength(cut) <= 100


def test_every_class_colour_can_be_written_on():
    for hex_colour in COLOURS.values():
        ink = 0 if ink_on(hex_colour) == "black" else 1
        contrast = sorted([_luminance(hex_colour) + 0.05, ink + 0.05])
        assert contrast[1] / contrast[0] > 3  # WCAG 2 for large text


def _luminance(hex_colour):
    c = np.array([int(hex_colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_a_box_has_its_colour_and_a_dashed_one_has_gaps():
    picture = Image.new("RGB", (200, 200), "#808080")
    annotate(picture, [Mark("a", "#D55E00", (20, 60, 80, 120)), Mark("b", "#222222", (120, 60, 180, 120), True)], 12)
    left, right = (np.asarray(picture)[118, x : x + 60] for x in (20, 120))
    assert (left[2:-2] == (0xD5, 0x5E, 0x00)).all()
    assert {tuple(pixel) for pixel in right[2:-2].tolist()} == {(0x22, 0x22, 0x22), (255, 255, 255)}


class Photo:
    """One gray scene as large as a tile, so that its pixels are the sheet's."""

    name = "photo"
    labels = EXPRESSIONS

    def scene(self, index):
        return Scene("s0", np.full((390, 520, 3), 90, np.uint8), np.zeros(1, np.int64))


def test_false_faces_and_the_true_boxes_of_poor_ones_are_thin(tmp_path):
    good = face(0, 0, 0, np.float32([400, 40, 500, 140]))
    poor = replace(face(0, 3, 4, np.float32([40, 60, 120, 160])), true_box=np.float32([60, 40, 140, 140]), iou=0.5)
    false = FalseFace(0, np.float32([300, 200, 350, 260]), 0.9)
    result = score_faces([good, poor], EXPRESSIONS, "photo", "none", tight=True)
    run = EndToEndRun(result, (good, poor), EXPRESSIONS, (false,))
    with Image.open(draw_sheet(run, Photo(), tmp_path / "sheet.png")) as picture:
        tile = np.asarray(picture)[44:, 14:]
    middle = tile[230, 295:306].tolist()  # across the left side of the false face
    assert middle[5] == [0x8A, 0x8F, 0x94]
    assert middle[4] == middle[6] == [255, 255, 255]
    assert middle[:3] == middle[8:] == [[90] * 3] * 3
    assert tile[120, 140].tolist() == [0x22] * 3  # right side of the true box
    without = EndToEndRun(result, (good, poor), EXPRESSIONS)
    with Image.open(draw_sheet(without, Photo(), tmp_path / "without.png")) as picture:
        assert np.asarray(picture)[44 + 230, 14 + 300].tolist() == [90] * 3


def test_a_poor_box_gets_its_turn_on_the_sheet():
    poor = replace(face(7, 0, 1), iou=0.55)
    assert choose_scenes([face(n, 0, 0) for n in range(5)] + [face(6, 0, 1), poor], 3) == [0, 6, 7]


class Pictures:
    """Scenes of every awkward size."""

    name = "awkward"
    labels = EXPRESSIONS
    sizes = ((1, 1), (20000, 10), (10, 3000), (350, 350), (48, 48))

    def __len__(self):
        return len(self.sizes)

    def scene(self, index):
        width, height = self.sizes[index]
        return Scene(f"s{index}", np.full((height, width, 3), 90, np.uint8), np.zeros(1, np.int64))

    def __iter__(self):
        return (self.scene(index) for index in range(len(self)))


def test_sheet_of_awkward_pictures_is_whole_and_the_same_each_time(tmp_path):
    box = np.float32([-5, -5, 6, 7])
    faces = [face(0, 0, None), face(1, 1, 2, box), face(2, 3, 3, box), face(3, 4, None, box), face(4, 5, 1)]
    run = EndToEndRun(score_faces(faces, EXPRESSIONS, "awkward", "none"), tuple(faces), EXPRESSIONS)
    first = draw_sheet(run, Pictures(), tmp_path / "plots" / "sheet.png").read_bytes()
    second = draw_sheet(run, Pictures(), tmp_path / "plots" / "again.png").read_bytes()
    assert first == second
    with Image.open(tmp_path / "plots" / "sheet.png") as picture:
        assert picture.format == "PNG"
        assert picture.size == (3 * 534 + 14, 44 + 2 * 434)
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == ["again.png", "sheet.png"]
