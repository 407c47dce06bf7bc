"""Writing video: times, colours and sound as they were; a playable file whatever happens."""

import errno
import os
import subprocess
import sys

import av
import numpy as np
import pytest
from made_up_videos import RATE, cut, make_video, pictures, sound_of

from mien.data.drawn import draw_scene
from mien.errors import DataError, RunFolderError
from mien.recognition import video_writer
from mien.recognition.video import VideoInfo, VideoReader
from mien.recognition.video_writer import VideoWriter, partial_path


def info(width=48, height=32, fps=30.0):
    return VideoInfo(width, height, fps, None, None)


def write(path, images, times=None, source=None, fps=30.0):
    times = [index / fps for index in range(len(images))] if times is None else times
    with VideoWriter(path, info(images.shape[2], images.shape[1], fps), source) as writer:
        for image, time in zip(images, times, strict=True):
            writer.write(image, time)
    return writer


def read(path):
    with VideoReader(path) as reader:
        return list(reader), reader


def packets(path):
    """Time and bytes of each packet of sound, in seconds."""
    with av.open(str(path)) as container:
        (stream,) = container.streams.audio
        found = [packet for packet in container.demux(stream) if packet.dts is not None]
        return [float(packet.pts * packet.time_base) for packet in found], [bytes(packet) for packet in found]


def test_frames_come_back_at_their_times(tmp_path):
    times = [0.0, 0.04, 0.1, 0.5, 1.337, 4.0]
    images = pictures(6)
    writer = write(tmp_path / "a.mp4", images, times)
    frames, reader = read(tmp_path / "a.mp4")
    assert (reader.info.width, reader.info.height, reader.info.frames) == (48, 32, 6)
    assert reader.problem is None
    assert [frame.time for frame in frames] == pytest.approx(times, abs=1 / 60_000)
    assert max(np.abs(a.image - b.astype(int)).mean() for a, b in zip(frames, images, strict=True)) < 8
    assert (writer.encoder, writer.problem, sound_of(tmp_path / "a.mp4")) == ("libx264", None, None)
    assert not writer.partial.exists()


@pytest.mark.parametrize(("fps", "last"), [(0.5, 5.0), (30.0, 5.0), (2.0, 0.1)])
def test_the_last_frame_keeps_its_time(tmp_path, fps, last):
    with VideoWriter(tmp_path / "a.mp4", info(fps=fps)) as writer:
        for image, time, duration in zip(pictures(2), (0.0, 0.5), (0.5, last), strict=True):
            writer.write(image, time, duration)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.duration / av.time_base == pytest.approx(0.5 + last, abs=0.001)


def test_a_drawn_scene_keeps_its_colours(tmp_path):
    scene = draw_scene(0, 0, (320, 240)).image
    write(tmp_path / "a.mp4", np.stack([scene] * 3))
    frames, _ = read(tmp_path / "a.mp4")
    difference = frames[1].image - scene.astype(int)
    assert np.abs(difference).mean() < 4
    assert np.abs(difference.mean(axis=(0, 1))).max() < 2  # a wrong colour matrix or range would shift a channel


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (200, 0, 0), (0, 200, 0), (0, 0, 200), (230, 159, 0)])
def test_plain_colours(tmp_path, colour):
    write(tmp_path / "a.mp4", np.full((1, 32, 48, 3), colour, np.uint8))
    (frame,), _ = read(tmp_path / "a.mp4")
    assert np.abs(frame.image - np.array(colour)).max() <= 3


@pytest.mark.parametrize("fps", [23.976, 24, 25, 29.97, 30, 50, 59.94, 60, 120])
def test_usual_rates(tmp_path, fps):
    write(tmp_path / "a.mp4", pictures(8), fps=fps)
    frames, reader = read(tmp_path / "a.mp4")
    assert reader.info.fps == pytest.approx(fps, rel=1e-3)
    assert [frame.time for frame in frames] == pytest.approx([index / fps for index in range(8)], abs=1 / 60_000)


@pytest.mark.parametrize(("width", "height"), [(47, 32), (48, 31), (47, 31), (1, 1)])
def test_odd_sides_get_a_copy_of_their_last_pixel(tmp_path, width, height):
    image = np.full((1, height, width, 3), 40, np.uint8)
    image[0, :, -1] = 220
    write(tmp_path / "a.mp4", image)
    (frame,), _ = read(tmp_path / "a.mp4")
    even = height + height % 2, width + width % 2
    assert frame.image.shape == (*even, 3)
    assert np.abs(frame.image[:, width - 1 :].astype(int) - 220).max() <= 12
    assert width < 5 or np.abs(frame.image[:, : width - 5].astype(int) - 40).max() <= 12


