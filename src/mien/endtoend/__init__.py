"""The end-to-end stage: whole photos in, faces found, cropped and classified, scored against the truth."""

from mien.endtoend.records import EndToEndRun, FaceRecord
from mien.endtoend.scenes import SceneSource, build_scenes
from mien.endtoend.sheet import draw_sheet
from mien.endtoend.stage import run_end_to_end

__all__ = ["EndToEndRun", "FaceRecord", "SceneSource", "build_scenes", "draw_sheet", "run_end_to_end"]
