"""What ``source=`` stands for."""

from io import BytesIO

import PIL.Image
import pytest

from mien.errors import DataError
from mien.recognition.photos import read_photo
from mien.recognition.recognizer import as_image
from mien.recognition.results import target_names
from mien.recognition.sources import Kind, SourceFile, find_sources, frame_count, kind_of
from mien.recognition.video_writer import partial_path


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


def test_a_glob_where_the_working_folder_looks_like_one(tmp_path, monkeypatch):
    (tmp_path / "trip [1]" / "sub").mkdir(parents=True)
    (tmp_path / "trip [1]" / "sub" / "a.jpg").touch()
    monkeypatch.chdir(tmp_path / "trip [1]")
    sources = find_sources("*/?.jpg", True)
    assert (keys(sources), sources.place) == ([("sub/a.jpg", "photo")], str(tmp_path / "trip [1]" / "*" / "?.jpg"))


@pytest.mark.parametrize("source", ["album", "album/**/*.jpg"])
def test_links_to_folders_are_followed_once(tmp_path, monkeypatch, source):
    for name in ("album/z/a.jpg", "elsewhere/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for link, target in {"a_link": "elsewhere", "b_link": "album/z", "circle": "album", "other": "elsewhere"}.items():
        (tmp_path / "album" / link).symlink_to(tmp_path / target)
    monkeypatch.chdir(tmp_path)
    assert [file.key for file in find_sources(source, True).files] == ["a_link/b.jpg", "z/a.jpg"]


def test_a_file_whatever_its_name(folder):
    assert keys(find_sources(str(folder / "b.JPG"), True)) == [("b.JPG", "photo")]
    PIL.Image.new("RGB", (4, 4)).save(folder / "odd.name", format="PNG")
    assert keys(find_sources(str(folder / "odd.name"), True)) == [("odd.name", "photo")]
    assert keys(find_sources(str(folder / "no_suffix"), True)) == [("no_suffix", "video")]


def test_a_name_that_begins_like_a_home_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    PIL.Image.new("RGB", (4, 4)).save("~a.jpg")
    assert keys(find_sources("~a.jpg", True)) == [("~a.jpg", "photo")]
    assert as_image("~a.jpg").shape == (4, 4, 3)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_sources("~", True).place == str(tmp_path)


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


@pytest.mark.parametrize("source", ["**/*", "../holiday (1)/**/*", "../linked/**/*", "."])
def test_the_results_are_passed_over_however_they_are_named(folder, monkeypatch, source):
    monkeypatch.chdir(folder)
    (folder.parent / "linked").symlink_to(folder)
    (folder / "self.jpg").symlink_to(folder / "self.jpg")  # a circle
    files = find_sources(source, True, output=folder / "sub" / ".." / "out").files
    assert {file.path.name for file in files} - {"self.jpg"} == {"a.png", "b.JPG", "film.MOV", "c.webp"}
    assert len([file for file in files if file.path.name == "b.JPG"]) == 1  # not the one in out/


def test_a_folder_above_is_searched_without_the_results(folder, monkeypatch):
    monkeypatch.chdir(folder / "sub")
    sources = find_sources("..", True, output=folder / "out")
    assert [file.key for file in sources.files] == ["a.png", "b.JPG", "film.MOV", "sub/c.webp"]


def test_where_only_the_results_are_left_that_is_said(folder):
    message = r"holds only results, such as .*out/b\.JPG, which are passed over; choose another place"
    for source in (folder / "out", folder / "out" / "*.JPG"):
        with pytest.raises(DataError, match=message):
            find_sources(str(source), True, output=folder / "out")
    (file,) = find_sources(str(folder / "out" / "b.JPG"), True, output=folder / "out").files
    assert file.key == "b.JPG"  # a file that is named is meant


def pages(form, several):
    """The bytes of an image file of three pictures, or of one."""
    shades = [PIL.Image.new("L", (8, 8), shade) for shade in (0, 90, 200)]
    more = {"save_all": True, "append_images": shades[1:]} if several else {}
    shades[0].save(file := BytesIO(), form, **more)
    return file.getvalue()


@pytest.mark.filterwarnings("ignore:Truncated File Read", "ignore:Corrupt EXIF data")
def test_damaged_images_are_named_and_not_raised(tmp_path):
    """Pillow raises IndexError and struct.error of the first, TypeError of the second, KeyError, RuntimeError."""
    gif, tiff, avif = pages("gif", True), pages("tiff", True), pages("avif", False)
    damaged = [("a.gif", gif[:n]) for n in range(len(gif))] + [("a.tif", tiff[:n]) for n in range(0, len(tiff), 5)]
    damaged += [("a.tif", tiff[:240] + b"\x07" + tiff[241:]), ("a.avif", avif[:77] + b"\0" + avif[78:])]
    counts = []
    for name, content in damaged:
        path = tmp_path / name
        path.write_bytes(content)
        assert kind_of(path) in Kind
        photo = read_photo(SourceFile(name, path, Kind.PHOTO))
        assert (photo.image is None) == photo.problem.startswith(f"{path}: ")
        counts.append(frame_count(path))
    assert set(counts[:-2]) == {1, 2, 3}
    assert counts[-2:] == [1, 1]


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


def test_no_copy_has_the_name_of_one_that_grows():
    keys = ["a.mp4", "a.partial.mp4", "B.PARTIAL.MP4", "c.mov", "c.mov.partial.mp4", "c.partial.png"]
    kinds = [Kind.PHOTO if key.endswith("png") else Kind.VIDEO for key in keys]
    names = target_names([SourceFile(key, None, kind) for key, kind in zip(keys, kinds, strict=True)])
    growing = {str(partial_path(name)).lower() for name in names.values()}
    assert growing.isdisjoint(str(name).lower() for name in names.values())
    assert [str(name) for name in names.values()] == [
        "a.mp4",
        "a.partial.mp4.mp4",
        "B.PARTIAL.MP4.mp4",
        "c.mov.mp4",
        "c.mov.partial.mp4.mp4",
        "c.partial.png",
    ]
