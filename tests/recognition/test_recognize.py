"""The whole work on folders and videos: tables, copies, problems, and going on after an interruption."""

import os
import warnings
from itertools import count

import numpy as np
import pandas as pd
import PIL.Image
import pytest
from made_up_videos import cut, make_video, sound_of
from rich.console import Console
from squares import moving, picture

from mien.config.schema import DetectorConfig
from mien.detection import crop_face
from mien.errors import ConfigError, DataError, RunFolderError
from mien.evaluation.predict import Predictor
from mien.labels import EXPRESSIONS
from mien.models.bundle import Bundle
from mien.recognition import photos, run
from mien.recognition.recognizer import Recognizer
from mien.recognition.summary import summary
from mien.recognition.video import VideoReader
from mien.recognition.video_writer import VideoWriter


def test_a_folder(start, album, model):
    outcome = start(album)
    table = pd.read_parquet(outcome.table)
    assert table[["source", "face"]].values.tolist() == [["a.png", 0], ["sub/c.bmp", 0], ["sub/c.bmp", 1]]
    assert table[["left", "top", "right", "bottom"]].values.tolist() == [
        [10, 20, 22, 32],
        [40, 5, 52, 17],
        [5, 40, 17, 52],
    ]
    assert table["frame"].isna().all()
    assert table["time"].isna().all()
    assert (table.loc[0, "nose_x"], table.loc[0, "nose_y"]) == (16, 26)

    bundle, image = Bundle.load(model), picture((40, 5), (5, 40), size=(90, 70), seed=1)
    crop = crop_face(image, np.float32([5, 40, 17, 52]), np.full((5, 2), np.nan, np.float32), bundle.crop)
    expected = Predictor(bundle).faces([crop])[0]
    assert table.loc[2, [f"p_{name}" for name in EXPRESSIONS]].tolist() == pytest.approx(expected, abs=1e-6)
    assert table.loc[2, "label"] == EXPRESSIONS.names[expected.argmax()]

    names = {path.relative_to(outcome.folder).as_posix() for path in outcome.folder.rglob("*") if path.is_file()}
    copies = {"annotated/a.png", "annotated/b.jpg", "annotated/sub/c.bmp.png"}
    others = {"faces.parquet", "recognition.json", "parts/faces.jsonl", "parts/done.jsonl", ".lock"}
    assert names == copies | others
    assert (outcome.ignored, outcome.before, len(outcome.done)) == (1, 0, 3)
    (problem,) = outcome.problems
    assert problem.startswith(f"{album}/bad.jpg: ")


def test_copies_are_annotated(start, album):
    folder = start(album).folder / "annotated"
    with PIL.Image.open(folder / "b.jpg") as copy, PIL.Image.open(album / "b.jpg") as original:
        assert copy.size == original.size
    with PIL.Image.open(folder / "a.png") as copy:
        pixels = np.asarray(copy)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    assert pixels.max(axis=2).mean() > picture((10, 20)).max(axis=2).mean()


def test_the_summary_counts_faces_and_names_problems(start, album):
    console = Console(width=80)
    with console.capture() as captured:
        console.print(summary(start(album)), crop=False)
    text = captured.get()
    assert "Recognized 3 files" in text
    assert "faces in photos" in text
    assert "in frames of video" not in text
    assert "no face found in 1 photo" in text
    assert "1 other file ignored: neither photo nor video" in text
    assert "1 problem\n" in text
    assert "bad.jpg: " in text
    assert [line.split() for line in text.splitlines() if line.strip().startswith("all ")] == [["all", "3"]]
    assert str(start(album).table) in text.replace("\n", "")


def test_a_finished_file_is_never_done_twice(start, album, squares):
    start(album)
    assert sum(squares.calls) == 3
    copies = {path: path.stat().st_mtime_ns for path in album.parent.glob("results/annotated/**/*.*")}
    PIL.Image.fromarray(picture((1, 1))).save(album / "new.png")
    PIL.Image.fromarray(picture((10, 10))).save(album / "bad.jpg", format="PNG")  # mended
    outcome = start(album)
    assert sum(squares.calls) == 5
    assert (outcome.before, outcome.problems) == (3, [])
    assert sorted(pd.read_parquet(outcome.table)["source"]) == ["a.png", "bad.jpg", "new.png", "sub/c.bmp", "sub/c.bmp"]
    assert {path: path.stat().st_mtime_ns for path in copies} == copies
    assert pd.read_csv(start(album, table="csv").table).shape[0] == 5
    assert sum(squares.calls) == 5


