"""JPEG without files, beside Pillow's own (libjpeg)."""

from io import BytesIO

import numpy as np
import PIL.Image
import pytest
import torch

from mien.data.drawn import DrawnFaces
from mien.jpeg import compress

FACES = DrawnFaces(8, 0, 64)


def by_pillow(image, quality):
    """(C, H, W) floats through Pillow's encoder and decoder, with its defaults."""
    pixels = (image * 255).round().to(torch.uint8).numpy().transpose(1, 2, 0)
    buffer = BytesIO()
    PIL.Image.fromarray(pixels.squeeze()).save(buffer, "JPEG", quality=quality)
    with PIL.Image.open(buffer) as picture:
        decoded = np.asarray(picture)
    return torch.from_numpy(decoded.reshape(pixels.shape).transpose(2, 0, 1).copy()).float() / 255


def faces(side=64, channels=3):
    """(8, C, side, side) drawn faces, cut to the size."""
    images = torch.from_numpy(np.stack([FACES.read(index) for index in range(8)])).permute(0, 3, 1, 2).float() / 255
    images = images[:, :, :side, :side]
    return images if channels == 3 else images[:, :1]


@pytest.mark.parametrize("quality", [20, 50, 75, 90])
@pytest.mark.parametrize(("side", "channels"), [(64, 3), (64, 1), (61, 1), (61, 3)])
def test_it_is_as_pillows(quality, side, channels):
    """To a fraction of a grey level, where the compression itself changes 2 to 8 of them.

    What is left are integer roundings inside libjpeg; colour has one more at each end.
    """
    images = faces(side, channels)
    expected = torch.stack([by_pillow(image, quality) for image in images])
    found = compress(images, torch.full((8,), quality))
    assert found.shape == images.shape
    off, done = ((a - expected).abs().mean() * 255 for a in (found, images))
    assert off < (0.7 if channels == 3 else 0.3)
    assert 2 < done < 9


def test_every_image_has_a_quality_of_its_own():
    images = faces()[:3]
    quality = torch.tensor([20, 90, 50])
    together = compress(images, quality)
    for index in range(3):
        assert torch.equal(together[index], compress(images[index : index + 1], quality[index : index + 1])[0])
    same = compress(images[:1].expand(3, -1, -1, -1), quality)
    off = (same - images[0]).abs().mean((1, 2, 3))
    assert off[1] < off[2] < off[0]


@pytest.mark.parametrize("quality", [1, 20, 100])
def test_gray_constant_blocks_stay_what_they_are(quality):
    """Mid-gray has no coefficient at all; other levels are rounded to the steps of the mean."""
    images = torch.full((2, 3, 9, 17), 128 / 255)
    images[1] = 200 / 255
    found = compress(images, torch.tensor([quality, quality]))
    assert torch.equal(found[0], images[0])
    step = {1: 255, 20: 40, 100: 1}[quality] / 8  # the tables' first entry, of a coefficient that is 8 times the mean
    assert (found[1] - images[1]).abs().max() * 255 <= step / 2 + 1e-3
    assert (found[1] == found[1, 0, 0, 0]).all()


def test_the_result_is_whole_levels_in_range():
    images = torch.rand(2, 3, 40, 24, generator=torch.Generator().manual_seed(0)).round()
    found = compress(images, torch.tensor([10, 60]))
    assert found.min() == 0
    assert found.max() == 1
    assert torch.allclose(found * 255, (found * 255).round(), atol=1e-4)
