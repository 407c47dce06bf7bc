"""Reading video: exact frames, numbers and times, upright; what damage does."""

from fractions import Fraction
from itertools import product
from types import SimpleNamespace

import av
import numpy as np
import PIL.Image
import pytest
from made_up_videos import RATE, cut, make_sound, make_video, pictures, tone_of

from mien.errors import DataError
from mien.recognition import video
from mien.recognition.media import own_duration
from mien.recognition.video import VideoReader


def read(path):
    with VideoReader(path) as reader:
        return list(reader), reader.problem


def test_frames_are_exact_and_know_their_numbers_and_times(tmp_path):
    images = pictures(7)
    with VideoReader(make_video(tmp_path / "a.mkv", images, codec="ffv1", sound="aac")) as reader:
        info, frames = reader.info, list(reader)
        assert reader.problem is None
    assert (info.width, info.height, info.fps, info.frames) == (48, 32, 30, None)
    assert info.duration == pytest.approx(7 / 30, abs=0.002)
    assert [frame.index for frame in frames] == list(range(7))
    assert [frame.time for frame in frames] == pytest.approx([index / 30 for index in range(7)], abs=0.0005)
    assert all(np.array_equal(frame.image, image) for frame, image in zip(frames, images, strict=True))
    assert all(frame.image.dtype == np.uint8 and frame.image.flags.c_contiguous for frame in frames)


def test_an_mp4_file_tells_its_length(tmp_path):
    with VideoReader(make_video(tmp_path / "a.mp4", pictures(45))) as reader:
        assert reader.info.frames == 45
        assert reader.info.duration == pytest.approx(1.5, abs=0.001)


def test_an_animated_gif(tmp_path):
    images = [PIL.Image.fromarray(image) for image in pictures(3)]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=[100, 300, 200], loop=0)
    frames, problem = read(tmp_path / "a.gif")
    assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 0.4])
    assert [frame.duration for frame in frames] == pytest.approx([0.1, 0.3, 0.2])
    assert np.abs(frames[2].image - np.asarray(images[2]).astype(int)).mean() < 8  # 256 colours
    assert problem is None


def test_irregular_times_are_kept(tmp_path):
    times = [0.0, 0.04, 0.1, 0.5, 1.337, 4.0]
    frames, problem = read(make_video(tmp_path / "a.mkv", pictures(6), times, "ffv1"))
    assert [frame.time for frame in frames] == pytest.approx(times, abs=1e-9)
    assert problem is None


def test_a_stream_that_began_before_starts_at_time_zero(tmp_path):
    times = [100 + index / 30 for index in range(5)]
    frames, _ = read(make_video(tmp_path / "a.ts", pictures(5), times))
    assert [frame.time for frame in frames] == pytest.approx([index / 30 for index in range(5)], abs=0.001)


def test_without_times_frames_come_at_the_usual_rate(tmp_path):
    frames, _ = read(make_video(tmp_path / "raw.h264", pictures(5), fmt="h264"))
    with av.open(str(tmp_path / "raw.h264")) as container:  # what makes this a test
        assert [frame.pts for frame in container.decode(video=0)] == [None] * 5
    with VideoReader(tmp_path / "raw.h264") as reader:
        step = 1 / reader.info.fps
    assert [frame.time for frame in frames] == pytest.approx([index * step for index in range(5)])


def test_times_that_run_backwards_are_replaced(tmp_path):
    path = make_video(tmp_path / "a.mkv", pictures(4), [0.0, 0.1, 0.2, 0.3], "ffv1")
    with VideoReader(path) as reader:
        pts = iter([0, 100, 50, 300])
        times = []
        for picture in av.open(str(path)).decode(video=0):
            picture.pts = next(pts)
            reader._last = reader._time(picture)
            times.append(reader._last)
    assert times == pytest.approx([0, 0.1, 0.1 + 1 / 30, 0.3])


def test_frames_come_while_the_file_is_read(tmp_path):
    with VideoReader(make_video(tmp_path / "a.mp4", pictures(300))) as reader:
        assert next(reader).index == 0
        assert next(reader).index == 1
        assert reader._read == 2  # not all 300


TURNS = [m for m in product((-1, 0, 1), repeat=4) if m.count(0) == 2 and m[0] * m[3] != m[1] * m[2]]


