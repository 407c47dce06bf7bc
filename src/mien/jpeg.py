"""What JPEG compression does to a batch of images, computed without files and on any device.

The lossy steps of a baseline JPEG encoder and decoder, as in libjpeg with its defaults: JFIF's colour space, chroma
halved both ways (4:2:0), 8x8 cosine transforms, rounding to multiples of the tables of ITU-T T.81 (1992), annex K,
scaled by the quality as libjpeg does, and back, chroma enlarged linearly. The lossless coding in between is left out.
"""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from mien.devices import send

_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    *(99,) * 32,
)  # fmt: skip
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def compress(images: Tensor, quality: Tensor) -> Tensor:
    """Compress and decompress.

    Args:
        images: (B, 3, H, W) RGB or (B, 1, H, W) gray, floats in 0..1; H and W may be odd.
        quality: (B,) int64 in 1..100, each image's quality in libjpeg's scale.

    Returns:
        (B, C, H, W) in the dtype of ``images``: multiples of 1/255 in 0..1.
    """
    height, width = images.shape[2:]
    colour = images.shape[1] == 3
    levels = (images.float() * 255).round()
    unit = 16 if colour else 8
    levels = functional.pad(levels, (0, -width % unit, 0, -height % unit), mode="replicate")
    planes = (_ycc(levels) if colour else levels) - 128
    scale = torch.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    luma = _coarsen(planes[:, :1], _table(_LUMA, scale, images.device))
    if colour:
        chroma = _coarsen(functional.avg_pool2d(planes[:, 1:], 2).round(), _table(_CHROMA, scale, images.device))
        chroma = functional.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False).round()
        luma = _rgb(torch.cat([luma, chroma], 1))
    levels = (luma + 128).round().clamp(0, 255)
    return (levels[:, :, :height, :width] / 255).to(images.dtype)


def _table(base: tuple[int, ...], scale: Tensor, device: torch.device) -> Tensor:
    """(B, 1, 1, 64) the steps to which the 64 coefficients of a block are rounded."""
    steps = (torch.tensor(base, device=scale.device) * scale.unsqueeze(1) + 50) // 100
    return send(steps.clamp(1, 255).view(-1, 1, 1, 64).float(), device)


def _coarsen(planes: Tensor, steps: Tensor) -> Tensor:
    """Round the cosine coefficients of every 8x8 block of (B, C, H, W); back as whole numbers in -128..127."""
    b, c, h, w = planes.shape
    transform = send(_cosines(), planes.device)
    blocks = planes.view(b, c, h // 8, 8, w // 8, 8).transpose(3, 4).reshape(b, c, -1, 64)
    coefficients = (blocks @ transform.T / steps).round() * steps
    blocks = (coefficients @ transform).round().clamp(-128, 127)
    return blocks.view(b, c, h // 8, w // 8, 8, 8).transpose(3, 4).reshape(b, c, h, w)


@cache
def _cosines() -> Tensor:
    """(64, 64) orthonormal: a block of 8x8 pixels, row by row, to its cosine coefficients."""
    k = torch.arange(8, dtype=torch.float64)
    rows = torch.cos(torch.pi / 8 * k.unsqueeze(1) * (k + 0.5)) / 2
    rows[0] /= 2**0.5
    return torch.kron(rows, rows).float()


def _ycc(rgb: Tensor) -> Tensor:
    """(B, 3, H, W) RGB to Y, Cb, Cr, whole numbers in 0..255."""
    ycc = torch.einsum("ij,bjhw->bihw", rgb.new_tensor(_TO_YCC), rgb)
    ycc[:, 1:] += 128
    return ycc.round().clamp_(0, 255)


def _rgb(ycc: Tensor) -> Tensor:
    """The inverse of :func:`_ycc`; all three less 128."""
    y, cb, cr = ycc.unbind(1)
    return torch.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], 1)