def test_a_changed_file_is_done_again(start, album):
    start(album)
    PIL.Image.fromarray(picture((30, 30), (50, 30))).save(album / "a.png")
    table = pd.read_parquet(start(album).table)
    assert table.loc[table["source"] == "a.png", "left"].tolist() == [30, 50]
    assert len(table) == 4


def test_interrupted_work_goes_on(start, album, squares, monkeypatch):
    reading = photos.read_photos

    def interrupted(*given):
        batches = reading(*given)
        yield next(batches)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "read_photos", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start(album, batch_size=1)
    table = album.parent / "results" / "faces.parquet"
    assert pd.read_parquet(table)["source"].tolist() == ["a.png"]
    monkeypatch.setattr(run, "read_photos", reading)
    assert start(album, batch_size=1).before == 1
    assert pd.read_parquet(table)["source"].tolist() == ["a.png", "sub/c.bmp", "sub/c.bmp"]
    assert sum(squares.calls) == 3


def test_another_recognition_is_not_mixed_in(start, album):
    start(album)
    with pytest.raises(
        RunFolderError, match=r"(?s)holds another recognition:\n  - every: there 3, now 7\n.*resume=never"
    ):
        start(album, every=7)
    outcome = start(album, every=7, resume="never")
    assert (outcome.before, len(outcome.done)) == (0, 3)


def test_a_model_trained_anew_is_another_one(start, album, model):
    start(album)
    facts = model / "bundle" / "model.json"
    before = facts.read_text()
    facts.write_text(before.replace('"margin": 0.2', '"margin": 0.3'))
    try:
        with pytest.raises(RunFolderError, match="- model: there"):
            start(album)
    finally:
        facts.write_text(before)


def test_copies_can_be_left_out(start, album):
    outcome = start(album, annotate=False)
    assert len(pd.read_parquet(outcome.table)) == 3
    assert not (outcome.folder / "annotated").exists()


def test_large_photos_come_in_smaller_batches(start, album, squares, monkeypatch):
    start(album)
    assert squares.calls == [3]  # bad.jpg is among the four of the batch
    monkeypatch.setattr(photos, "BATCH_PIXELS", 80 * 60 * 2)
    squares.calls.clear()
    start(album, resume="never")
    assert squares.calls == [2, 1]


