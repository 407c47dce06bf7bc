"""mixup and CutMix: exact shares, soft targets, seeded, per sample."""

import pytest
import torch
from torch.nn import functional

from mien.config.schema import AugmentConfig, LossConfig
from mien.mix import Mix, symmetric_beta
from mien.optim.losses import build_loss

K, SIDE = 7, 32


def batch(n):
    """Inputs in -1..1 and labels."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, K, (n,), generator=generator)
    return 2 * torch.rand(n, 3, SIDE, SIDE, generator=generator) - 1, labels


def mix(inputs, labels, seed=0, **config):
    return Mix(AugmentConfig(**config), K)(inputs, labels, torch.Generator().manual_seed(seed))


def drawn(n, alpha=1.0, seed=0):
    """Partner, which of both (as a number in 0..1), the partner's share and the rectangle's centre, as Mix draws."""
    generator = torch.Generator().manual_seed(seed)
    partner, which = torch.randperm(n, generator=generator), torch.rand(n, generator=generator)
    return partner, which, symmetric_beta(alpha, n, generator), torch.rand(2, n, generator=generator) * SIDE


def soft(labels, partner, share):
    """Targets in which the partner has this share."""
    rows = functional.one_hot(labels, K).float()
    return rows + share.unsqueeze(1) * (rows[partner] - rows)


def test_nothing_asked_nothing_changed():
    inputs, labels = batch(4)
    generator = torch.Generator().manual_seed(0)
    out, targets = Mix(AugmentConfig(), K)(inputs, labels, generator)
    assert out is inputs
    assert targets is labels
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(0).get_state())


def test_mixup_blends_inputs_and_labels_alike():
    inputs, labels = batch(16)
    out, targets = mix(inputs, labels, mixup=1.0, mix_alpha=0.4)
    partner, _, share, _ = drawn(16, alpha=0.4)
    weight = share.view(-1, 1, 1, 1)
    assert torch.allclose(out, (1 - weight) * inputs + weight * inputs[partner], atol=1e-6)
    assert torch.allclose(targets, soft(labels, partner, share), atol=1e-6)


def test_cutmix_pastes_the_rectangle_drawn_and_counts_its_pixels():
    inputs, labels = batch(256)
    out, targets = mix(inputs, labels, cutmix=1.0)
    partner, _, share, centre = drawn(256)
    pixels = torch.arange(SIDE) + 0.5
    half = share.sqrt() * SIDE / 2
    rows, columns = ((pixels - middle.unsqueeze(1)).abs() < half.unsqueeze(1) for middle in centre)
    hole = rows.unsqueeze(2) & columns.unsqueeze(1)
    assert torch.equal(out, torch.where(hole.unsqueeze(1), inputs[partner], inputs))
    assert torch.allclose(targets, soft(labels, partner, hole.float().mean((1, 2))), atol=1e-6)


def test_a_rectangle_inside_the_image_has_the_area_drawn():
    images = torch.zeros(512, 1, SIDE, SIDE)
    own = torch.arange(512)  # a class for every image
    _, targets = Mix(AugmentConfig(cutmix=1.0), 512)(images, own, torch.Generator().manual_seed(0))
    partner, _, share, centre = drawn(512)
    side = share.sqrt() * SIDE
    inside = ((centre - SIDE / 2).abs() <= (SIDE - side) / 2).all(0) & (partner != own)
    assert inside.sum() > 50
    got = (1 - targets.diagonal()).sqrt() * SIDE
    assert (got - side)[inside].abs().max() <= 1  # a side of w pixels covers the centres of w - 1 to w + 1


def test_each_image_is_mixed_one_way_or_not_at_all():
    labels = torch.arange(2000) % K
    out, targets = mix(torch.rand(2000, 1, 1, 1).expand(-1, 1, SIDE, SIDE), labels, mixup=0.3, cutmix=0.2)
    partner, which, _, _ = drawn(2000)
    pasted = out.flatten(1).std(1) > 1e-6
    assert not pasted[(which < 0.3) | (which >= 0.5)].any()
    assert 0.17 < pasted.float().mean() < 0.22
    other = labels[partner] != labels
    blended = other & ~pasted & (targets.max(1).values < 1)
    assert 0.27 < (blended.sum() / other.sum()) < 0.33
    assert torch.equal(targets[which >= 0.5], functional.one_hot(labels[which >= 0.5], K).float())
    assert torch.allclose(targets.sum(1), torch.ones(2000), atol=1e-6)


def test_the_same_seed_gives_the_same_batch_and_another_one_another():
    inputs, labels = batch(8)
    (first, targets), (again, same) = (mix(inputs, labels, mixup=0.5, cutmix=0.5) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(targets, same)
    assert not torch.equal(first, mix(inputs, labels, seed=1, mixup=0.5, cutmix=0.5)[0])


def test_channels_last_stays():
    inputs, labels = batch(4)
    out, _ = mix(inputs.contiguous(memory_format=torch.channels_last), labels, mixup=0.5, cutmix=0.5)
    assert out.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_beta_distributed(alpha):
    shares = symmetric_beta(alpha, 50_000, torch.Generator().manual_seed(0))
    assert float(shares.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(shares.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.02)


def test_a_tiny_alpha_gives_the_ends():
    shares = symmetric_beta(1e-8, 1000, torch.Generator().manual_seed(0))
    assert set(shares.tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("weights", ["none", "1,2,3,4,5,6,7"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_soft_targets_of_one_class_cost_what_labels_do(weights, smoothing):
    loss = build_loss(LossConfig("cross_entropy", smoothing, weights), (1,) * K)
    labels = torch.tensor([0, 6, 6, 3])
    logits = torch.randn(4, K, generator=torch.Generator().manual_seed(0))
    hard, mixed = loss(logits, labels), loss(logits, functional.one_hot(labels, K).float())
    assert float(mixed) == pytest.approx(float(hard), rel=1e-5)
