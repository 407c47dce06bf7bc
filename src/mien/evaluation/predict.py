"""Prediction: images to probabilities. The one way there is, for tests, whole photos and use."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.data.decode import Decoded
from mien.data.prepare import prepare, squeeze
from mien.labels import LabelSet
from mien.models.bundle import Bundle
from mien.models.normalise import Normalise
from mien.types import Image

BATCH = 256


class Predictor:
    """A bundle's model on a device.

    An image's result does not depend on the others of its batch: the network is in eval mode throughout.

    Args:
        bundle: The model.
        device: Where it runs, in torch's spelling.
    """

    def __init__(self, bundle: Bundle, device: str = "cpu") -> None:
        self.labels: LabelSet = bundle.labels
        self._prepare_face = squeeze if bundle.crop.preprocess == "study_a" else prepare
        self.spec, self.views, self.device = bundle.spec, bundle.views, torch.device(device)
        self.classifier = bundle.classifier.to(self.device).to(memory_format=torch.channels_last).eval()
        self.normalise = Normalise(bundle.spec).to(self.device)

    def images(self, images: list[Image]) -> NDArray[np.float32]:
        """Probabilities (N, K) of N images of any sizes, each (H, W, 3) uint8 RGB, prepared as in training."""
        return self._prepared([prepare(image, self.views.prepared, self.spec.channels) for image in images])

    def faces(self, crops: list[Image]) -> NDArray[np.float32]:
        """Probabilities (N, K) of N faces cut out of photos by the bundle's crop rule.

        The same as :meth:`images`, but for bundles whose rule has a preprocess of its own.

        Args:
            crops: What :func:`mien.detection.crop.crop_face` gives: each (h, w, 3) uint8 RGB, of any sizes.
        """
        return self._prepared([self._prepare_face(crop, self.views.prepared, self.spec.channels) for crop in crops])

    @torch.inference_mode()
    def arrays(self, images: NDArray[np.uint8] | Decoded) -> NDArray[np.float32]:
        """Probabilities (N, K) of prepared images (N, C, P, P) uint8, P being ``views.prepared``, a batch at a time."""
        starts = range(0, len(images), BATCH)
        parts = [self._batch(torch.from_numpy(images[start : start + BATCH])) for start in starts]
        return torch.cat(parts).cpu().numpy()

    def _prepared(self, images: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        return self.arrays(np.stack(images)) if images else np.zeros((0, len(self.labels)), np.float32)

    def _batch(self, images: Tensor) -> Tensor:
        views = self.views.of(images.to(self.device))
        return torch.stack([self.classifier(self.normalise(view)).float().softmax(1) for view in views]).mean(0)
