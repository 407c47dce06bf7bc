"""The folder of the results: nothing of the user's is lost, and nothing in it is out of date."""

import io
import re
import weakref

import numpy as np
import pandas as pd
import PIL.Image
import pytest
from made_up_videos import cut, make_video
from rich.console import Console
from squares import moving, picture

from mien.config.schema import DetectorConfig
from mien.detection import build_detector
from mien.errors import DataError, RunFolderError
from mien.recognition import results
from mien.recognition.films import Following, follow
from mien.recognition.progress import progress_bar
from mien.recognition.recognizer import Recognizer
from mien.recognition.sources import find_sources
from mien.recognition.video import Frame


def save(path, *corners):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(picture(*(corners or ((10, 20),)))).save(path)


def copies(outcome):
    return sorted(path.name for path in (outcome.folder / "annotated").iterdir())


@pytest.mark.parametrize("resume", ["auto", "never"])
@pytest.mark.parametrize("name", ["annotated/mine.txt", "parts/mine.txt", "faces.csv"])
def test_what_was_not_made_by_a_recognition_is_left_alone(start, album, tmp_path, name, resume):
    mine = tmp_path / "results" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("x")
    with pytest.raises(
        RunFolderError,
        match=rf"results holds {name.split('/')[0]}, but no recognition.json: .*output=<folder>, or move",
    ):
        start(album, resume=resume)
    assert mine.read_text() == "x"
    assert not (tmp_path / "results" / "recognition.json").exists()


@pytest.mark.parametrize("resume", ["auto", "never"])
@pytest.mark.parametrize("place", ["annotated", "parts"])
def test_a_source_is_never_overwritten_or_removed(start, album, tmp_path, place, resume):
    start(album)
    photo = tmp_path / "results" / place / "a.png"
    save(photo)
    before = photo.read_bytes()
    (tmp_path / "a.png").symlink_to(photo)
    for source in (photo, tmp_path / "a.png"):
        with pytest.raises(RunFolderError, match=rf"a\.png lies in .*{place}, where results are written and removed"):
            start(source, resume=resume)
    assert photo.read_bytes() == before


def test_copies_in_a_linked_folder_do_not_overwrite_sources(start, tmp_path):
    save(tmp_path / "album" / "a.png")
    before = (tmp_path / "album" / "a.png").read_bytes()
    start(tmp_path / "album", annotate=False)
    (tmp_path / "results" / "annotated").symlink_to(tmp_path / "album")
    with pytest.raises(RunFolderError, match=r"album/a\.png lies in .*annotated"):
        start(tmp_path / "album", resume="never")
    assert (tmp_path / "album" / "a.png").read_bytes() == before


def test_starting_anew_leaves_nothing_of_before(start, album):
    folder = start(album, table="csv").folder
    (folder / "faces.jsonl").touch()  # an earlier mien left it
    (folder / "mine.txt").touch()
    for name in ("b.jpg", "sub/c.bmp", "bad.jpg"):
        (album / name).unlink()
    outcome = start(album, resume="never", every=7)
    assert {path.name for path in folder.iterdir()} == {
        *("annotated", "parts", "faces.parquet", "recognition.json", "mine.txt", ".lock")
    }
    assert copies(outcome) == ["a.png"]


def test_what_cannot_be_removed_is_told(start, album, monkeypatch):
    start(album)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(results, "rmtree", refuse)
    with pytest.raises(RunFolderError, match=r"cannot remove .*parts: Permission denied; remove it yourself"):
        start(album, resume="never")


def test_files_that_are_gone_are_forgotten(start, tmp_path):
    album = tmp_path / "album"
    save(album / "a.png")
    save(album / "sub" / "b.png")
    noise = np.random.default_rng(0).integers(0, 256, (60, 64, 96, 3), np.uint8)
    cut(make_video(album / "film.mkv", noise, codec="ffv1"), 0.5)
    outcome = start(album)
    assert (len(outcome.done), len(outcome.problems)) == (3, 1)
    (album / "film.mkv").unlink()
    assert copies(outcome) == ["a.png", "film.mkv.mp4", "sub"]
    outcome = start(album, recursive=False)
    assert [path.name for path in outcome.folder.glob("annotated/**/*.*")] == ["a.png"]
    assert ([entry.key for entry in outcome.done], outcome.before, outcome.problems) == (["a.png"], 1, [])
    assert pd.read_parquet(outcome.table)["source"].tolist() == ["a.png"]


