"""Drawn faces: a seeded renderer of faces and of whole scenes, the data set that needs no download.

An expression is a set of continuous action units (:mod:`~mien.data.drawn.expression`), a person a set of
proportions and colours (:mod:`~mien.data.drawn.person`); both are plain dataclasses, sampled by pure functions of a
NumPy generator and painted with Pillow. NumPy and Pillow only, so that worker processes start fast.
"""

from mien.data.drawn.expression import Expression, prototype, sample_expression
from mien.data.drawn.faces import DrawnFaces
from mien.data.drawn.person import Identity, Pose, sample_identity, sample_pose
from mien.data.drawn.scenes import draw_scene
from mien.data.drawn.sheet import contact_sheet

__all__ = [
    "DrawnFaces",
    "Expression",
    "Identity",
    "Pose",
    "contact_sheet",
    "draw_scene",
    "prototype",
    "sample_expression",
    "sample_identity",
    "sample_pose",
]
