import pickle
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien.data.readers import ArrayReader, FileReader, Selection, image_size, load_image
from mien.errors import DataError

RED = (255, 0, 0)


def saved(picture, path: Path, **options) -> Path:
    picture.save(path, **options)
    return path


@pytest.mark.parametrize(
    ("mode", "colour", "suffix", "expected"),
    [
        ("RGB", (10, 20, 30), "png", (10, 20, 30)),
        ("L", 77, "png", (77, 77, 77)),
        ("1", 1, "png", (255, 255, 255)),
        ("LA", (77, 255), "png", (77, 77, 77)),
        ("RGBA", (10, 20, 30, 255), "png", (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), "png", (255, 255, 255)),
        ("CMYK", (0, 255, 255, 0), "tif", RED),
        ("I;16", 65535, "png", (255, 255, 255)),
        ("I;16", 257 * 100, "png", (100, 100, 100)),
        ("I;16", 257 * 100, "tif", (100, 100, 100)),
        ("I", 257 * 100, "tif", (100, 100, 100)),
        ("I", 100, "tif", (100, 100, 100)),
        ("I;16", 100, "tif", (0, 0, 0)),
    ],
)
def test_every_mode_becomes_rgb(mode, colour, suffix, expected, tmp_path):
    path = saved(PIL.Image.new(mode, (5, 4), colour), tmp_path / f"image.{suffix}")
    image = load_image(path)
    assert image.shape == (4, 5, 3)
    assert image.dtype == np.uint8
    assert (image == expected).all()


def test_palette_with_transparency(tmp_path):
    picture = PIL.Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((1, 0), 1)
    path = saved(picture, tmp_path / "image.png", transparency=1)
    assert load_image(path).tolist() == [[[255, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_exif_orientation_is_honoured(suffix, tmp_path):
    picture = PIL.Image.new("RGB", (3, 2), "black")
    picture.putpixel((0, 0), RED)
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the picture's left column is its top row
    path = saved(picture, tmp_path / f"image.{suffix}", exif=exif)
    image = load_image(path)
    assert image.shape == (3, 2, 3)
    assert image[0, 1].tolist() == list(RED)
    assert image_size(path) == (2, 3)


def test_floating_point_pixels_are_refused(tmp_path):
    path = saved(PIL.Image.new("F", (5, 4)), tmp_path / "image.tif")
    with pytest.raises(DataError, match=r"image\.tif: floating-point pixels; save it with 8 or 16 bits"):
        load_image(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "gif", "webp"])
def test_a_truncated_file_is_an_error(suffix, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = saved(PIL.Image.fromarray(pixels), tmp_path / f"image.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"image\.{suffix}: .+"):
        load_image(path)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty file"), (b"hello", "not an image, or of an unknown format")]
)
def test_what_is_no_image_is_an_error(content, reason, tmp_path):
    path = tmp_path / "image.jpg"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"^{path}: {reason}$"):
        load_image(path)
    assert image_size(path) is None


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"no\.jpg: no such file or directory"):
        load_image(tmp_path / "no.jpg")


def test_file_reader_cuts_boxes(save, tmp_path):
    save("a/one.png", 1)
    whole = FileReader(tmp_path, ["a/one.png"])
    boxed = FileReader(tmp_path, ["a/one.png"], np.array([[2, 3, 8, 10]]))
    assert boxed.read(0).tolist() == whole.read(0)[3:10, 2:8].tolist()
    assert whole.key(0) == "a/one.png"
    assert boxed.key(0) == "a/one.png@2,3,8,10"
    assert whole.digest(0) != boxed.digest(0)


def test_digest_follows_from_the_content_alone(save, tmp_path):
    for name, seed in (("a.png", 1), ("b.png", 1), ("c.png", 2)):
        save(name, seed)
    reader = FileReader(tmp_path, ["a.png", "b.png", "c.png"])
    assert reader.digest(0) == reader.digest(1)
    assert reader.digest(0) != reader.digest(2)


def test_stamp_holds_the_size_and_bears_a_missing_file(save, tmp_path):
    size = save("a.png", 1).stat().st_size
    reader = FileReader(tmp_path, ["a.png", "missing.png"])
    assert reader.stamp(0) == f"a.png:{size}"
    assert reader.stamp(1) == "missing.png:-1"
    assert len(reader.digest(1)) == 16


def test_array_reader_gives_rgb():
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    reader = ArrayReader(images, np.array([7, 9]), "fer2013.csv")
    assert reader.read(1).shape == (3, 4, 3)
    assert (reader.read(1) == images[1][:, :, None]).all()
    assert reader.key(1) == "fer2013.csv:9"
    assert reader.digest(0) != reader.digest(1)


@pytest.mark.parametrize("kind", ["files", "array"])
def test_readers_can_be_pickled(kind, save, tmp_path):
    save("a.png", 1)
    save("b.png", 2)
    files = FileReader(tmp_path, ["a.png", "b.png"])
    array = ArrayReader(np.zeros((2, 3, 4), np.uint8), np.array([1, 2]), "t.csv")
    reader = Selection({"files": files, "array": array}[kind], np.array([1]))
    again = pickle.loads(pickle.dumps(reader))
    assert len(again) == 1
    assert again.process_from == reader.reader.process_from
    assert (again.read(0) == reader.read(0)).all()
    assert again.stamp(0) == reader.reader.stamp(1)
    assert again.digest(0) == reader.reader.digest(1)
    assert again.key(0) == reader.reader.key(1)
