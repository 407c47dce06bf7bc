"""What ``source=`` stands for."""

import PIL.Image
import pytest

from mien.errors import DataError
from mien.recognition.results import target_names
from mien.recognition.sources import Kind, SourceFile, find_sources


@pytest.fixture
def folder(tmp_path):
    """Photos, a video, others, a hidden one, and the results of an earlier start."""
    root = tmp_path / "holiday (1)"
    for name in ("b.JPG", "a.png", "film.MOV", "notes.txt", "no_suffix", ".hidden.jpg", "sub/c.webp", "out/b.JPG"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


def keys(sources):
    return [(file.key, str(file.kind)) for file in sources.files]


def test_a_folder(folder):
    sources = find_sources(str(folder), recursive=True, output=folder / "out")
    assert keys(sources) == [("a.png", "photo"), ("b.JPG", "photo"), ("film.MOV", "video"), ("sub/c.webp", "photo")]
    assert (sources.ignored, sources.camera, sources.place) == (2, None, str(folder))
    assert sources.files[3].path == folder / "sub" / "c.webp"
    assert len(find_sources(str(folder), recursive=False).files) == 3


def test_a_glob(folder, monkeypatch):
    assert keys(find_sources(f"{folder}/*.JPG", True)) == [("b.JPG", "photo")]
    assert keys(find_sources(f"{folder}/**/*.webp", True)) == [("sub/c.webp", "photo")]
    sources = find_sources(f"{folder}/*", True)
    assert (len(sources.files), sources.ignored) == (3, 2)
    monkeypatch.chdir(folder.parent)
    assert [file.key for file in find_sources("*/?.png", True).files] == ["holiday (1)/a.png"]


def test_a_file_whatever_its_name(folder):
    assert keys(find_sources(str(folder / "b.JPG"), True)) == [("b.JPG", "photo")]
    PIL.Image.new("RGB", (4, 4)).save(folder / "odd.name", format="PNG")
    assert keys(find_sources(str(folder / "odd.name"), True)) == [("odd.name", "photo")]
    assert keys(find_sources(str(folder / "no_suffix"), True)) == [("no_suffix", "video")]


def test_a_number_is_a_camera_unless_there_is_such_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sources = find_sources("2", True)
    assert (sources.camera, sources.place, sources.files) == (2, "camera 2", ())
    (tmp_path / "2").mkdir()
    PIL.Image.new("RGB", (4, 4)).save(tmp_path / "2" / "a.png")
    assert find_sources("2", True).camera is None


def test_a_gif_that_moves_is_a_video(tmp_path):
    frames = [PIL.Image.new("L", (8, 8), shade) for shade in (0, 90, 200)]
    frames[0].save(tmp_path / "still.gif")
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert keys(find_sources(str(tmp_path), True)) == [("moving.gif", "video"), ("still.gif", "photo")]


def test_what_is_not_there(folder):
    with pytest.raises(
        DataError, match=r"no such file or folder \(did you mean 'a.png'\?\); expected a photo, a folder"
    ):
        find_sources(str(folder / "aa.png"), True)
    with pytest.raises(DataError, match=r"no such file or folder; expected"):
        find_sources("/no/where/at all", True)
    with pytest.raises(DataError, match=r"\*\.xyz holds no photo or video; looked for \.3gp"):
        find_sources(f"{folder}/*.xyz", True)
    with pytest.raises(DataError, match="holds no photo or video, only 1 other files"):
        find_sources(f"{folder}/*.txt", True)


def test_names_of_the_copies():
    photos = ["a.jpg", "a.webp", "a.webp.png", "b.PNG", "c.gif", "sub/a.JPEG"]
    files = [SourceFile(key, None, Kind.PHOTO) for key in photos]
    files += [SourceFile(key, None, Kind.VIDEO) for key in ("a.mp4", "a.mov", "c.gif.x")]
    names = {key: str(name) for key, name in target_names(files).items()}
    assert names == {
        "a.jpg": "a.jpg",
        "a.webp": "a.webp-2.png",
        "a.webp.png": "a.webp.png",
        "b.PNG": "b.PNG",
        "c.gif": "c.gif.png",
        "sub/a.JPEG": "sub/a.JPEG",
        "a.mp4": "a.mp4",
        "a.mov": "a.mov.mp4",
        "c.gif.x": "c.gif.x.mp4",
    }
