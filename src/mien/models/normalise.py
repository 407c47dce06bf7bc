"""Normalisation: the last step of preprocessing, and the first layer of every network."""

import torch
from torch import Tensor, nn

from mien.types import InputSpec


class Normalise(nn.Module):
    """Images (B, C, S, S), uint8 0..255 or float 0..1, to ``(x - mean) / std``.

    Args:
        spec: Its mean and standard deviation, one value a channel.
        channels_last: Whether the result lies in memory channels-last.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, spec: InputSpec, channels_last: bool = True) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(spec.mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(-1, 1, 1), persistent=False)
        self.format = torch.channels_last if channels_last else torch.contiguous_format

    def forward(self, images: Tensor) -> Tensor:
        """The normalised batch, float32."""
        unit = images.float() / 255 if images.dtype == torch.uint8 else images
        return ((unit - self.mean) / self.std).contiguous(memory_format=self.format)
