"""Random changes of training images, a batch at a time, on whatever device the batch lives.

The changes come in the order in which a picture meets them: the face's place in its box (rotation, zoom, shift, flip
and crop are one affine map and one ``grid_sample``, so an image is resampled once), the lens (blur), the sensor (low
resolution, brightness, contrast, gray), the file (JPEG); at last, a part is erased.

All random numbers come from the generator given, drawn on the CPU: the same seed gives the same batches on any
device. A group of changes that are all off draws none.
"""

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from mien.config.schema import AugmentConfig
from mien.devices import send
from mien.jpeg import compress

_BLUR = 0.02  # largest sigma, as a share of the side
_SMALLEST = 0.25  # of the side, at a low resolution
_QUALITY = (20, 90)  # of JPEG
_GRAY = (0.299, 0.587, 0.114)  # ITU-R 601 luma, as Pillow's "L"


class Augment(nn.Module):
    """The train-time augmentation: (B, C, H, W) floats in 0..1 to the same shape and range.

    Args:
        config: Ranges and probabilities; a range of 0 switches a change off.
        size: Side that images leave with; after the affine map larger ones are cut to it at a random place, or resized
            (bilinear, antialiased).
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
            images = cut(images, self.size, generator) if c.cut else resize(images, self.size)
        if c.blur or c.low_resolution:
            images = self._soften(images, generator)
        if c.brightness or c.contrast or c.gray:
            images = self._colour(images, generator)
        if c.jpeg:
            images = self._compress(images, generator)
        if c.erase:
            images = self._erase(images, generator)
        return images

    def _warp(self, images: Tensor, generator: Generator) -> Tensor:
        c = self.config
        theta = send(self._affine(len(images), generator).to(images.dtype), images.device)
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

    def _soften(self, images: Tensor, generator: Generator) -> Tensor:
        """Blur, then a low resolution; both are linear in rows and in columns, so one matrix an image does both."""
        c, n, side = self.config, len(images), images.shape[-1]
        sigma = _BLUR * side * torch.rand(n, generator=generator) * _chance(n, c.blur, generator)
        scale = 1 - (1 - _SMALLEST) * torch.rand(n, generator=generator) * _chance(n, c.low_resolution, generator)
        small = (scale * side).round().clamp(min=1)
        chosen = torch.nonzero((sigma > 0) | (small < side)).flatten()
        if not len(chosen):
            return images
        sigma, small = (send(values[chosen].to(images.dtype), images.device) for values in (sigma, small))
        matrices = (fewer_pixels(small, side) @ gaussian(sigma, side)).unsqueeze(1)
        chosen = send(chosen, images.device)
        return images.index_copy(0, chosen, (matrices @ images[chosen] @ matrices.mT).clamp(0, 1))

    def _colour(self, images: Tensor, generator: Generator) -> Tensor:
        c, n = self.config, len(images)
        brightness = _column(1 + _uniform(n, c.brightness, generator), images)
        contrast = _column(1 + _uniform(n, c.contrast, generator), images)
        mean = images.mean((1, 2, 3), keepdim=True)
        images = images * (contrast * brightness) + mean * (1 - contrast) * brightness
        if c.gray and images.shape[1] == 3:
            luma = (images * _column(torch.tensor(_GRAY), images).view(1, 3, 1, 1)).sum(1, keepdim=True)
            images = images.lerp(luma, _column(_chance(n, c.gray, generator), images))
        return images.clamp(0, 1)

    def _compress(self, images: Tensor, generator: Generator) -> Tensor:
        chosen = _chance(len(images), self.config.jpeg, generator)
        low, high = _QUALITY
        quality = torch.randint(low, high + 1, (len(images),), generator=generator)[chosen]
        chosen = send(torch.nonzero(chosen).flatten(), images.device)
        return images.index_copy(0, chosen, compress(images[chosen], quality)) if len(chosen) else images

    def _erase(self, images: Tensor, generator: Generator) -> Tensor:
        n, side = len(images), images.shape[-1]
        area = 0.02 + 0.18 * torch.rand(n, generator=generator)
        aspect = torch.exp(_uniform(n, 1.0, generator))
        half = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()]).clamp(max=1) * side / 2
        centre = torch.rand(2, n, generator=generator) * side
        inside = torch.arange(side).view(1, 1, side) + 0.5 - centre.unsqueeze(2)
        rows, columns = inside.abs() < half.unsqueeze(2)
        hole = rows.unsqueeze(2) & columns.unsqueeze(1) & _chance(n, self.config.erase, generator).view(n, 1, 1)
        return images.masked_fill(send(hole.unsqueeze(1), images.device), 0.5)


def _grid(theta: Tensor, side: int) -> Tensor:
    """``affine_grid`` of (n, 2, 3) maps, (n, side, side, 2): a sum of rows and columns instead of its matrix product.

    That product is slow on the CPU, and coarse where matrix products are rounded to TF32.
    """
    ticks = ((2 * torch.arange(side, device=theta.device) + 1) / side - 1).to(theta.dtype).view(side, 1)
    across = ticks * theta[:, None, :, 0]
    down = ticks * theta[:, None, :, 1] + theta[:, None, :, 2]
    return across.unsqueeze(1) + down.unsqueeze(2)


def gaussian(sigma: Tensor, side: int) -> Tensor:
    """Gaussian blurs of rows of ``side`` pixels; at the ends the weights are those of the pixels there are.

    Args:
        sigma: (n,) standard deviations in pixels; 0 changes nothing.
        side: Pixels of a row.

    Returns:
        (n, side, side) matrices from a row of pixels to the blurred row; their rows sum to 1.
    """
    place = torch.arange(side, device=sigma.device, dtype=sigma.dtype)
    distance = (place - place.unsqueeze(1)) / sigma.clamp(min=0.01).view(-1, 1, 1)
    weights = torch.exp(-(distance**2) / 2)
    return weights / weights.sum(2, keepdim=True)


def fewer_pixels(small: Tensor, side: int) -> Tensor:
    """Rows of ``side`` pixels made smaller (bilinear, antialiased, as :func:`resize`) and enlarged again (bilinear).

    Args:
        small: (n,) whole numbers of pixels in 1..side; ``side`` changes nothing.
        side: Pixels of a row.

    Returns:
        (n, side, side) matrices from a row of pixels to the coarser row; their rows sum to 1.
    """
    small = small.view(-1, 1, 1)
    place = torch.arange(side, device=small.device, dtype=small.dtype)
    ratio = side / small
    centre = (place.view(-1, 1) + 0.5) * ratio - 0.5  # of each small pixel; those from `small` on are not used
    down = (1 - (place - centre).abs() / ratio).clamp(min=0)
    down = down / down.sum(2, keepdim=True).clamp(min=1e-6)
    source = ((place.view(-1, 1) + 0.5) / ratio - 0.5).clamp(min=0).minimum(small - 1)
    return (1 - (source - place).abs()).clamp(min=0) @ down


def resize(images: Tensor, size: int) -> Tensor:
    """Resize square images (B, C, H, H) to (B, C, ``size``, ``size``): bilinear with antialiasing, as Pillow does."""
    return functional.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False)


def cut(images: Tensor, size: int, generator: Generator) -> Tensor:
    """Squares of ``size`` pixels out of (B, C, H, H), each at a place of its own, as torchvision's ``RandomCrop``."""
    top, left = send(torch.randint(images.shape[-1] - size + 1, (2, len(images)), generator=generator), images.device)
    places = images.unfold(2, size, 1).unfold(3, size, 1)  # (B, C, tops, lefts, size, size), nothing copied
    return places[torch.arange(len(images), device=images.device), :, top, left]


def _uniform(n: int, reach: float, generator: Generator) -> Tensor:
    """(n,) uniform in -reach..reach."""
    return (2 * torch.rand(n, generator=generator) - 1) * reach


def _chance(n: int, probability: float, generator: Generator) -> Tensor:
    """(n,) bool, true with this probability."""
    return torch.rand(n, generator=generator) < probability


def _column(values: Tensor, like: Tensor) -> Tensor:
    """(n,) to (n, 1, 1, 1) on the device and in the dtype of ``like``."""
    return send(values.view(-1, 1, 1, 1).to(like.dtype), like.device)
