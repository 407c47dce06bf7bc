"""Something to try recognize.py on: ten drawn scenes as photos, and a film that pans over a wide one.

    python bench/drawn_film.py <folder> [--seconds 6]
    python recognize.py model=outputs/default source=<folder>

Scenes and film are the same each time.
"""

import argparse
from pathlib import Path

import PIL.Image

from mien.data.drawn import draw_scene
from mien.recognition.video import VideoInfo
from mien.recognition.video_writer import VideoWriter

RATE, SIZE, WIDE = 25, (640, 360), 1600


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=6, help="length of the film (default: %(default)s)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for number in range(10):
        PIL.Image.fromarray(draw_scene(2000, number).image).save(options.folder / f"scene_{number}.jpg", quality=92)
    scene = draw_scene(2000, 10, (WIDE, SIZE[1]), faces=(6, 8)).image
    frames = options.seconds * RATE
    info = VideoInfo(*SIZE, RATE, frames, float(options.seconds))
    with VideoWriter(options.folder / "film.mp4", info) as film:
        for n in range(frames):
            left = round((WIDE - SIZE[0]) * n / (frames - 1))
            film.write(scene[:, left : left + SIZE[0]], n / RATE)
    print(f"ten photos and film.mp4 in {options.folder}")


if __name__ == "__main__":
    main()