def test_a_copy_of_what_cannot_be_read_any_more_is_removed(start, tmp_path):
    album = tmp_path / "album"
    save(album / "a.png")
    save(album / "b.png")
    make_video(album / "film.mp4", moving(6))
    assert copies(start(album)) == ["a.png", "b.png", "film.mp4"]
    (album / "a.png").write_bytes(b"x")
    (album / "film.mp4").write_bytes(b"x")
    outcome = start(album)
    assert copies(outcome) == ["b.png"]
    assert (len(outcome.problems), outcome.before) == (2, 1)


@pytest.mark.parametrize("film", [False, True])
def test_a_file_that_changes_while_it_is_worked_on_is_done_again(start, tmp_path, monkeypatch, film):
    path = tmp_path / "album" / ("a.mkv" if film else "a.png")
    path.parent.mkdir()

    def write(number):
        if film:
            make_video(path, moving(number), codec="ffv1")
        else:
            save(path, *((20 * n, 20) for n in range(number)))

    write(1)
    classify = Recognizer.classify

    def slowly(self, images, found):
        write(2)
        return classify(self, images, found)

    with monkeypatch.context() as patch:
        patch.setattr(Recognizer, "classify", slowly)
        assert len(pd.read_parquet(start(path).table)) == 1
    outcome = start(path)
    assert (len(pd.read_parquet(outcome.table)), outcome.before) == (2, 0)


def test_a_name_with_a_line_separator_is_found_again(start, tmp_path):
    save(tmp_path / "album" / "a\u2028b.png")
    save(tmp_path / "album" / "c\x85.png")
    start(tmp_path / "album")
    assert start(tmp_path / "album").before == 2


def test_names_that_leave_no_room_for_a_suffix(start, tmp_path):
    album = tmp_path / "album"
    save(album / f"{'x' * 251}.png")
    for end in "ab":
        save(album / f"{'é' * 124}{end}.bmp")
    make_video(album / f"{'y' * 248}.mp4", moving(3))
    outcome = start(album)
    assert (len(outcome.done), outcome.problems) == (4, [])
    whole, video, *accented = copies(outcome)
    assert whole == f"{'x' * 251}.png"
    assert re.fullmatch(r"y{234}-[0-9a-f]{8}\.mp4", video)
    assert all(re.fullmatch(r"é{121}-[0-9a-f]{8}\.png", name) for name in accented)


def test_a_growing_copy_takes_no_other_ones_place(start, tmp_path):
    album = tmp_path / "album"
    album.mkdir()
    make_video(album / "z.mp4", moving(3))
    make_video(album / "z.partial.mp4", moving(4))
    start(album)
    make_video(album / "z.mp4", moving(5))
    assert copies(start(album)) == ["z.mp4", "z.partial.mp4.mp4"]


def test_the_results_of_a_glob_are_no_sources(start, tmp_path, monkeypatch):
    save(tmp_path / "x" / "a.png")
    monkeypatch.chdir(tmp_path / "x")
    for _ in range(2):
        assert [entry.key for entry in start(f"{tmp_path}/**/*.png").done] == ["x/a.png"]
    for _ in range(2):
        assert [entry.key for entry in start("..", resume="never").done] == ["x/a.png"]


def test_copies_of_an_earlier_recognition_are_no_sources(start, tmp_path):
    album = tmp_path / "album"
    save(album / "a.png")
    start(album).folder.rename(album / "earlier")
    save(album / "earlier" / "mine.png")
    save(album / "annotated" / "mine.png")
    assert [entry.key for entry in start(album).done] == ["a.png", "annotated/mine.png", "earlier/mine.png"]
    with pytest.raises(DataError, match=r"annotated holds only results, such as .*a\.png, which are passed over"):
        find_sources(str(album / "earlier" / "annotated"), recursive=True)


def test_one_group_of_frames_is_held_at_a_time(opened):
    live = weakref.WeakSet()
    most = 0

    class Traced(np.ndarray):
        def __hash__(self):
            return id(self)

    def frames():
        nonlocal most
        for number in range(40):
            image = np.zeros((32, 32, 3), np.uint8).view(Traced)
            live.add(image)
            most = max(most, sum(1 for _ in live))
            yield Frame(number, number / 30, image)
            del image

    recognizer = Recognizer(opened[0], build_detector(DetectorConfig("whole_image")), opened[1])
    assert len([frame.index for frame, _ in follow(frames(), recognizer, Following(1, 0, 8))]) == 40
    assert 8 <= most <= 10  # besides, the frame that was given out last and the one that comes


def test_file_names_are_no_markup(capsys):
    bars = progress_bar()
    bars.add_task("clip [final] a[/b].mp4")
    console = Console(file=io.StringIO(), width=120)
    console.print(bars.get_renderable())
    assert "clip [final] a[/b].mp4" in console.file.getvalue()
