"""Batched augmentation: exact where it can be, seeded, per sample."""

import math

import pytest
import torch
from torchvision.transforms import functional as pil
from torchvision.transforms.functional import InterpolationMode, gaussian_blur, resize, rotate

from mien.augment import Augment, fewer_pixels, gaussian
from mien.config.schema import AugmentConfig
from mien.jpeg import compress
from mien.models.normalise import Normalise
from mien.types import InputSpec

IMAGES = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def augment(config, images=IMAGES, seed=0, size=16):
    return Augment(config, size)(images, torch.Generator().manual_seed(seed))


def test_nothing_asked_nothing_changed():
    assert torch.equal(augment(AugmentConfig()), IMAGES)


def test_the_same_seed_gives_the_same_batch_and_another_one_another():
    warp = {"rotate": 10, "scale": 0.1, "shift": 0.1, "flip": 0.5, "crop": 0.3}
    photo = {"blur": 0.5, "low_resolution": 0.5, "jpeg": 0.5}
    config = AugmentConfig(**warp, **photo, brightness=0.2, contrast=0.2, gray=0.5, erase=0.5)
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


def study_a(image, angle, mirrored):
    """Study A's chain as it was written: torchvision's transforms of a Pillow image, here (3, 80, 80) uint8."""
    picture = pil.rotate(pil.to_pil_image(image), angle, InterpolationMode.NEAREST, fill=0)
    picture = pil.hflip(picture) if mirrored else picture
    picture = pil.center_crop(pil.resize(picture, 64), 64)
    return pil.normalize(pil.to_tensor(picture), [0.5] * 3, [0.5] * 3)


