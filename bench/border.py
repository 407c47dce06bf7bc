"""What a gray border does for MTCNN where a face fills its picture: how far the landmarks are off.

    python bench/border.py --data <class folders> [--dataset fer2013] [--images 300]

Training images, each a face, drawn at random and enlarged to 120 px. What is seen with a border of half the side counts
as right, since there is no better truth; the others' landmarks are compared with it, in shares of the distance of the
eyes. An image counts where both find a face; of several faces the largest that holds the image's centre.
"""

from typing import Any

import numpy as np
from common import add_data_options, command_parser, print_table, write
from numpy.typing import NDArray

from mien.config.schema import DatasetConfig
from mien.data.catalog import load_source
from mien.detection import Bordered, MtcnnDetector
from mien.detection.face_reader import central_face
from mien.types import Image, SplitName

BORDERS = (0.0, 0.1, 0.25, 0.4)
RIGHT = 0.5


def landmarks(detector: Bordered, images: list[Image]) -> NDArray[np.float32]:
    """(N, 5, 2) xy pixels, NaN where no face is found."""
    found = np.full((len(images), 5, 2), np.nan, np.float32)
    for n, (image, faces) in enumerate(zip(images, detector.detect_many(images), strict=True)):
        face = central_face(faces, (image.shape[1] / 2, image.shape[0] / 2))
        if face is not None:
            found[n] = faces.landmarks[face]
    return found


def row(found: NDArray[np.float32], right: NDArray[np.float32]) -> dict[str, Any]:
    """Share of images with a face, and how far its landmarks are off."""
    eyes = np.linalg.norm(right[:, 1] - right[:, 0], axis=1)
    off = np.linalg.norm(found - right, axis=2).mean(1) / eyes
    off = off[np.isfinite(off)]
    return {
        "found": float(np.isfinite(found[:, 0, 0]).mean()),
        "compared": len(off),
        "off_median": float(np.median(off)),
        "off_90_percent": float(np.percentile(off, 90)),
    }


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = command_parser(__doc__, "border", rounds=1)
    add_data_options(parser, "none: it must be given")
    parser.add_argument("--images", type=int, default=300, help="default: %(default)s")
    options = parser.parse_args()
    if options.data is None:
        parser.error("--data is needed: a folder of faces")
    part = load_source(DatasetConfig(options.dataset, root=str(options.data.absolute()))).parts[SplitName.TRAIN]
    chosen = np.random.default_rng(0).choice(len(part), options.images, replace=False)
    images = [part.reader.read(int(index)) for index in chosen]
    detector = MtcnnDetector()
    right = landmarks(Bordered(detector, RIGHT), images)
    records = {border: row(landmarks(Bordered(detector, border), images), right) for border in BORDERS}
    rows = [
        [f"{border:g}", f"{100 * r['found']:.1f} %", str(r["compared"])]
        + [f"{100 * r[key]:.0f} %" for key in ("off_median", "off_90_percent")]
        for border, r in records.items()
    ]
    columns = ["border", "face found", "compared", "landmarks off, median", "90 % are within"]
    print_table(f"{options.images} images of {options.dataset}", columns, rows)
    write(options, {"borders": {f"{border:g}": record for border, record in records.items()}})


if __name__ == "__main__":
    main()
