"""Whether reading and writing a long video keeps its memory, and how fast it is. Linux only.

    python bench/video.py [--frames 20000] [--size 320x240]

A film of a drawn scene that wanders, with sound, is made in a process of its own; then each of its frames is read and
written again, with the sound, as `recognize.py` does, but nothing is recognised. Memory is the highest that the process
has taken so far (VmHWM), at 10, 50 and 100 % of the frames.
"""

import argparse
import multiprocessing
import time
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from common import command_parser, print_table, shown, spread, write

from mien.data.drawn import draw_scene
from mien.recognition.video import VideoReader
from mien.recognition.video_writer import VideoWriter

RATE, SOUND_RATE = 30, 48_000
MARKS = (10, 50, 100)
MEGABYTE = 1e6


def make(path: Path, frames: int, size: tuple[int, int]) -> None:
    """A film with sound."""
    scene = draw_scene(0, 0, size).image
    hum = (8000 * np.sin(2 * np.pi * 300 * np.arange(SOUND_RATE // RATE) / SOUND_RATE)).astype(np.int16)[None]
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", RATE, {"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = container.add_stream("aac", SOUND_RATE, layout="mono")
        for index in range(frames):
            picture = av.VideoFrame.from_ndarray(np.roll(scene, index, axis=1), "rgb24")
            picture.pts, picture.time_base = index, Fraction(1, RATE)
            container.mux(video.encode(picture))
            sound = av.AudioFrame.from_ndarray(hum, "s16", "mono")
            sound.sample_rate, sound.pts, sound.time_base = SOUND_RATE, index * hum.size, Fraction(1, SOUND_RATE)
            container.mux(audio.encode(sound))
        for stream in (video, audio):
            container.mux(stream.encode(None))


def copy(source: Path, target: Path, frames: int) -> dict[str, float]:
    """Read and write every frame: bytes at each mark, frames a second."""
    found: dict[str, float] = {}
    began = time.perf_counter()
    with VideoReader(source) as reader, VideoWriter(target, reader.info, source) as writer:
        for done, frame in enumerate(reader, start=1):
            writer.write(frame.image, frame.time)
            if done in (frames * mark // 100 for mark in MARKS):
                found[f"{100 * done // frames} %"] = highest()
    return {**found, "end": highest(), "frames_a_second": frames / (time.perf_counter() - began)}


def highest() -> int:
    """The most memory that this process has had, in bytes."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * int(lines["VmHWM"].split()[0])


def apart(task: str, *arguments: object) -> dict[str, float]:
    """Run :func:`make` or :func:`copy` in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply({"make": make, "copy": copy}[task], arguments) or {}


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser: argparse.ArgumentParser = command_parser(__doc__, "video", rounds=1)
    parser.add_argument("--frames", type=int, default=20_000, help="default: %(default)s")
    parser.add_argument("--size", default="320x240", help="default: %(default)s")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "source.mp4"), Path(folder, "copy.mp4")
        apart("make", source, options.frames, (width, height))
        rounds = [apart("copy", source, target, options.frames) for _ in range(options.rounds)]
    result = {key: spread([one[key] for one in rounds]) for key in rounds[0]}
    rows = [[key, shown(value, 1, 1 / MEGABYTE)] for key, value in result.items() if key != "frames_a_second"]
    rows.append(["frames/s", shown(result["frames_a_second"], 0)])
    title = f"{options.frames} frames of {options.size} with sound, read and written; memory in MB"
    print_table(title, ["after", "median (min..max)"], rows)
    write(options, result)


if __name__ == "__main__":
    main()
