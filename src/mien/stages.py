"""What trainings, evaluations and ensembles have in common: which images are seen, and what is scored."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mien.audit import known_copies
from mien.config.evaluate import EvaluateConfig
from mien.config.schema import Config
from mien.data.decode import Decoded, Decoder
from mien.data.source import Part
from mien.detection import build_detector, crop_rule
from mien.detection.face_reader import FaceFinder
from mien.endtoend.scenes import build_scenes
from mien.errors import ConfigError, LabelError
from mien.labels import LabelSet
from mien.opening import Opened
from mien.scoring import Crops, Exam, Photos
from mien.types import CropRule, FaceDetector, InputSpec, SplitName
from mien.world import device_of


def photos_of(config: Config, labels: LabelSet) -> Photos:
    """The whole photos of the end-to-end stage and the detector; nothing is decoded.

    Raises:
        LabelError: The photos have a class that is none of ``labels``.
    """
    scenes = build_scenes(config.scenes, labels)
    if scenes is not None:
        try:
            scenes.labels.mapping_to(labels)
        except LabelError as error:
            raise LabelError(f"scenes={config.scenes.name}: {error}; scenes=none goes without the stage") from error
    return scenes, build_detector(config.detector, device_of(config.trainer.accelerator))


def cut_faces(
    parts: Mapping[SplitName, Part], config: Config | EvaluateConfig, detector: FaceDetector, rule: CropRule
) -> Mapping[SplitName, Part]:
    """The parts as they are, or cut down to the faces in them: as ``dataset.faces`` says.

    Raises:
        ConfigError: Faces are to be found, and the model has a preprocess of its own.
    """
    if config.dataset.faces == "given":
        return parts
    if rule.preprocess != "standard":
        raise ConfigError([f"dataset.faces=detected: the model has crop.preprocess={rule.preprocess}; use given"])
    return FaceFinder(detector, config.detector, config.dataset.cache).cut_out(parts, rule)


def decode(
    config: Config, parts: Mapping[SplitName, Part], spec: InputSpec, detector: FaceDetector
) -> dict[SplitName, Decoded]:
    """The images of some parts, at the size that the network or its ten crops want."""
    faces = cut_faces(parts, config, detector, crop_rule(config.crop))
    prepared = replace(spec, size=config.protocol.ten_crop or spec.size)
    return Decoder.of(config.dataset, prepared).decode_parts(faces, config.dataset.decode_size)


def exam_of(config: Config, opened: Opened, decoded: Mapping[SplitName, Decoded], photos: Photos) -> Exam:
    """What a model is scored on, and the selection split where that is another part."""
    chosen_on = config.protocol.selection
    selection = None if chosen_on in ("none", opened.split) else decoded[SplitName(chosen_on)]
    return Exam(crops_of(config.output, opened, decoded[opened.split]), *photos, selection)


def crops_of(output: str, opened: Opened, decoded: Decoded) -> Crops:
    """The part that is scored, with what is known of its copies in train."""
    copies = known_copies(Path(output), opened.source.spec().fingerprint, opened.split)
    return Crops(opened.source, opened.split, decoded, opened.leaks, copies, opened.own)