def test_study_as_whole_chain_is_torchvisions():
    """To one grey level of 255, as Pillow's resize rounds to whole ones, but for 0.5 % of the pixels.

    Those lie beside a pixel whose source is on the border of two, where Pillow's rotation, in fixed-point numbers, may
    take the other one. On noise, as here, such a pixel is as wrong as can be.
    """
    images = torch.randint(0, 256, (16, 3, 80, 80), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    config = AugmentConfig(rotate=10, flip=0.5, interpolation="nearest", padding="zeros")
    out = Normalise(InputSpec(64))(augment(config, images.float() / 255, size=64))
    draws = torch.rand(5, 16, generator=torch.Generator().manual_seed(0))  # angle, zoom, shift x, shift y, flip
    angles, mirrored = ((2 * draws[0] - 1) * 10).tolist(), (draws[4] < 0.5).tolist()
    expected = torch.stack([study_a(*one) for one in zip(images, angles, mirrored, strict=True)])
    levels = (out - expected).abs().amax(1) * 255 / 2  # a level is 2 / 255 after the normalisation
    assert levels.gt(1.001).float().mean() < 0.005
    assert levels.mean() < 0.6


def test_without_crop_and_mix_old_seeds_give_the_same_batches():
    """The numbers are drawn in this order: angle, zoom, shift x and y, flip, brightness, contrast; then for erasing."""
    draws = torch.rand(12, 64, generator=torch.Generator().manual_seed(0))
    out = augment(AugmentConfig(flip=0.5, brightness=0.5, erase=0.5), torch.full((64, 1, 16, 16), 0.25))
    lit = out.flatten(1).gather(1, (out.flatten(1) - 0.5).abs().argmax(1, keepdim=True)).squeeze(1)
    assert torch.allclose(lit, 0.25 * (0.5 + draws[5]), atol=1e-6)
    erased = (out == 0.5).flatten(1).any(1)
    assert torch.equal(erased, draws[11] < 0.5)


# The image whose two channels are a pixel's own x and y, -1..1 from edge to edge: it shows where a pixel comes from.
TICKS = (torch.arange(16) + 0.5) / 8 - 1
PLACES = torch.stack(torch.meshgrid(TICKS, TICKS, indexing="xy"))


def test_a_crop_is_the_square_drawn():
    """Bilinear sampling is exact on a ramp; what comes from outside the outermost pixels' centres is clamped there."""
    generator = torch.Generator().manual_seed(0)
    torch.rand(5, 64, generator=generator)  # angle, zoom, shift x and y, flip
    side = 1 - 0.6 * torch.rand(64, generator=generator).view(-1, 1, 1, 1)
    place = (1 - side) * (2 * torch.rand(64, 2, generator=generator) - 1).view(-1, 2, 1, 1)
    assert place.abs().add(side).max() <= 1  # inside the image
    out = augment(AugmentConfig(crop=0.6), PLACES.repeat(64, 1, 1, 1))
    assert torch.allclose(out, (side * PLACES + place).clamp(TICKS[0], TICKS[-1]), atol=1e-5)


def test_a_crop_is_taken_before_the_other_changes():
    """A mirror image is one of the crop, and a shift is a share of the crop's side."""
    crop = augment(AugmentConfig(crop=0.6))
    assert torch.allclose(augment(AugmentConfig(crop=0.6, flip=1.0)), crop.flip(3), atol=1e-5)
    shifted = augment(AugmentConfig(crop=0.6, shift=0.4), PLACES.repeat(4, 1, 1, 1))
    plain = augment(AugmentConfig(crop=0.6), PLACES.repeat(4, 1, 1, 1))
    generator = torch.Generator().manual_seed(0)
    draws = torch.rand(5, 4, generator=generator)
    side = 1 - 0.6 * torch.rand(4, generator=generator)
    moved = (shifted - plain)[:, :, 8, 8]
    assert torch.allclose(moved, (2 * 0.4 * (2 * draws[2:4] - 1) * side).T, atol=1e-5)


def test_larger_images_leave_at_the_input_size():
    out = augment(AugmentConfig(), size=8)
    assert torch.allclose(out, resize(IMAGES, [8, 8], antialias=True), atol=1e-6)


def test_a_cut_is_a_square_of_the_image_itself():
    """Every place is taken about as often as any other: 25 of them, 1,000 draws."""
    images = torch.arange(144.0).view(1, 1, 12, 12).repeat(1000, 1, 1, 1)
    out = augment(AugmentConfig(cut=True), images, size=8)
    corners = out[:, 0, 0, 0].long()
    top, left = corners // 12, corners % 12
    assert (top.min(), top.max(), left.min(), left.max()) == (0, 4, 0, 4)
    assert all(torch.equal(o[0], i[0, t : t + 8, x : x + 8]) for o, i, t, x in zip(out, images, top, left, strict=True))
    assert torch.bincount(top * 5 + left).min() >= 15
    assert torch.bincount(top * 5 + left).max() <= 70
    assert torch.equal(augment(AugmentConfig(cut=True), images, size=8), out)


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


def test_a_blur_is_a_gaussian_of_the_sigma_drawn():
    sigma = 0.02 * 64 * torch.rand(4, generator=torch.Generator().manual_seed(0))
    assert sigma.max() > 0.9  # pixels
    images = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    out = augment(AugmentConfig(blur=1.0), images, size=64)
    for image, blurred, width in zip(images, out, sigma.tolist(), strict=True):
        expected = gaussian_blur(image, [15, 15], [width, width])
        assert torch.allclose(blurred[:, 7:-7, 7:-7], expected[:, 7:-7, 7:-7], atol=1e-5)


def test_the_width_of_a_blur():
    """An impulse spreads to the variance of the Gaussian; the ends are no darker than the middle."""
    matrices = gaussian(torch.tensor([0.0, 1.0, 3.0]), 41)
    variance = (matrices[:, 20] * (torch.arange(41) - 20) ** 2).sum(1)
    assert torch.allclose(variance, torch.tensor([0.0, 1.0, 9.0]), atol=1e-3)
    assert torch.equal(matrices[0], torch.eye(41))
    assert torch.allclose(matrices.sum(2), torch.ones(3, 41), atol=1e-6)


def test_a_low_resolution_is_a_resize_there_and_back():
    generator = torch.Generator().manual_seed(0)
    torch.rand(2, 8, generator=generator)  # sigma, and whether there is a blur
    small = ((1 - 0.75 * torch.rand(8, generator=generator)) * 33).round().int().tolist()
    assert min(small) < 15
    images = torch.rand(8, 3, 33, 33, generator=torch.Generator().manual_seed(1))
    out = augment(AugmentConfig(low_resolution=1.0), images, size=33)
    for image, coarse, side in zip(images, out, small, strict=True):
        expected = resize(resize(image, [side, side], antialias=True), [33, 33], antialias=False)
        assert torch.allclose(coarse, expected, atol=1e-5)


def test_blur_and_low_resolution_follow_each_other():
    both = fewer_pixels(torch.tensor([5.0, 9.0]), 9) @ gaussian(torch.tensor([1.0, 1.0]), 9)
    assert torch.equal(both[1], gaussian(torch.tensor([1.0]), 9)[0])  # nine of nine pixels change nothing
    assert torch.allclose(both.sum(2), torch.ones(2, 9), atol=1e-6)
    flat = torch.rand(16, 3, 1, 1, generator=torch.Generator().manual_seed(1)).expand(-1, -1, 31, 31)
    assert torch.allclose(augment(AugmentConfig(blur=1.0, low_resolution=1.0), flat, size=31), flat, atol=1e-6)


def test_compression_is_at_the_quality_drawn():
    generator = torch.Generator().manual_seed(0)
    torch.rand(4, generator=generator)  # whether there is compression
    quality = torch.randint(20, 91, (4,), generator=generator)
    assert torch.equal(augment(AugmentConfig(jpeg=1.0)), compress(IMAGES, quality))


@pytest.mark.parametrize("change", ["blur", "low_resolution", "jpeg"])
@pytest.mark.parametrize(("side", "channels"), [(31, 3), (64, 1)])
def test_a_change_is_made_as_often_as_asked_and_leaves_the_others_alone(change, side, channels):
    images = torch.rand(400, channels, side, side, generator=torch.Generator().manual_seed(1))
    out = augment(AugmentConfig(**{change: 0.3}), images, size=side)
    assert out.shape == images.shape
    assert out.min() >= 0
    assert out.max() <= 1
    same = (out == images).flatten(1).all(1)
    unseen = 0.06 if change == "blur" else 0  # at most: of the sigmas, those too small to change a float
    assert 0.62 < same.float().mean() < 0.78 + unseen  # 0.7, +- 3.5 standard deviations


def test_files_are_written_after_the_colours_and_before_erasing():
    """What JPEG gives are whole levels; half of one is what erasing leaves."""
    out = augment(AugmentConfig(brightness=0.3, contrast=0.3, jpeg=1.0)) * 255
    assert torch.allclose(out, out.round(), atol=1e-4)
    out = augment(AugmentConfig(jpeg=1.0, erase=1.0))
    assert (out == 0.5).any()
