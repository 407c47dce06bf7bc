"""``dataset.faces=detected``: what a data set's images are cut down to, and what that costs."""

import os
import pickle
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import skimage.data

from mien.config.schema import DetectorConfig
from mien.data.decode import Decoder
from mien.data.readers import FileReader
from mien.data.source import Part
from mien.data.split import cut
from mien.data.workers import Worker
from mien.detection import MtcnnDetector, WholeImageDetector, crop_face
from mien.detection.face_reader import DetectedFaces, FaceFinder, central_face
from mien.errors import CacheError, DataError
from mien.types import CropRule, Faces, InputSpec, SplitName

SETTINGS = DetectorConfig("bright")
NOTHING = np.full((5, 2), np.nan, np.float32)


class Bright:
    """Finds the one bright square; counts the pictures it was shown."""

    name = "bright"

    def __init__(self):
        self.seen = 0

    def detect(self, image):
        self.seen += 1
        rows, columns = np.nonzero(image[..., 0] > 150)
        if not len(rows):
            return Faces.none()
        box = np.float32([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]])
        return Faces(box, np.ones(1, np.float32), NOTHING[None])


@pytest.fixture
def reader(tmp_path):
    """Ten pictures of 200 x 160 with a bright square of 40 at (20 + 10 n, 60); the last has none."""
    for n in range(10):
        image = np.full((160, 200, 3), 10 + n, np.uint8)
        if n < 9:
            image[60:100, 20 + 10 * n : 60 + 10 * n] = 200
        PIL.Image.fromarray(image).save(tmp_path / f"{n}.png")
    return FileReader(tmp_path, [f"{n}.png" for n in range(10)])


def part_of(reader):
    return Part(reader, np.arange(len(reader)) % 2)


def test_every_image_becomes_its_face(reader):
    found = FaceFinder(Bright(), SETTINGS).find(reader)
    assert found.shape == (10, 14)
    assert found[:9, :4].tolist() == [[20 + 10 * n, 60, 60 + 10 * n, 100] for n in range(9)]
    assert np.isnan(found[9]).all()
    faces = DetectedFaces(reader, found, CropRule(1.5))
    for n in range(9):
        expected = crop_face(reader.read(n), found[n, :4], NOTHING, CropRule(1.5))
        assert np.array_equal(faces.read(n), expected)
        assert faces.read(n).shape == (100, 90 if n == 0 else 100, 3)  # the first is clipped
    assert np.array_equal(faces.read(9), reader.read(9))  # nothing found: the whole image
    assert (len(faces), faces.key(3), faces.digest(3)) == (10, "3.png", reader.digest(3))


def test_landmarks_go_into_the_crop(reader):
    found = np.zeros((10, 14), np.float32)
    found[:, :4] = [50, 30, 150, 130]
    marks = np.float32([[85, 70], [120, 68], [102, 90], [88, 110], [117, 110]])
    found[:, 4:] = marks.ravel()
    rule = CropRule(align=True, edge="repeat")
    expected = crop_face(reader.read(4), found[4, :4], marks, rule)
    assert np.array_equal(DetectedFaces(reader, found, rule).read(4), expected)
    assert not np.array_equal(expected, crop_face(reader.read(4), found[4, :4], marks, CropRule()))


def test_small_images_are_searched_enlarged_but_cut_from_their_own_pixels(tmp_path):
    image = np.full((40, 40, 3), 50, np.uint8)
    image[10:30, 12:32] = 251
    PIL.Image.fromarray(image).save(tmp_path / "small.png")
    reader = FileReader(tmp_path, ["small.png"])
    found = FaceFinder(Bright(), SETTINGS).find(reader)
    assert np.allclose(found[0, :4], [12, 10, 32, 30], atol=0.4)
    assert np.array_equal(DetectedFaces(reader, found, CropRule()).read(0), image[10:30, 12:32])


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([], None),
        ([(0, 0, 10, 10)], 0),
        ([(0, 0, 10, 10), (0, 0, 20, 20)], 1),  # none holds the centre: the largest
        ([(0, 0, 40, 90), (45, 45, 60, 60)], 1),  # one holds it
        ([(45, 45, 60, 60), (30, 30, 70, 70), (0, 0, 100, 40)], 1),  # the larger of those that do
    ],
)
def test_the_face_that_an_image_is_of(boxes, expected):
    n = len(boxes)
    faces = Faces(np.float32(boxes).reshape(n, 4), np.ones(n, np.float32), np.zeros((n, 5, 2), np.float32))
    assert central_face(faces, (50, 50)) == expected


def test_parts_say_how_many_faces_were_found(reader, caplog):
    with caplog.at_level("INFO", "mien"):
        done = FaceFinder(Bright(), SETTINGS).cut_out({SplitName.TRAIN: part_of(reader)}, CropRule())
    assert "train: a face was found in 9 of 10 images; the others are taken whole" in caplog.text
    assert done[SplitName.TRAIN].labels.tolist() == part_of(reader).labels.tolist()
    assert done[SplitName.TRAIN].reader.key(9) == "9.png"


@pytest.mark.parametrize("cached", [True, False])
def test_decoded_faces_are_those_that_are_read(reader, tmp_path, cached):
    cache = str(tmp_path / "cache") if cached else "off"
    train, validation = cut(part_of(reader), 0.4, 0)
    parts = {SplitName.TRAIN: train, SplitName.VALIDATION: validation}
    detector = Bright()
    faces = FaceFinder(detector, SETTINGS, cache).cut_out(parts, CropRule())
    assert detector.seen == 10
    decoded = Decoder(InputSpec(16), workers=1, cache=cache).decode_parts(faces)
    for split, part in parts.items():
        bright = [part.reader.key(index) != "9.png" for index in range(len(part))]
        assert (decoded[split][:].min(axis=(1, 2, 3)) == 200).tolist() == bright
        assert np.array_equal(decoded[split].part.labels, part.labels)


