"""How fast faces are drawn, and how many of them MTCNN finds.

    python bench/drawn_faces.py [--faces 420] [--output outputs/bench/drawn_faces.json]

Speed is faces a second of processor time on one core at 64 px, the median of five runs. A face counts as found where
MTCNN (score of 0.9 or more) returns a box with intersection over union above 0.3 with the true one. Each
picture holds one person on a background three faces wide, and the classes are balanced.
"""

import argparse
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from mien.data.drawn import DrawnFaces
from mien.data.drawn.scenes import draw_portrait
from mien.detection import MtcnnDetector
from mien.endtoend.match import iou_matrix
from mien.environment import describe
from mien.files import write_json
from mien.labels import EXPRESSIONS

HEIGHTS = (60, 80, 120, 200)
SCORE = 0.9
SAME_FACE = 0.3


def speed(count: int = 500, runs: int = 5) -> float:
    """Faces a second of processor time at 64 px."""
    faces = DrawnFaces(count, seed=0, size=64)
    rates = []
    for _ in range(runs):
        start = time.process_time()
        for index in range(count):
            faces.read(index)
        rates.append(count / (time.process_time() - start))
    return median(rates)


def detection(height: int, count: int, detector: MtcnnDetector) -> dict[str, object]:
    """How many of ``count`` faces of this height (pixels) are found, and how well their boxes fit."""
    overlaps = np.zeros(count)
    labels = np.arange(count) % len(EXPRESSIONS)
    for index in range(count):
        scene = draw_portrait(seed=height, index=index, label=int(labels[index]), face_height=height)
        if scene.boxes is not None:
            overlaps[index] = iou_matrix(scene.boxes[:1], detector.detect(scene.image).boxes).max(initial=0)
    found = overlaps > SAME_FACE
    return {
        "height": height,
        "faces": count,
        "found": float(found.mean()),
        "iou_mean": float(overlaps[found].mean()),
        "iou_above_0.6": float((overlaps[found] > 0.6).mean()),
        "found_per_class": {name: float(found[labels == k].mean()) for k, name in enumerate(EXPRESSIONS)},
    }


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=420, help="faces a height")
    parser.add_argument("--output", type=Path, default=Path("outputs/bench/drawn_faces.json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    rate = speed()
    detector = MtcnnDetector(min_score=SCORE)
    rows = [detection(height, options.faces, detector) for height in HEIGHTS]
    table = Table("face height", "faces", "found", "mean IoU", "IoU > 0.6", title="Drawn faces found by MTCNN")
    for row in rows:
        shares = [f"{row[key]:.3f}" for key in ("found", "iou_mean", "iou_above_0.6")]
        table.add_row(f"{row['height']} px", str(row["faces"]), *shares)
    console = Console()
    console.print(table)
    console.print(f"{rate:.0f} faces/s on one core at 64 px")
    record = {"faces_per_second": rate, "score": SCORE, "detection": rows}
    write_json(options.output, {**record, "environment": describe("python bench/drawn_faces.py", seed=0)})
    console.print(f"written to {options.output}")


if __name__ == "__main__":
    main()