def test_times_that_stand_still_still_give_every_frame(tmp_path):
    write(tmp_path / "a.mp4", pictures(4), [0.0, 0.0, 0.0, 0.5])
    frames, _ = read(tmp_path / "a.mp4")
    assert [frame.time for frame in frames] == pytest.approx([0, 1 / 60_000, 2 / 60_000, 0.5], abs=1e-6)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "aac"), ("a.mkv", "aac"), ("a.mkv", "ac3"), ("a.mkv", "libmp3lame"), ("a.mkv", "flac")],
)
def test_sound_is_copied(tmp_path, name, codec):
    source = make_video(tmp_path / name, pictures(60), sound=codec)
    writer = write(tmp_path / "copy.mp4", pictures(60), source=source)
    assert writer.problem is None
    before, after = packets(source), packets(tmp_path / "copy.mp4")
    assert after[1] == before[1]
    assert after[0] == pytest.approx(before[0], abs=0.001)
    frames, _ = read(tmp_path / "copy.mp4")
    assert [frame.time for frame in frames] == pytest.approx([index / 30 for index in range(60)], abs=1 / 60_000)


def decoded_sound(path):
    """Its samples and the time of the first, in seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(float), frames[0].time


def lag(path, source):
    """By how many seconds the sound of one file comes later than that of another."""
    (late, late_time), (early, early_time) = decoded_sound(path), decoded_sound(source)
    moved = np.correlate(late[8000:16_000], early[10_000:14_000], "valid").argmax() - 2000
    return moved / 48_000 + late_time - early_time


def test_sound_of_a_transport_stream_that_began_before(tmp_path):
    times = [100 + index / 30 for index in range(60)]
    source = make_video(tmp_path / "a.ts", pictures(60), times, sound="aac")
    original, reader = read(source)
    with VideoWriter(tmp_path / "copy.mp4", reader.info, source) as writer:
        for frame in original:
            writer.write(frame.image, frame.time)
    assert writer.problem is None
    before, after = packets(source), packets(tmp_path / "copy.mp4")
    assert len(after[1]) == len(before[1])
    assert all(whole.endswith(bare) for whole, bare in zip(before[1], after[1], strict=True))  # without ADTS headers
    assert np.subtract(before[0], after[0]) == pytest.approx(before[0][0], abs=0.001)  # the sound begins first
    frames, _ = read(tmp_path / "copy.mp4")
    assert original[0].time == pytest.approx(0.0213, abs=1e-4)  # the pictures follow, and not on a whole millisecond
    assert [frame.time for frame in frames] == pytest.approx([frame.time for frame in original], abs=1e-4)


@pytest.mark.parametrize("start", [0, 100])
def test_sound_that_mp4_players_do_not_expect_becomes_aac_at_the_same_time(tmp_path, start):
    times = [start + index / 30 for index in range(60)]
    source = make_video(tmp_path / "a.mkv", pictures(60), times, sound="pcm_s16le")
    writer = write(tmp_path / "copy.mp4", pictures(60), source=source)
    assert (sound_of(tmp_path / "copy.mp4"), writer.problem) == ("aac", None)
    assert len(decoded_sound(tmp_path / "copy.mp4")[0]) == pytest.approx(96_000, abs=2048)
    assert lag(tmp_path / "copy.mp4", source) == pytest.approx(-start, abs=0.001)


def test_sound_that_changes_from_stereo_to_mono_becomes_aac_to_its_end(tmp_path):
    parts = []
    for start, layout in enumerate(["stereo", "mono"]):
        times = [start + index / 30 for index in range(30)]
        path = make_video(tmp_path / "a.ts", pictures(30), times, sound="mp2", layout=layout)
        parts.append(path.read_bytes())
    path.write_bytes(b"".join(parts))
    writer = write(tmp_path / "copy.mp4", pictures(60), source=path)
    assert (sound_of(tmp_path / "copy.mp4"), writer.problem) == ("aac", None)
    assert packets(tmp_path / "copy.mp4")[0][-1] == pytest.approx(2, abs=0.1)


def test_mp3_too_slow_for_mp4_becomes_aac(tmp_path):
    source = make_video(tmp_path / "a.mkv", pictures(30), sound="libmp3lame", rate=8000)
    write(tmp_path / "copy.mp4", pictures(30), source=source)
    assert sound_of(tmp_path / "copy.mp4") == "aac"
    assert packets(tmp_path / "copy.mp4")[0][-1] == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(("number", "expected"), [(errno.EINVAL, DataError), (errno.ENOSPC, RunFolderError)])
def test_what_only_this_video_suffers_from_is_told_apart_from_a_full_disk(tmp_path, monkeypatch, number, expected):
    def refuse(self, time):
        raise av.error.FFmpegError(number, os.strerror(number))

    monkeypatch.setattr(VideoWriter, "_write_sound", refuse)
    with pytest.raises(expected, match=os.strerror(number)):
        write(tmp_path / "a.mp4", pictures(2))


def test_pictures_do_not_wait_for_sound_that_is_shorter_or_longer(tmp_path):
    for count, source_count in ((90, 30), (30, 90)):
        source = make_video(tmp_path / "source.mp4", pictures(source_count), sound="aac")
        write(tmp_path / "copy.mp4", pictures(count), source=source)
        frames, _ = read(tmp_path / "copy.mp4")
        assert len(frames) == count
        assert packets(tmp_path / "copy.mp4")[1] == packets(source)[1]  # all of it


def test_sound_that_is_cut_off_ends_and_the_pictures_go_on(tmp_path):
    source = cut(make_video(tmp_path / "source.ts", pictures(60), sound="aac"), 0.5)
    write(tmp_path / "copy.mp4", pictures(60), source=source)
    frames, _ = read(tmp_path / "copy.mp4")
    assert len(frames) == 60
    assert 0.5 < packets(tmp_path / "copy.mp4")[0][-1] < 1.6


def test_sound_that_cannot_be_read_on_is_told(tmp_path, monkeypatch):
    source = make_video(tmp_path / "source.mp4", pictures(60), sound="aac")

    def ending(self, stream, target):
        for number, packet in enumerate(self._container.demux(stream)):
            if number == 20:
                raise av.error.OSError(5, "Input/output error")
            yield packet

    monkeypatch.setattr(video_writer.Sound, "_whole", ending)
    writer = write(tmp_path / "copy.mp4", pictures(60), source=source)
    assert writer.problem == f"{tmp_path / 'copy.mp4'}: the sound ends early: Input/output error"
    assert len(packets(tmp_path / "copy.mp4")[0]) == 20
    assert len(read(tmp_path / "copy.mp4")[0]) == 60


def test_sound_that_steps_back_in_time_goes_on(tmp_path, monkeypatch):
    source = make_video(tmp_path / "source.mp4", pictures(60), sound="aac")

    def stepping(self, stream, target):
        for number, packet in enumerate(self._container.demux(stream)):
            if number == 20:
                packet.pts = packet.dts = 0
            yield packet

    monkeypatch.setattr(video_writer.Sound, "_whole", stepping)
    assert write(tmp_path / "copy.mp4", pictures(60), source=source).problem is None
    assert len(packets(tmp_path / "copy.mp4")[0]) == len(packets(source)[0]) - 1


def test_a_source_without_sound(tmp_path):
    source = make_video(tmp_path / "source.mp4", pictures(3))
    write(tmp_path / "copy.mp4", pictures(3), source=source)
    assert sound_of(tmp_path / "copy.mp4") is None


def test_the_name_appears_when_the_video_is_whole(tmp_path):
    path = tmp_path / "new" / "a.mp4"
    with VideoWriter(path, info()) as writer:
        for index, image in enumerate(pictures(5)):
            writer.write(image, index / RATE)
        assert not path.exists()
        assert partial_path(path).name == "a.partial.mp4"
        assert partial_path(path).exists()
    assert [file.name for file in path.parent.iterdir()] == ["a.mp4"]


def test_an_interrupted_video_is_playable_under_its_partial_name(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"what was there before")
    source = make_video(tmp_path / "source.mp4", pictures(300), sound="aac")
    writer = VideoWriter(tmp_path / "a.mp4", info(), source)

    def interrupted():
        with writer:
            for index, image in enumerate(pictures(40)):
                writer.write(image, index / RATE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "a.mp4").read_bytes() == b"what was there before"
    frames, reader = read(writer.partial)
    assert (len(frames), reader.problem) == (40, None)
    assert packets(writer.partial)[0][-1] == pytest.approx(40 / RATE, abs=0.1)


CHILD = """
import sys, time
from pathlib import Path
from made_up_videos import pictures
from mien.recognition.video import VideoInfo
from mien.recognition.video_writer import VideoWriter

