"""Whether mien's MTCNN finds what facenet-pytorch's finds: every picture compared, every difference listed.

    python bench/mtcnn_parity.py [--scenes <folder of photos>] [--data <class folders>] [--drawn 200]

Drawn scenes; the photos of --scenes; 500 images of --data's test split, spread over its classes and enlarged to 320 px.
Faces of any score above the last threshold count. Boxes are matched by overlap, one to one; a picture differs where a
face of either has no partner, an overlap is below 0.99, or a landmark is more than 0.5 px away.
"""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from common import add_data_options, command_parser, print_table, write
from facenet_pytorch import MTCNN
from rich.progress import track

from mien.config.schema import DatasetConfig
from mien.data.catalog import load_source
from mien.data.drawn import draw_scene
from mien.data.readers import load_image
from mien.detection import MtcnnDetector
from mien.endtoend.match import iou_matrix, match_boxes
from mien.types import Faces, Image, SplitName

SIDE, CROPS = 320, 500
NEEDED_IOU, ALLOWED_SHIFT = 0.99, 0.5


def pictures(options: argparse.Namespace) -> Iterator[tuple[str, int, Iterable[tuple[str, Image]]]]:
    """Each set's name, its size, and its pictures with their names."""
    yield "drawn scenes", options.drawn, ((str(n), draw_scene(1000, n).image) for n in range(options.drawn))
    if options.scenes is not None:
        paths = sorted(options.scenes.rglob("*.jpg"))
        yield options.scenes.name, len(paths), ((path.name, load_image(path)) for path in paths)
    if options.data is not None:
        part = load_source(DatasetConfig(options.dataset, root=str(options.data.absolute()))).parts[SplitName.TEST]
        chosen = np.linspace(0, len(part) - 1, CROPS).astype(int).tolist()
        yield (
            f"{options.dataset}, {SIDE} px",
            CROPS,
            ((part.reader.key(n), larger(part.reader.read(n))) for n in chosen),
        )


def larger(image: Image) -> Image:
    """The image with a longer side of 320 px."""
    picture = PIL.Image.fromarray(image)
    factor = SIDE / max(picture.size)
    size = (round(picture.width * factor), round(picture.height * factor))
    return np.array(picture.resize(size, PIL.Image.Resampling.BICUBIC))


def reference_faces(reference: MTCNN, image: Image) -> Faces:
    """facenet-pytorch's faces."""
    boxes, scores, landmarks = reference.detect(image, landmarks=True)
    if boxes is None:
        return Faces.none()
    return Faces(*(np.asarray(values, np.float32) for values in (boxes, scores, landmarks)))


def difference(ours: Faces, theirs: Faces) -> dict[str, Any]:
    """How far two results on one picture are apart."""
    overlap = iou_matrix(theirs.boxes, ours.boxes)
    pairs = [(n, m) for n, m in enumerate(match_boxes(overlap)) if m is not None]
    shifts = [float(np.linalg.norm(theirs.landmarks[n] - ours.landmarks[m], axis=1).max()) for n, m in pairs]
    return {
        "faces": (len(ours), len(theirs)),
        "pairs": len(pairs),
        "smallest_iou": min((float(overlap[n, m]) for n, m in pairs), default=None),
        "largest_shift": max(shifts, default=None),
        "scores_ours": ours.scores.tolist(),
        "scores_theirs": theirs.scores.tolist(),
    }


def is_same(found: dict[str, Any]) -> bool:
    """Whether a picture passes."""
    if set(found["faces"]) != {found["pairs"]}:
        return False
    return found["pairs"] == 0 or (found["smallest_iou"] >= NEEDED_IOU and found["largest_shift"] <= ALLOWED_SHIFT)


def compare(name: str, count: int, images: Iterable[tuple[str, Image]], device: str) -> dict[str, Any]:
    """All pictures of a set, ours on a device, facenet-pytorch's on the processor."""
    assert not is_same(difference(_face(0), _face(500)))  # a face elsewhere is another face
    ours, reference = MtcnnDetector(min_score=0, device=device), MTCNN(keep_all=True)
    rows = []
    for key, image in track(images, name, total=count):
        rows.append({"picture": key} | difference(ours.detect(image), reference_faces(reference, image)))
    return {
        "set": name,
        "pictures": len(rows),
        "faces": sum(row["faces"][1] for row in rows),
        "same_number": float(np.mean([row["faces"][0] == row["faces"][1] for row in rows])),
        "pairs": sum(row["pairs"] for row in rows),
        "smallest_iou": min(row["smallest_iou"] for row in rows if row["pairs"]),
        "largest_shift": max(row["largest_shift"] for row in rows if row["pairs"]),
        "differences": [row for row in rows if not is_same(row)],
    }


def _face(left: int) -> Faces:
    """One face of 10 px."""
    box = np.float32([[left, 0, left + 10, 10]])
    return Faces(box, np.ones(1, np.float32), np.repeat(box[:, None, :2], 5, axis=1))


def main() -> None:
    """Compare, print a table and every difference, write the JSON."""
    parser = command_parser(__doc__, "mtcnn_parity", rounds=1)
    add_data_options(parser, "none")
    parser.add_argument("--scenes", type=Path, help="folder of photos")
    parser.add_argument("--drawn", type=int, default=200, help="drawn scenes (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="where mien's runs (default: %(default)s)")
    options = parser.parse_args()
    records = [compare(*found, options.device) for found in pictures(options)]
    rows = [
        [
            *(
                record["set"],
                str(record["pictures"]),
                str(record["faces"]),
                str(record["pairs"]),
                f"{100 * record['same_number']:.2f} %",
            ),
            *(f"{record['smallest_iou']:.4f}", f"{record['largest_shift']:.3f} px", str(len(record["differences"]))),
        ]
        for record in records
    ]
    columns = [
        "",
        "pictures",
        "faces",
        "matched",
        "same number",
        "smallest IoU",
        "largest landmark shift",
        "pictures that differ",
    ]
    print_table("mien's MTCNN and facenet-pytorch's", columns, rows)
    for record in records:
        for row in record["differences"]:
            print(record["set"], row)
    options.scenes = options.scenes and options.scenes.name
    write(options, {"sets": records})


if __name__ == "__main__":
    main()