def test_faces_are_searched_once_and_shared_by_all_crop_rules(reader, tmp_path):
    cache, detector = str(tmp_path / "cache"), Bright()
    decoder = Decoder(InputSpec(16), workers=1, cache=cache)

    def pixels(**rule):
        parts = FaceFinder(detector, SETTINGS, cache).cut_out({SplitName.TEST: part_of(reader)}, CropRule(**rule))
        return decoder.decode(parts[SplitName.TEST])[:]

    tight, wide = pixels(), pixels(margin=1.0)
    assert np.array_equal(pixels(), tight)
    assert not np.array_equal(tight, wide)
    assert detector.seen == 10
    other = DetectorConfig("bright", min_face_size=30)
    FaceFinder(detector, other, cache).find(reader)
    assert detector.seen == 20
    image = reader.root / "0.png"
    PIL.Image.fromarray(np.full((160, 200, 3), 5, np.uint8)).save(image)
    assert np.isnan(FaceFinder(detector, SETTINGS, cache).find(reader)[0]).all()


def test_a_cache_that_cannot_be_used(reader, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="cannot write to the cache"):
        FaceFinder(Bright(), SETTINGS, str(tmp_path / "file")).find(reader)
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "file"))
    assert FaceFinder(Bright(), SETTINGS, "auto").find(reader).shape == (10, 14)
    assert "going on without a cache" in caplog.text


@pytest.mark.parametrize("cached", [True, False])
def test_images_that_cannot_be_read_are_left_to_decoding(reader, tmp_path, cached):
    path = reader.root / "4.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:60])
    finder = FaceFinder(Bright(), SETTINGS, str(tmp_path / "cache") if cached else "off")
    faces = finder.cut_out({SplitName.TEST: part_of(reader)}, CropRule())
    assert np.isnan(finder.find(reader)[:, 0]).tolist() == [n in (4, 9) for n in range(10)]
    with pytest.raises(DataError, match=r"(?s)1 of 10 images cannot be read.*4\.png"):
        Decoder(InputSpec(16)).decode(faces[SplitName.TEST])
    path.write_bytes(whole)
    assert np.isnan(finder.find(reader)[:, 0]).tolist() == [n == 9 for n in range(10)]


def test_processes_read_faces_without_the_detector(reader):
    faces = DetectedFaces(reader, FaceFinder(Bright(), SETTINGS).find(reader), CropRule())
    assert b"Bright" not in pickle.dumps(faces)
    with Worker(faces, 16, 3) as worker:
        images, bad = worker.prepare(np.arange(10))
    assert bad == []
    assert (images[:9] == 200).all()
    assert (images[9] == 19).all()


def test_large_images_are_searched_a_few_at_a_time(reader, monkeypatch):
    together = []

    class Counting(Bright):
        def detect_many(self, images):
            together.append(len(images))
            return [self.detect(image) for image in images]

    expected = FaceFinder(Bright(), SETTINGS).find(reader)
    monkeypatch.setattr("mien.detection.face_reader._BATCH_BYTES", 3 * 160 * 200 * 3)
    found = FaceFinder(Counting(), SETTINGS).find(reader)
    assert together == [3, 3, 3, 1]
    assert np.array_equal(found, expected, equal_nan=True)


def test_whole_images_stay_whole(reader):
    found = FaceFinder(WholeImageDetector(), DetectorConfig("whole_image")).find(reader)
    assert found[:, :4].tolist() == [[0, 0, 200, 160]] * 10
    assert np.array_equal(DetectedFaces(reader, found, CropRule()).read(2), reader.read(2))


def test_the_border_puts_a_cut_off_face_right(tmp_path):
    photo = skimage.data.astronaut()
    expected = MtcnnDetector().detect(photo)
    left, top, right, bottom = 190, 85, 260, 155  # forehead to chin, cut off on all sides
    PIL.Image.fromarray(photo[top:bottom, left:right]).save(Path(tmp_path) / "tight.png")
    reader = FileReader(tmp_path, ["tight.png"])
    eyes = float(np.hypot(*(expected.landmarks[0][1] - expected.landmarks[0][0])))
    finder = FaceFinder(MtcnnDetector(), DetectorConfig("mtcnn"))

    def off(border):
        found = finder.find(reader, border)[0, 4:].reshape(5, 2)
        return np.hypot(*(found + np.float32([left, top]) - expected.landmarks[0]).T).mean() / eyes

    assert off(0.25) < 0.1
    assert not off(0.0) < 0.1


@pytest.mark.real
@pytest.mark.skipif("MIEN_DATA" not in os.environ, reason="set MIEN_DATA to the folder of the real data sets")
@pytest.mark.parametrize(("name", "least"), [("fer2013", 0.85), ("micro_expressions", 0.92)])
def test_faces_are_found_in_most_images_of_real_sets(name, least):
    root = Path(os.environ["MIEN_DATA"]) / name
    paths = sorted(str(path.relative_to(root)) for path in (root / "train").glob("*/*.jpg"))
    reader = FileReader(root, paths[:: len(paths) // 100][:100])
    found = FaceFinder(MtcnnDetector(), DetectorConfig("mtcnn")).find(reader, 0.25)
    face = found[~np.isnan(found[:, 0])]
    assert len(face) >= least * 100
    side = len(reader.read(0))
    assert ((face[:, :2] < side / 2) & (face[:, 2:4] > side / 2)).all(axis=1).mean() > 0.95
    assert abs(np.median(face[:, 4::2]) / side - 0.5) < 0.05  # landmarks about the middle
