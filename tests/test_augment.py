"""Batched augmentation: exact where it can be, seeded, per sample."""

import math

import pytest
import torch
from torchvision.transforms.functional import InterpolationMode, resize, rotate

from mien.augment import Augment
from mien.config.schema import AugmentConfig

IMAGES = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def augment(config, images=IMAGES, seed=0, size=16):
    return Augment(config, size)(images, torch.Generator().manual_seed(seed))


def test_nothing_asked_nothing_changed():
    assert torch.equal(augment(AugmentConfig()), IMAGES)


def test_the_same_seed_gives_the_same_batch_and_another_one_another():
    config = AugmentConfig(rotate=10, scale=0.1, shift=0.1, flip=0.5, brightness=0.2, contrast=0.2, gray=0.5, erase=0.5)
    assert torch.equal(augment(config), augment(config))
    assert not torch.equal(augment(config), augment(config, seed=1))


def test_a_certain_flip_is_a_mirror_image():
    assert torch.allclose(augment(AugmentConfig(flip=1.0)), IMAGES.flip(3), atol=1e-6)


def test_every_image_gets_parameters_of_its_own():
    same = IMAGES[:1].expand(4, -1, -1, -1)
    out = augment(AugmentConfig(rotate=30), same)
    assert not torch.allclose(out[0], out[1])


def test_rotation_is_torchvisions():
    draws = torch.rand(4, generator=torch.Generator().manual_seed(0))
    angles = [math.degrees(math.radians(float(2 * draw - 1) * 10)) for draw in draws]
    out = augment(AugmentConfig(rotate=10, interpolation="nearest", padding="zeros"))
    expected = torch.stack([rotate(i, a, InterpolationMode.NEAREST) for i, a in zip(IMAGES, angles, strict=True)])
    share = (out - expected).abs().amax(1).gt(1e-6).float().mean()
    assert share < 0.01  # pixels whose source lies on the border of two may fall either way


def test_study_as_whole_chain_is_torchvisions():
    """Rotate 10 (nearest, black) at 80 px, mirror, resize to 64, as its PIL transforms did, but for rounding."""
    images = torch.rand(4, 3, 80, 80, generator=torch.Generator().manual_seed(2))
    smooth = resize(resize(images, [8, 8], antialias=True), [80, 80])
    config = AugmentConfig(rotate=10, flip=1.0, interpolation="nearest", padding="zeros")
    out = augment(config, smooth, size=64)
    draws = torch.rand(4, generator=torch.Generator().manual_seed(0))
    angles = [float(2 * draw - 1) * 10 for draw in draws]
    turned = [rotate(image, angle, InterpolationMode.NEAREST) for image, angle in zip(smooth, angles, strict=True)]
    expected = resize(torch.stack(turned).flip(3), [64, 64], antialias=True)
    assert (out - expected).abs().mean() < 0.002


def test_larger_images_leave_at_the_input_size():
    out = augment(AugmentConfig(), size=8)
    assert torch.allclose(out, resize(IMAGES, [8, 8], antialias=True), atol=1e-6)


def test_certain_gray_has_equal_channels():
    out = augment(AugmentConfig(gray=1.0))
    assert torch.allclose(out[:, 0], out[:, 2])
    luma = 0.299 * IMAGES[:, 0] + 0.587 * IMAGES[:, 1] + 0.114 * IMAGES[:, 2]
    assert torch.allclose(out[:, 1], luma, atol=1e-5)


def test_erasing_blanks_a_share_of_the_area():
    blank = (augment(AugmentConfig(erase=1.0), IMAGES.expand(4, -1, -1, -1).repeat(64, 1, 1, 1)) == 0.5).all(1)
    share = blank.float().mean((1, 2))
    assert 0.04 < share.mean() < 0.2
    assert share.max() <= 0.25


def test_colours_stay_in_range():
    out = augment(AugmentConfig(brightness=1.0, contrast=1.0))
    assert out.min() >= 0
    assert out.max() <= 1


@pytest.mark.parametrize("padding", ["border", "reflection", "zeros"])
def test_padding(padding):
    white = torch.ones(4, 1, 16, 16)
    smallest = augment(AugmentConfig(shift=0.5, padding=padding), white).min()
    assert float(smallest) == (0.0 if padding == "zeros" else pytest.approx(1.0))