def test_a_photo_that_pillow_warns_of_and_one_that_it_refuses(start, album, monkeypatch):
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 80 * 60 - 1)
    PIL.Image.fromarray(picture(size=(160, 120))).save(album / "too_large.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = start(album)
    assert [entry.key for entry in outcome.done] == ["a.png", "b.jpg", "sub/c.bmp"]
    assert "too_large.png: " in outcome.problems[1]


def test_names_that_are_no_utf8(start, album):
    (album / os.fsdecode(b"b\xe4d.jpg")).write_bytes(b"")
    PIL.Image.fromarray(picture((5, 5))).save(album / os.fsdecode(b"g\xf6t.png"))
    outcome = start(album)
    assert any("b\\udce4d.jpg: empty file" in problem for problem in outcome.problems)
    assert "g\\udcf6t.png" in pd.read_parquet(outcome.table)["source"].tolist()
    assert (outcome.folder / "annotated" / "g\\udcf6t.png").is_file()


def awkward(folder):
    """One picture in every way that files hold them, the square at (30, 20) or at (20, 30) before it is turned."""
    image = PIL.Image.fromarray(picture((30, 20), size=(64, 64)))
    exif = PIL.Image.Exif()
    exif[0x0112] = 5  # mirrored about the diagonal
    image.transpose(PIL.Image.Transpose.TRANSPOSE).save(folder / "exif.jpg", quality=95, exif=exif)
    image.convert("CMYK").save(folder / "cmyk.tif")
    PIL.Image.fromarray(np.asarray(image)[..., 0].astype(np.uint16) * 257).save(folder / "sixteen.png")
    image.quantize(64).save(folder / "palette.png")
    rgba = image.convert("RGBA")
    rgba.save(folder / "alpha.png")
    image.convert("L").save(folder / "gray.jpg", quality=95)
    image.save(folder / "pages.tif", save_all=True, append_images=[image, image])
    image.save(folder / "moving.webp", save_all=True, append_images=[rgba.rotate(90)], lossless=True)


def test_pictures_of_every_kind(start, tmp_path, caplog):
    album = tmp_path / "kinds"
    album.mkdir()
    awkward(album)
    outcome = start(album)
    table = pd.read_parquet(outcome.table)
    assert len(table) == len(outcome.done) == 8
    assert outcome.problems == []
    boxes = table[["left", "top", "right", "bottom"]].to_numpy()
    assert np.abs(boxes - [30, 20, 42, 32]).max() <= 1  # JPEG smears edges
    assert sorted(record.getMessage().split("/")[-1] for record in caplog.records) == [
        "moving.webp: holds 2 pictures; the first is taken",
        "pages.tif: holds 3 pictures; the first is taken",
    ]


def test_a_video(start, tmp_path, squares):
    film = make_video(tmp_path / "film.mkv", moving(), codec="ffv1", sound="aac")
    outcome = start(film, every=3, smooth=0.0, batch_size=4)
    assert squares.calls == [4, 4]  # frames 0, 3, 6, 9 and 12, 15, 18, 21
    table = pd.read_parquet(outcome.table)
    assert table["frame"].tolist() == [*range(12), *(n for n in range(12, 24) for _ in (0, 1))]
    assert table["time"].tolist() == pytest.approx((table["frame"] / 30).tolist(), abs=1e-3)
    assert table["face"].tolist() == [0] * 12 + [0, 1] * 12
    first = table.loc[table["face"] == 0]
    assert np.abs(first["left"] - (4 + 2 * first["frame"])).loc[first["frame"] >= 9].max() < 1.5
    with VideoReader(outcome.folder / "annotated" / "film.mkv.mp4") as copy:
        assert (copy.info.width, copy.info.height) == (96, 64)
        assert len(list(copy)) == 24
    assert sound_of(outcome.folder / "annotated" / "film.mkv.mp4") == "aac"
    console = Console(width=80)
    with console.capture() as captured:
        console.print(summary(outcome))
    assert "in frames of video" in captured.get()
    assert "faces in photos" not in captured.get()


def test_each_frame_is_classified_where_its_face_is(start, tmp_path, model):
    film = make_video(tmp_path / "film.mkv", moving(4), codec="ffv1")
    table = pd.read_parquet(start(film, every=1, smooth=0.0, annotate=False).table)
    with VideoReader(film) as reader:
        frames = [frame.image for frame in reader]
    bundle = Bundle.load(model)
    for (_, row), image in zip(table.iterrows(), frames, strict=True):
        box = row[["left", "top", "right", "bottom"]].to_numpy(np.float32)
        crop = crop_face(image, box, np.full((5, 2), np.nan, np.float32), bundle.crop)
        probabilities = row[[f"p_{name}" for name in EXPRESSIONS]].to_numpy(np.float64)
        assert probabilities == pytest.approx(Predictor(bundle).faces([crop])[0], abs=2e-6)


def test_smoothing_evens_out_what_is_said(start, tmp_path):
    images = np.stack([picture((20, 20), size=(64, 64), side=24, seed=n) for n in range(20)])
    film = make_video(tmp_path / "film.mkv", images, codec="ffv1")
    columns = [f"p_{name}" for name in EXPRESSIONS]
    rough = pd.read_parquet(start(film, every=1, smooth=0.0, annotate=False).table)[columns]
    smooth = pd.read_parquet(start(film, every=1, smooth=0.5, annotate=False, resume="never").table)[columns]
    assert np.allclose(smooth.sum(axis=1), 1, atol=1e-5)
    assert smooth.loc[0].tolist() == rough.loc[0].tolist()
    kept = np.exp(-1 / 30 / 0.5)
    expected = kept * rough.loc[0] + (1 - kept) * rough.loc[1]
    assert smooth.loc[1].tolist() == pytest.approx(expected.tolist(), abs=1e-4)


def test_a_video_that_was_cut_off_is_done_as_far_as_it_goes(start, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (60, 64, 96, 3), np.uint8)
    film = cut(make_video(tmp_path / "film.mkv", noise, codec="ffv1"), 0.5)
    outcome = start(film, detector=DetectorConfig("whole_image"))
    (problem,) = outcome.problems
    assert "film.mkv: " in problem
    frames = pd.read_parquet(outcome.table)["frame"]
    assert 20 < len(frames) < 60
    again = start(film, detector=DetectorConfig("whole_image"))
    assert (again.before, again.problems) == (1, [problem])


def test_what_is_no_video_is_told_and_the_rest_goes_on(start, tmp_path, album):
    (album / "a_bad.mp4").write_bytes(b"nothing")
    make_video(album / "film.mkv", moving(3), codec="ffv1")
    outcome = start(album)
    assert [entry.key for entry in outcome.done] == ["a.png", "b.jpg", "sub/c.bmp", "film.mkv"]
    assert sorted(problem.split(":")[0].rsplit("/", 1)[-1] for problem in outcome.problems) == ["a_bad.mp4", "bad.jpg"]


def test_a_copy_that_cannot_be_written_is_told_and_the_rest_goes_on(start, tmp_path, monkeypatch):
    (tmp_path / "films").mkdir()
    for name in ("a.mkv", "b.mkv"):
        make_video(tmp_path / "films" / name, moving(3), codec="ffv1")
    writing = VideoWriter.write

    def refuse(self, *given):
        writing(self, *given)
        if self.path.name == "a.mkv.mp4":
            raise DataError("refused")

    monkeypatch.setattr(VideoWriter, "write", refuse)
    outcome = start(tmp_path / "films")
    assert ([entry.key for entry in outcome.done], outcome.problems) == (["b.mkv"], ["refused"])
    assert [path.name for path in (outcome.folder / "annotated").iterdir()] == ["b.mkv.mp4"]


def test_an_interrupted_video_leaves_its_rows_and_a_playable_file(start, tmp_path, monkeypatch):
    film = make_video(tmp_path / "film.mkv", moving(), codec="ffv1")
    numbers = count()

    class Impatient(Recognizer):
        def classify(self, images, found):
            if next(numbers) == 2:
                raise KeyboardInterrupt
            return super().classify(images, found)

    monkeypatch.setattr(run, "Recognizer", Impatient)
    with pytest.raises(KeyboardInterrupt):
        start(film, every=2, batch_size=3)
    folder = tmp_path / "results"
    assert pd.read_parquet(folder / "faces.parquet")["frame"].tolist() == list(range(12))
    with VideoReader(folder / "annotated" / "film.mkv.partial.mp4") as copy:
        assert len(list(copy)) == 12
    monkeypatch.setattr(run, "Recognizer", Recognizer)
    outcome = start(film, every=2, batch_size=3)
    assert len(pd.read_parquet(outcome.table)) == 12 + 2 * 12
    assert [path.name for path in (folder / "annotated").iterdir()] == ["film.mkv.mp4"]


def test_a_quick_look(start, tmp_path):
    film = make_video(tmp_path / "film.mkv", moving(), codec="ffv1", sound="aac")
    outcome = start(film, max_frames=5)
    assert pd.read_parquet(outcome.table)["frame"].tolist() == [0, 1, 2, 3, 4]
    with VideoReader(outcome.folder / "annotated" / "film.mkv.mp4") as copy:
        assert len(list(copy)) == 5
    assert sound_of(outcome.folder / "annotated" / "film.mkv.mp4") is None


def test_a_gif_that_moves(start, tmp_path):
    frames = [PIL.Image.fromarray(image) for image in moving(8)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=100)
    outcome = start(tmp_path / "a.gif", every=1)
    table = pd.read_parquet(outcome.table)
    assert table["frame"].tolist() == list(range(8))
    assert table["time"].tolist() == pytest.approx([n / 10 for n in range(8)])
    assert (outcome.folder / "annotated" / "a.gif.mp4").is_file()


def test_a_camera_until_ctrl_c(start, monkeypatch, tmp_path):
    images = moving(5)

    class Camera:
        problem = None

        def __init__(self, index):
            assert index == 0
            with VideoReader(make_video(tmp_path / "seen.mkv", images, codec="ffv1")) as reader:
                self.info, self.frames = reader.info, list(reader)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def __iter__(self):
            yield from self.frames
            raise KeyboardInterrupt

    monkeypatch.setattr(run, "CameraReader", Camera)
    monkeypatch.chdir(tmp_path)
    outcome = start("0", every=2)
    table = pd.read_parquet(outcome.table)
    assert table["frame"].tolist() == [0, 1, 2, 3, 4]
    (key,) = set(table["source"])
    assert key.startswith("camera-0-20")
    with VideoReader(outcome.folder / "annotated" / f"{key}.mp4") as copy:
        assert len(list(copy)) == 5
    assert start("0", every=2).before == 1  # what a camera saw is never gone


def test_no_camera(start, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="camera 97"):
        start("97")


def test_a_window_needs_something_that_moves(start, album):
    with pytest.raises(ConfigError, match="show=true: a live window is for a video or a camera"):
        start(album, show=True)


def test_closing_the_window_ends_a_video(start, tmp_path, monkeypatch):
    shown = []

    class Window:
        def __init__(self, title):
            pass

        def show(self, image):
            shown.append(image.shape)
            return len(shown) < 4

        def close(self):
            shown.append("closed")

    monkeypatch.setattr("mien.recognition.filming.Window", Window)
    film = make_video(tmp_path / "film.mkv", moving(), codec="ffv1")
    with pytest.raises(KeyboardInterrupt):
        start(film, show=True, annotate=False)
    assert shown == [(64, 96, 3)] * 4 + ["closed"]
