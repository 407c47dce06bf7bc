"""A contact sheet of hits, confusions and misses, to see at a glance what the numbers are made of."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain, zip_longest
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mien.endtoend.annotate import Mark, Rectangle, annotate, fit_text, font_of
from mien.endtoend.records import EndToEndRun, FaceRecord
from mien.endtoend.scenes import SceneSource
from mien.files import atomic_path
from mien.labels import LabelSet, colour
from mien.types import Scene

TILE = (520, 390)
"""Width and height of a scene on the sheet."""
ROOM = (300, 80)
"""Least width and height that a tag needs; narrower pictures get a gray border for it."""
COLUMNS = 3
FONT_SIZE = 17
_SPACE, _CAPTION, _HEADER = 14, 30, 44
_PAPER, _INK, _MISSED, _FALSE = "white", "#222222", "#222222", "#8A8F94"
KINDS = {
    "right": "right",
    "wrong_good_box": "wrong",
    "wrong_poor_box": "wrong in a poor box",
    "missed": "missed",
}
"""The outcomes of a face in the order of the sheet, and their words."""


def draw_sheet(run: EndToEndRun, scenes: SceneSource, path: Path, count: int = 12) -> Path:
    """Write an annotated contact sheet as PNG, atomically.

    Found faces stand in a box of the predicted class's colour with its probability, and with the truth where that is
    another; missed ones in a dashed box, or under a tag where the truth has no box. Thin black boxes are the true ones
    of wrongly labelled faces whose detected box is poor, thin gray ones are false faces.

    Args:
        run: The outcome of the stage.
        scenes: The scenes that it ran on; the chosen ones are made again.
        path: The file to write.
        count: Most scenes on the sheet.

    Returns:
        ``path``.

    Raises:
        RunFolderError: It cannot be written.
    """
    chosen = choose_scenes(run.faces, count)
    columns = min(COLUMNS, len(chosen))
    cell = (TILE[0] + _SPACE, TILE[1] + _CAPTION + _SPACE)
    size = (columns * cell[0] + _SPACE, _HEADER + ceil(len(chosen) / columns) * cell[1])
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    header_font, caption_font = font_of(FONT_SIZE + 3), font_of(FONT_SIZE)
    draw.text((_SPACE, _HEADER / 2), fit_text(_header(run), header_font, size[0] - 2 * _SPACE), _INK, header_font, "lm")
    for n, index in enumerate(chosen):
        corner = (_SPACE + n % columns * cell[0], _HEADER + n // columns * cell[1])
        faces = [face for face in run.faces if face.scene_index == index]
        false = [face.box for face in run.false_faces if face.scene_index == index]
        sheet.paste(_tile(scenes.scene(index), faces, false, run.labels), corner)
        caption = fit_text(_caption(faces, len(false)), caption_font, TILE[0])
        draw.text((corner[0], corner[1] + TILE[1] + _CAPTION / 2), caption, _INK, caption_font, "lm")
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="PNG")
    return path


def choose_scenes(faces: Sequence[FaceRecord], count: int) -> list[int]:
    """Positions of the scenes to show: hits, confusions and misses in turn, and each with all true classes in turn.

    Args:
        faces: One record a true face.
        count: How many at most.

    Returns:
        Positions, no two the same; those of each outcome that exists come first.
    """
    queues: dict[str, list[tuple[int, int, int]]] = {kind: [] for kind in KINDS}
    seen: Counter[tuple[str, int]] = Counter()
    for face in faces:
        kind = face.outcome
        queues[kind].append((seen[kind, face.label], face.label, face.scene_index))
        seen[kind, face.label] += 1
    in_turn = chain.from_iterable(zip_longest(*(sorted(queue) for queue in queues.values())))
    return list(dict.fromkeys(entry[2] for entry in in_turn if entry is not None))[:count]


def _tile(
    scene: Scene, faces: Sequence[FaceRecord], false: Sequence[NDArray[np.float32]], labels: LabelSet
) -> Image.Image:
    """One scene, scaled to fit and annotated at the sheet's resolution, so that the text is legible in any photo."""
    height, width = scene.image.shape[:2]
    scale = min(TILE[0] / width, TILE[1] / height)
    picture = Image.fromarray(scene.image).resize((max(1, round(width * scale)), max(1, round(height * scale))))
    picture = _on_gray(picture, (max(picture.width, ROOM[0]), max(picture.height, ROOM[1])))
    left, top = (picture.width - width * scale) / 2, (picture.height - height * scale) / 2

    def placed(box: NDArray[np.float32]) -> Rectangle:
        x0, y0, x1, y1 = (box * scale + np.array([left, top, left, top])).tolist()
        return x0, y0, x1, y1

    poor = [face.true_box for face in faces if face.outcome == "wrong_poor_box" and face.true_box is not None]
    for boxes, line in ((false, _FALSE), (poor, _INK)):
        for box in boxes:
            _thin(picture, placed(box), line)
    marks = []
    for face in faces:
        shown = face.true_box if face.box is None else face.box
        marks.append(_mark(face, labels, None if shown is None else placed(shown)))
    annotate(picture, marks, FONT_SIZE)
    return _on_gray(picture, TILE)


def _thin(picture: Image.Image, box: Rectangle, line: str) -> None:
    """A box of one pixel's line between two white ones, so that it shows on any background."""
    x0, y0, x1, y1 = (round(side) for side in box)
    draw = ImageDraw.Draw(picture)
    for inset, hue in ((-1, "white"), (1, "white"), (0, line)):
        if x1 - x0 > 2 * inset and y1 - y0 > 2 * inset:
            draw.rectangle((x0 + inset, y0 + inset, x1 - inset, y1 - inset), outline=hue)


def _on_gray(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    paper = Image.new("RGB", size, "#ECECEC")
    paper.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return paper


def _mark(face: FaceRecord, labels: LabelSet, box: Rectangle | None) -> Mark:
    truth = labels.names[face.label]
    if face.predicted is None or face.probabilities is None:
        return Mark(f"missed (is {truth})", _MISSED, box, dashed=True)
    predicted = labels.names[face.predicted]
    text = f"{predicted} {face.probabilities[face.predicted]:.0%}".replace("%", " %")
    return Mark(text if face.right else f"{text} (is {truth})", colour(predicted), box)


def _caption(faces: Sequence[FaceRecord], false: int) -> str:
    counts = Counter(face.outcome for face in faces) + Counter({"false": false})
    words = KINDS | {"false": "false"}
    return f"{faces[0].scene}: " + ", ".join(f"{counts[kind]} {words[kind]}" for kind in words if counts[kind])


def _header(run: EndToEndRun) -> str:
    result = run.result
    given = result.accuracy_given_detection
    return (
        f"Scenes {result.scenes}, detector {result.detector}: {result.n_faces} faces, "
        f"found {100 * result.detection_recall:.1f} %, right {100 * result.accuracy:.1f} %"
        + ("" if given is None else f" (of the found {100 * given:.1f} %)")
    )