@pytest.mark.parametrize("matrix", TURNS)
def test_frames_are_upright(tmp_path, matrix):
    """All 8 quarter turns and mirrorings, against the formula in FFmpeg's libavutil/display.h, pixel by pixel."""
    a, b, c, d = matrix
    image = np.zeros((1, 32, 48, 3), np.uint8)  # white top left, gray top right, black and dark below
    image[0, :16, :24], image[0, :16, 24:], image[0, 16:, 24:] = 255, 128, 64
    one = 1 << 16
    fixed_point = [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30]
    path = make_video(tmp_path / "a.mp4", image, adapt=lambda stream: stream.set_display_matrix(fixed_point))
    y, x = np.indices((32, 48))
    across, down = a * x + c * y, b * x + d * y
    across, down = across - across.min(), down - down.min()
    expected = np.zeros((down.max() + 1, across.max() + 1, 3), int)
    expected[down, across] = image[0]
    (frame,), _ = read(path)
    assert frame.image.shape == expected.shape
    assert np.abs(frame.image - expected).max() <= 4
    with VideoReader(path) as reader:
        assert (reader.info.height, reader.info.width) == expected.shape[:2]


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_a_phone_held_upright(tmp_path, degrees):
    image = pictures(1)
    path = make_video(tmp_path / "a.mp4", image, adapt=lambda stream: stream.set_display_rotation(degrees))
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).rotation % 360 == degrees % 360  # counter-clockwise, says PyAV
    (frame,), _ = read(path)
    assert np.abs(frame.image - np.rot90(image[0].astype(int), degrees // 90)).mean() <= 4


def test_pixels_are_made_square(tmp_path):
    path = make_video(tmp_path / "a.mp4", pictures(1), aspect=Fraction(3, 2))
    (frame,), _ = read(path)
    assert frame.image.shape == (32, 72, 3)


def test_bt709_colours_are_read_as_such(tmp_path):
    """A saturated green differs by 19 levels between the matrices of HD and SD."""
    green = np.zeros((1, 32, 48, 3), np.uint8)
    green[..., 1] = 200

    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 30)
        stream.width, stream.height, stream.pix_fmt, stream.codec_context.colorspace = 48, 32, "yuv420p", 1  # BT.709
        frame = av.VideoFrame.from_ndarray(green[0], "rgb24").reformat(format="yuv420p", dst_colorspace="ITU709")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (frame,), _ = read(path)
    assert np.abs(frame.image.astype(int) - green[0]).max() <= 4


def sorts():
    return pytest.mark.parametrize(
        ("name", "flags"), [("a.mp4", "faststart"), ("a.mp4", "frag_keyframe+empty_moov"), ("a.mkv", ""), ("a.ts", "")]
    )


@sorts()
def test_a_video_cut_off_gives_its_beginning(tmp_path, name, flags):
    images = pictures(60)
    path = make_video(tmp_path / name, images, flags=flags)
    whole, _ = read(path)
    frames, problem = read(cut(path, 0.6))
    assert 24 <= len(frames) < 60
    same = [np.array_equal(a.image, b.image) and a.time == b.time for a, b in zip(frames, whole, strict=False)]
    assert all(same[:-1])  # of the last one a part may be missing
    if "empty_moov" not in flags and name != "a.ts":  # these do not announce how long they are
        assert str(path) in problem
        assert "of 2.0 s: the file may be cut off" in problem


def sounding_on(path, codec="libx264", sound="aac"):
    """A video of 1 s whose sound ends 2 s after its pictures."""
    images = pictures(90)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, RATE, width=48, height=32, pix_fmt="yuv420p")
        tone = container.add_stream(sound, 48_000, layout="mono")
        for index, image in enumerate(images):
            if index < 30:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
            container.mux(tone.encode(tone_of(index / RATE)))
        container.mux([*stream.encode(None), *tone.encode(None)])
    return path


def test_sound_that_ends_later_makes_no_video_cut_off(tmp_path):
    path = sounding_on(tmp_path / "a.mkv")
    assert read(path)[1] is None
    path.write_bytes(path.read_bytes().replace(b"DURATION", b"SOMETHNG"))  # which FFmpeg writes, and others do not
    frames, problem = read(path)
    assert (len(frames), problem) == (30, None)


def test_a_length_with_its_language_is_told_too():
    told = {"language": "eng", "DURATION-eng": "00:01:02.500000000"}
    assert own_duration(SimpleNamespace(duration=None, time_base=None, metadata=told)) == 62.5


