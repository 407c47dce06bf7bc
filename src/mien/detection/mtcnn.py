"""MTCNN (Zhang et al. 2016, arXiv:1604.02878), with the networks and weights of facenet-pytorch 2.5.3."""

import numpy as np

from mien.types import Faces, Image

_CELL = 12
"""Side in pixels of what the first network sees; the reference's image pyramid ends where a level is smaller."""


class MtcnnDetector:
    """Faces with five landmarks, by a cascade of three small networks.

    Thresholds (0.6, 0.7, 0.7) and pyramid factor (0.709) are those of facenet-pytorch.

    Args:
        min_face_size: Smallest face in pixels; doubling it makes the search about four times faster.
        min_score: Faces with a lower score of the last network are dropped, 0..1.
        device: Where the networks run, in torch's spelling.
    """

    name = "mtcnn"

    def __init__(self, min_face_size: int = 20, min_score: float = 0.9, device: str = "cpu") -> None:
        # Imported here: it brings torch along, which reports and other detectors do without.
        import torch
        from facenet_pytorch import MTCNN

        self.min_face_size = min_face_size
        self.min_score = min_score
        self._network = MTCNN(min_face_size=min_face_size, keep_all=True, device=torch.device(device)).eval()

    def detect(self, image: Image) -> Faces:
        """The faces of one picture, best score first.

        Args:
            image: (H, W, 3) uint8 RGB. Where its shorter side is below ``min_face_size`` there is no face.

        Returns:
            Boxes as the network gives them: they may reach over the image's edge.
        """
        if min(image.shape[:2]) * (_CELL / self.min_face_size) < _CELL:  # an empty pyramid crashes the reference
            return Faces.none()
        boxes, scores, landmarks = self._network.detect(image, landmarks=True)
        if boxes is None:
            return Faces.none()
        scores = np.asarray(scores, np.float32)
        best_first = np.argsort(-scores, kind="stable")
        kept = best_first[scores[best_first] >= self.min_score]
        return Faces(
            boxes=np.asarray(boxes, np.float32)[kept],
            scores=scores[kept],
            landmarks=np.asarray(landmarks, np.float32)[kept],
        )
