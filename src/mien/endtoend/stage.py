"""The end-to-end stage: find the faces of whole photos, crop, classify, and score against the truth."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from mien.detection.bordered import as_ruled
from mien.detection.crop import crop_face
from mien.detection.many import enough
from mien.endtoend.match import LOOSE_IOU, MIN_IOU, hits_by_score, iou_matrix, main_face, match_boxes
from mien.endtoend.records import EndToEndRun, FaceRecord, FalseFace
from mien.endtoend.scenes import SceneSource
from mien.endtoend.score import score_detections, score_faces
from mien.face_results import DetectionScore
from mien.labels import LabelSet
from mien.types import CropRule, FaceDetector, Faces, Image, Scene

Classify = Callable[[list[Image]], NDArray[np.float32]]
"""From N face crops of unequal sizes, uint8 RGB, to (N, K) float32 probabilities."""


def run_end_to_end(
    scenes: SceneSource, detector: FaceDetector, classify: Classify, labels: LabelSet, rule: CropRule
) -> EndToEndRun:
    """Score a detector and a classifier together on whole photos.

    A scene's true boxes are matched to detections by overlap; without boxes the largest detection is the photo's main
    face. Only matched faces are classified. Scenes pass one at a time; crops wait for a batch.

    Args:
        scenes: Photos with known faces.
        detector: Finds the faces.
        classify: Names their expressions; its columns are ``labels``.
        labels: The model's classes. Each of the scenes' classes must be among them.
        rule: How faces are seen and cut out; the model's own.

    Raises:
        LabelError: A class of the scenes is none of the model's; raised before any detection.
        DataError: The scenes hold no labelled face.
    """
    to_model = scenes.labels.mapping_to(labels)
    detector = as_ruled(detector, rule)
    batches = _Batches(classify, len(labels))
    matching = _Matching(scenes.tight)
    # Live display on a terminal only: logs and tests stay clean.
    console = Console(stderr=True)
    digest = hashlib.sha256()
    for index, scene in enumerate(
        track(scenes, "End to end", len(scenes), console=console, transient=True, disable=not console.is_terminal)
    ):
        _add(digest, scene, scenes.labels)
        found = detector.detect(scene.image)
        for n, (match, iou) in enumerate(matching.match(index, scene, found)):
            face = FaceRecord(
                scene=scene.key,
                scene_index=index,
                label=to_model[scene.labels[n]],
                true_box=None if scene.boxes is None else scene.boxes[n],
            )
            if match is None:
                batches.add_missed(face)
            else:
                face = replace(face, box=found.boxes[match], iou=iou, score=float(found.scores[match]))
                batches.add_found(face, crop_face(scene.image, found.boxes[match], found.landmarks[match], rule))
    faces = batches.finish()
    result = score_faces(faces, labels, scenes.name, detector.name, scenes.tight)
    result = replace(result, detection=matching.score(faces), fingerprint=digest.hexdigest())
    return EndToEndRun(result, faces, labels, tuple(matching.false_faces))


def fingerprint(scenes: SceneSource | None) -> str:
    """That of a result on these scenes: a SHA-256 hex digest over all pixels, labels and boxes; ``""`` for none."""
    if scenes is None:
        return ""
    digest = hashlib.sha256()
    for scene in scenes:
        _add(digest, scene, scenes.labels)
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", scene: Scene, labels: LabelSet) -> None:
    """Add a scene, and what is true of it, to a fingerprint."""
    names = [labels.names[label] for label in scene.labels]
    truth = f"{scene.image.shape} {names} {None if scene.boxes is None else scene.boxes.tolist()}\n"
    digest.update(truth.encode())
    digest.update(np.ascontiguousarray(scene.image).data)


class _Matching:
    """Tells who is who, scene by scene, and remembers all detections, by which the detector itself is scored.

    Args:
        tight: True boxes are face boxes; otherwise pictures around faces, which need less overlap.
    """

    def __init__(self, tight: bool) -> None:
        self.false_faces: list[FalseFace] = []
        self._tight = tight
        self._min_iou = MIN_IOU if tight else LOOSE_IOU
        self._scores: list[NDArray[np.float32]] = []
        self._hits: list[NDArray[np.bool_]] = []

    def match(self, index: int, scene: Scene, found: Faces) -> list[tuple[int | None, float | None]]:
        """For each true face its detection, ``None`` for a miss, and the overlap where that says something."""
        if scene.boxes is None:
            return [(main_face(found.boxes), None)]
        overlap = iou_matrix(scene.boxes, found.boxes)
        matches = match_boxes(overlap, self._min_iou)
        self._scores.append(found.scores)
        self._hits.append(hits_by_score(overlap, found.scores, self._min_iou))
        for other in sorted(set(range(len(found))) - set(matches)):
            self.false_faces.append(FalseFace(index, found.boxes[other], float(found.scores[other])))
        return [
            (match, float(overlap[n, match]) if self._tight and match is not None else None)
            for n, match in enumerate(matches)
        ]

    def score(self, faces: Sequence[FaceRecord]) -> DetectionScore | None:
        """The detector's scores, ``None`` where the scenes had no boxes."""
        if not self._scores:
            return None
        scores, hits = np.concatenate(self._scores).astype(np.float64), np.concatenate(self._hits)
        return score_detections(scores, hits, len(faces), sum(face.detected for face in faces), self._min_iou)


class _Batches:
    """Collects the records of all faces, and classifies the found ones in batches."""

    def __init__(self, classify: Classify, classes: int) -> None:
        self._classify = classify
        self._classes = classes
        self._faces: list[FaceRecord] = []
        self._waiting: dict[int, Image] = {}  # crops by their face's position in _faces

    def add_missed(self, face: FaceRecord) -> None:
        self._faces.append(face)

    def add_found(self, face: FaceRecord, crop: Image) -> None:
        self._waiting[len(self._faces)] = crop
        self._faces.append(face)
        if enough(self._waiting.values()):
            self._flush()

    def finish(self) -> tuple[FaceRecord, ...]:
        self._flush()
        return tuple(self._faces)

    def _flush(self) -> None:
        if not self._waiting:
            return
        probabilities = np.asarray(self._classify(list(self._waiting.values())), np.float32)
        expected = (len(self._waiting), self._classes)
        if probabilities.shape != expected:
            raise ValueError(f"classify: expected probabilities of shape {expected}, got {probabilities.shape}")
        for position, row in zip(self._waiting, probabilities, strict=True):
            self._faces[position] = replace(self._faces[position], probabilities=row)
        self._waiting.clear()
