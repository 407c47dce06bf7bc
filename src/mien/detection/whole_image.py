"""The detector for pictures that are faces already: it takes all of each."""

import numpy as np

from mien.types import Faces, Image


class WholeImageDetector:
    """One face a picture: the whole picture, score 1, landmarks unknown."""

    name = "whole_image"

    def detect(self, image: Image) -> Faces:
        """One face whose box is (0, 0, W, H); landmarks are NaN."""
        height, width = image.shape[:2]
        return Faces(
            boxes=np.array([[0, 0, width, height]], np.float32),
            scores=np.ones(1, np.float32),
            landmarks=np.full((1, 5, 2), np.nan, np.float32),
        )
