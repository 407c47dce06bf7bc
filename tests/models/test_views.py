"""Ten crops and mirror images: torchvision's, and their mean probability."""

import pytest
import torch
from torchvision.transforms import functional as vision

from mien.models.views import Views, mean_log_probability

IMAGES = torch.arange(2 * 3 * 12 * 12).view(2, 3, 12, 12)


def places(crops):
    """Crops by what is in them, whatever their order."""
    return sorted(tuple(crop.flatten().tolist()) for crop in crops)


@pytest.mark.parametrize("size", [8, 9, 11])
def test_the_ten_crops_are_torchvisions(size):
    views = Views(size, ten_crop=12)
    assert views.prepared == 12
    assert len(views.of(IMAGES)) == 10
    assert places(views.of(IMAGES)) == places(vision.ten_crop(IMAGES, [size, size]))
    assert torch.equal(views.centre(IMAGES), vision.center_crop(IMAGES, [size, size]))


def test_without_ten_crops_images_are_seen_whole():
    assert Views(12).prepared == 12
    assert [torch.equal(view, IMAGES) for view in Views(12).of(IMAGES)] == [True]
    plain, mirrored = Views(12, flip=True).of(IMAGES)
    assert torch.equal(plain, IMAGES)
    assert torch.equal(mirrored, IMAGES.flip(3))
    assert torch.equal(Views(12).centre(IMAGES), IMAGES)


def test_the_mean_is_one_of_probabilities_not_of_logits():
    """Softmax gives (0.5, 0.5) and (0.8, 0.2), of which the mean is (0.65, 0.35)."""
    logits = [torch.zeros(1, 2), torch.tensor([[4.0, 1.0]]).log()]
    assert mean_log_probability(logits).exp().tolist() == [pytest.approx([0.65, 0.35])]
    assert mean_log_probability(logits[1:]) is logits[1]


def test_the_mean_of_certain_views_stays_finite():
    assert mean_log_probability([torch.tensor([[0.0, -1e4]])] * 10).isfinite().all()
