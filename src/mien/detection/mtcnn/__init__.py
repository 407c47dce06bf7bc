"""MTCNN: the cascade is mien's own, its weights are facenet-pytorch's. Importing it loads no torch."""

from mien.detection.mtcnn.detector import MtcnnDetector

__all__ = ["MtcnnDetector"]