source = Path(sys.argv[2]) if len(sys.argv) > 2 else None
with VideoWriter(Path(sys.argv[1]), VideoInfo(48, 32, 30.0, None, None), source) as writer:
    for index, image in enumerate(pictures(300)):
        writer.write(image, index / 30)
    print("written", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("sound", [None, 300, 30])
def test_a_killed_process_leaves_a_playable_video(tmp_path, sound):
    """Of 10 s at most a fragment of 2 s and the encoder's few frames are lost, sound or none, long or short."""
    sources = [str(make_video(tmp_path / "source.mp4", pictures(sound), sound="aac"))] if sound else []
    command = [sys.executable, "-c", CHILD, str(tmp_path / "a.mp4")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([*command, *sources], stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout.readline() == "written\n"
        child.kill()
    assert not (tmp_path / "a.mp4").exists()
    frames, _ = read(tmp_path / "a.partial.mp4")
    assert 300 - 75 - (30 if sound == 30 else 0) <= len(frames) < 300
    assert sound_of(tmp_path / "a.partial.mp4") == (sound and "aac")
    assert [frame.time for frame in frames] == pytest.approx([index / 30 for index in range(len(frames))], abs=1e-4)
    expected = pictures(300)[len(frames) - 1]
    assert np.abs(frames[-1].image - expected.astype(int)).mean() < 8
    write(tmp_path / "a.mp4", pictures(10))  # begun anew
    assert len(read(tmp_path / "a.mp4")[0]) == 10
    assert not (tmp_path / "a.partial.mp4").exists()


def test_fragments_follow_the_true_times_not_the_announced_rate(tmp_path):
    """A still picture, which asks for no key frame of its own."""
    with VideoWriter(tmp_path / "a.mp4", info(fps=240.0)) as writer:
        for index in range(100):
            writer.write(pictures(1)[0], index / 2)
        copy = tmp_path / "copy.mp4"
        copy.write_bytes(writer.partial.read_bytes())
    assert read(copy)[0][-1].time > 35  # of 49.5 s, at key frames it would be nothing


def test_without_a_frame_there_is_no_file(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", info()):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoder", ["libx264", "mpeg4"])
def test_the_best_encoder_there_is_writes(tmp_path, monkeypatch, encoder):
    monkeypatch.setattr(video_writer.av, "codecs_available", {"aac", encoder})
    images = pictures(30)
    assert write(tmp_path / "a.mp4", images).encoder == encoder
    frames, _ = read(tmp_path / "a.mp4")
    assert [frame.time for frame in frames] == pytest.approx([index / 30 for index in range(30)], abs=1e-4)
    assert np.mean([np.abs(a.image - b.astype(int)).mean() for a, b in zip(frames, images, strict=True)]) < 12


def test_what_cannot_be_written_is_told_before_work_starts(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match=r"cannot write .*a\.mp4: .*; check space and write right"):
        VideoWriter(tmp_path / "file" / "a.mp4", info())
    source = make_video(tmp_path / "a.mp4", pictures(2))
    with pytest.raises(DataError, match="would replace its source"):
        VideoWriter(source, info(), source)
    with pytest.raises(DataError, match="would replace its source"):
        VideoWriter(source, info(), source.rename(partial_path(source)))
    with pytest.raises(DataError, match="no such file"):
        VideoWriter(tmp_path / "b.mp4", info(), tmp_path / "missing.mp4")
    with pytest.raises(DataError, match="refuses 20000 x 10 pixels"):
        VideoWriter(tmp_path / "b.mp4", info(20_000, 10))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.partial.mp4", "file"]


def test_pictures_of_another_size_are_refused(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", info()) as writer:
        with pytest.raises(ValueError, match=r"expected a picture \(32, 48, 3\) uint8, got \(48, 32, 3\)"):
            writer.write(np.zeros((48, 32, 3), np.uint8), 0)
        writer.write(np.zeros((32, 48, 3), np.uint8), 0)
