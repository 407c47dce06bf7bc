"""Test-time augmentation: the views of an image over which probabilities are averaged."""

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor


@dataclass(frozen=True)
class Views:
    """How an image is looked at in evaluation.

    Attributes:
        size: Side of the network's input in pixels.
        flip: Whether the mirror image is a view too; for ten crops it always is.
        ten_crop: Side in pixels that images are prepared at for ten crops; 0: they are prepared at ``size``, one view.
    """

    size: int
    flip: bool = False
    ten_crop: int = 0

    @property
    def prepared(self) -> int:
        """Side in pixels that images are prepared at."""
        return self.ten_crop or self.size

    def of(self, images: Tensor) -> list[Tensor]:
        """The views of prepared images.

        With ``ten_crop`` the four corners and the centre, and the same of the mirror image: the ten of torchvision's
        ``ten_crop``.

        Args:
            images: (B, C, P, P) of any dtype, P being ``prepared``.

        Returns:
            1, 2 or 10 tensors (B, C, ``size``, ``size``).
        """
        if not self.ten_crop:
            return [images, images.flip(3)] if self.flip else [images]
        return self._five(images) + self._five(images.flip(3))

    def centre(self, images: Tensor) -> Tensor:
        """The plain view: prepared images (B, C, P, P) to their centres (B, C, ``size``, ``size``)."""
        start = round((self.prepared - self.size) / 2)
        return self._cut(images, start, start)

    def _five(self, images: Tensor) -> list[Tensor]:
        far = self.ten_crop - self.size
        return [*(self._cut(images, top, left) for top in (0, far) for left in (0, far)), self.centre(images)]

    def _cut(self, images: Tensor, top: int, left: int) -> Tensor:
        return images[..., top : top + self.size, left : left + self.size]


def mean_log_probability(logits: list[Tensor]) -> Tensor:
    """The logarithm of the views' mean probability, which serves as logits.

    Args:
        logits: One (B, K) tensor a view.

    Returns:
        (B, K); the logits themselves, untouched, where there is one view.
    """
    if len(logits) == 1:
        return logits[0]
    logs = torch.stack([view.float().log_softmax(1) for view in logits])
    return logs.logsumexp(0) - log(len(logits))
