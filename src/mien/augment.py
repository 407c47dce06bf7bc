"""Random changes of training images, a batch at a time, on whatever device the batch lives.

Rotation, zoom, shift, flip and crop are one affine map and one ``grid_sample``, so an image is resampled once.
All random numbers come from the generator given, drawn on the CPU: the same seed gives the same batches on any
device.
"""

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from mien.config.schema import AugmentConfig

_GRAY = (0.299, 0.587, 0.114)  # ITU-R 601 luma, as Pillow's "L"


class Augment(nn.Module):
    """The train-time augmentation: (B, C, H, W) floats in 0..1 to the same shape and range.

    Args:
        config: Ranges and probabilities; a range of 0 switches a change off.
        size: Side that images leave with; larger ones are resized (bilinear, antialiased) after the affine map.
    """

    def __init__(self, config: AugmentConfig, size: int) -> None:
        super().__init__()
        self.config = config
        self.size = size

    def forward(self, images: Tensor, generator: Generator) -> Tensor:
        """Augment a batch, with parameters of its own for every image."""
        c = self.config
        if c.rotate or c.scale or c.shift or c.flip or c.crop:
            images = self._warp(images, generator)
        if images.shape[-1] != self.size:
            images = resize(images, self.size)
        if c.brightness or c.contrast or c.gray:
            images = self._colour(images, generator)
        if c.erase:
            images = self._erase(images, generator)
        return images

    def _warp(self, images: Tensor, generator: Generator) -> Tensor:
        c = self.config
        theta = self._affine(len(images), generator).to(images.device, images.dtype)
        return functional.grid_sample(
            images, _grid(theta, images.shape[-1]), c.interpolation, c.padding, align_corners=False
        )

    def _affine(self, n: int, generator: Generator) -> Tensor:
        """(n, 2, 3) maps from where a pixel goes to where it comes from, xy, the image being -1..1 on both axes."""
        c = self.config
        angle = torch.deg2rad(_uniform(n, c.rotate, generator))
        zoom = 1 + _uniform(n, c.scale, generator)
        shift = 2 * torch.stack([_uniform(n, c.shift, generator), _uniform(n, c.shift, generator)])  # side = 2
        mirror = torch.where(_chance(n, c.flip, generator), -1.0, 1.0)
        cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
        rows = [torch.stack([cos * mirror, -sin, shift[0]], 1), torch.stack([sin * mirror, cos, shift[1]], 1)]
        theta = torch.stack(rows, 1)
        if c.crop:  # the square side * [-1, 1] + corner takes the whole image's place
            side = 1 - c.crop * torch.rand(n, 1, generator=generator)
            place = (1 - side) * (2 * torch.rand(n, 2, generator=generator) - 1)
            theta = theta * side.unsqueeze(2) + functional.pad(place.unsqueeze(2), (2, 0))
        return theta

    def _colour(self, images: Tensor, generator: Generator) -> Tensor:
        c, n = self.config, len(images)
        brightness = _column(1 + _uniform(n, c.brightness, generator), images)
        contrast = _column(1 + _uniform(n, c.contrast, generator), images)
        mean = images.mean((1, 2, 3), keepdim=True)
        images = images * (contrast * brightness) + mean * (1 - contrast) * brightness
        if c.gray and images.shape[1] == 3:
            luma = (images * images.new_tensor(_GRAY).view(1, 3, 1, 1)).sum(1, keepdim=True)
            images = images.lerp(luma, _column(_chance(n, c.gray, generator), images))
        return images.clamp(0, 1)

    def _erase(self, images: Tensor, generator: Generator) -> Tensor:
        n, side = len(images), images.shape[-1]
        area = 0.02 + 0.18 * torch.rand(n, generator=generator)
        aspect = torch.exp(_uniform(n, 1.0, generator))
        half = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()]).clamp(max=1) * side / 2
        centre = torch.rand(2, n, generator=generator) * side
        inside = torch.arange(side).view(1, 1, side) + 0.5 - centre.unsqueeze(2)
        rows, columns = inside.abs() < half.unsqueeze(2)
        hole = rows.unsqueeze(2) & columns.unsqueeze(1) & _chance(n, self.config.erase, generator).view(n, 1, 1)
        return images.masked_fill(hole.unsqueeze(1).to(images.device), 0.5)


def _grid(theta: Tensor, side: int) -> Tensor:
    """``affine_grid`` of (n, 2, 3) maps, (n, side, side, 2): a sum of rows and columns instead of its matrix product.

    That product is slow on the CPU, and coarse where matrix products are rounded to TF32.
    """
    ticks = ((2 * torch.arange(side, device=theta.device) + 1) / side - 1).to(theta.dtype).view(side, 1)
    across = ticks * theta[:, None, :, 0]
    down = ticks * theta[:, None, :, 1] + theta[:, None, :, 2]
    return across.unsqueeze(1) + down.unsqueeze(2)


def resize(images: Tensor, size: int) -> Tensor:
    """Resize square images (B, C, H, H) to (B, C, ``size``, ``size``): bilinear with antialiasing, as Pillow does."""
    return functional.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False)


def _uniform(n: int, reach: float, generator: Generator) -> Tensor:
    """(n,) uniform in -reach..reach."""
    return (2 * torch.rand(n, generator=generator) - 1) * reach


def _chance(n: int, probability: float, generator: Generator) -> Tensor:
    """(n,) bool, true with this probability."""
    return torch.rand(n, generator=generator) < probability


def _column(values: Tensor, like: Tensor) -> Tensor:
    """(n,) to (n, 1, 1, 1) on the device and in the dtype of ``like``."""
    return values.view(-1, 1, 1, 1).to(like.device, like.dtype)