def damage(path, count):
    """Noise instead of so many bytes in the middle."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + count] = np.random.default_rng(0).bytes(count)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("flags", "count"), [("faststart", 400), ("frag_keyframe+empty_moov", 100)])
def test_damage_in_the_middle_costs_little_and_is_told(tmp_path, flags, count):
    frames, problem = read(damage(make_video(tmp_path / "a.mp4", pictures(60), flags=flags), count))
    assert 57 <= len(frames) <= 60
    assert frames[-1].time == pytest.approx(59 / 30, abs=0.001)
    assert str(tmp_path / "a.mp4") in problem
    assert "damaged pieces, the first after 0." in problem


def test_after_a_gap_reading_goes_on(tmp_path):
    """FFmpeg passes over broken parts of Matroska in silence."""
    whole, _ = read(make_video(tmp_path / "a.mkv", pictures(60)))
    frames, _ = read(damage(tmp_path / "a.mkv", 400))
    assert 30 <= len(frames) < 60
    assert frames[-1].time == whole[-1].time


def test_a_read_error_ends_the_video_and_loses_no_decoded_frame(tmp_path, monkeypatch):
    path = make_video(tmp_path / "a.mp4", pictures(20))

    class Unplugged:
        """A container whose disk is gone after ten packets."""

        def __init__(self, container):
            self._container = container

        def __getattr__(self, name):
            return getattr(self._container, name)

        def demux(self, stream):
            for number, packet in enumerate(self._container.demux(stream)):
                if number == 10:
                    raise av.error.OSError(5, "Input/output error")
                yield packet

    opened = video.open_media
    monkeypatch.setattr(video, "open_media", lambda path: Unplugged(opened(path)))
    frames, problem = read(path)
    assert [frame.index for frame in frames] == list(range(10))
    assert frames[-1].time == pytest.approx(9 / RATE, abs=0.001)
    assert "Input/output error" in problem


def test_what_is_no_video_is_told_before_work_starts(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video\n" * 100)
    cut(make_video(tmp_path / "half.mp4", pictures(60)), 0.6)  # its index was at the end
    make_sound(tmp_path / "sound.mp4")
    for name, message in {
        "missing.mp4": "no such file",
        "empty.mp4": "an empty file",
        "text.mp4": "nothing that FFmpeg can read",
        "half.mp4": "cut off",
        "sound.mp4": "found only audio",
        ".": "a folder",
    }.items():
        with pytest.raises(DataError, match=message) as error:
            VideoReader(tmp_path / name)
        assert str(tmp_path / name) in str(error.value)


def test_a_cover_picture_is_no_video(tmp_path):
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        tone = container.add_stream("aac", 48_000, layout="mono")
        cover = container.add_stream("mjpeg", 1)
        cover.width, cover.height, cover.pix_fmt = 48, 32, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(pictures(1)[0], "rgb24")))
        container.mux(cover.encode(None))
        container.mux(tone.encode(tone_of(0)))
        container.mux(tone.encode(None))
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    with pytest.raises(DataError, match="expected a video, found only audio and video"):
        VideoReader(path)


def two_films(path):
    """A video of two streams, of which the first is the larger."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", RATE, width=w, height=h, pix_fmt="yuv420p") for w, h in SIZES]
        for stream, (width, height) in zip(streams, SIZES, strict=True):
            frame = av.VideoFrame.from_ndarray(pictures(1, size=(width, height))[0], "rgb24")
            container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


SIZES = (96, 64), (48, 32)


def test_a_stream_without_a_decoder_is_passed_over_and_told(tmp_path):
    path = two_films(tmp_path / "a.mp4")
    with VideoReader(path) as reader:
        assert (reader.info.width, reader.info.height) == (96, 64)
    first, last = path.read_bytes().split(b"stsd", 1)
    path.write_bytes(first + b"stsd" + last.replace(b"avc1", b"zzzz", 1))
    with VideoReader(path) as reader:
        assert (reader.info.width, reader.info.height) == (48, 32)
        assert len(list(reader)) == 1
    path.write_bytes(first + b"stsd" + last.replace(b"avc1", b"zzzz", 2))
    with pytest.raises(DataError, match=f"{path}: FFmpeg has no decoder for this video's codec"):
        VideoReader(path)


@pytest.mark.parametrize("told", [b"unknown", b"1:2", b"00:00:xx.200000000", b"00:00:nan"])
def test_a_length_that_is_none_is_told_by_the_file(tmp_path, told):
    path = make_video(tmp_path / "a.mkv", pictures(6), codec="ffv1")
    usual = b"00:00:00.200000000"
    content = path.read_bytes()
    assert content.count(usual) == 1
    path.write_bytes(content.replace(usual, told.ljust(len(usual))))
    with VideoReader(path) as reader:
        assert reader.info.duration == pytest.approx(0.2, abs=0.002)


def test_a_video_without_a_frame_is_refused(tmp_path):
    path = make_video(tmp_path / "a.mp4", pictures(3), flags="faststart")
    data = path.read_bytes()
    start = data.index(b"mdat") + 4
    path.write_bytes(data[:start] + bytes(len(data) - start))
    with pytest.raises(DataError, match="not one frame of this video can be decoded"):
        VideoReader(path)


def test_names_that_look_like_addresses(tmp_path, monkeypatch):
    make_video(tmp_path / "a.mp4", pictures(2)).rename(tmp_path / "pipe:0 50%.mp4")
    monkeypatch.chdir(tmp_path)
    frames, _ = read(video.Path("pipe:0 50%.mp4"))
    assert len(frames) == 2
