"""Losses, optimizers and schedules against numbers computed by hand or by PyTorch."""

import pytest
import torch
from torch import nn

from mien.config.schema import LossConfig, OptimizerConfig, ScheduleConfig
from mien.errors import ConfigError
from mien.optim.losses import build_loss
from mien.optim.optimizers import build_optimizer
from mien.optim.schedules import SCHEDULES, Length, build_schedule

LOGITS = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
LABELS = torch.tensor([0, 1])


def test_focal_loss_without_focus_is_cross_entropy():
    focal = build_loss(LossConfig("focal", gamma=0.0, class_weights="1,3"), (1, 1))
    plain = build_loss(LossConfig("cross_entropy", class_weights="1,3"), (1, 1))
    assert focal(LOGITS, LABELS) == pytest.approx(float(plain(LOGITS, LABELS)))


def test_focal_loss_by_hand():
    loss = build_loss(LossConfig("focal", gamma=2.0), (1, 1))
    p = torch.tensor([torch.sigmoid(torch.tensor(2.0)), 0.5])
    assert float(loss(LOGITS, LABELS)) == pytest.approx(float((-((1 - p) ** 2) * p.log()).mean()))


def test_focal_loss_has_a_gradient_where_the_network_is_sure():
    logits = torch.tensor([[200.0, 0.0], [0.0, 1.0]], requires_grad=True)
    build_loss(LossConfig("focal", gamma=0.5), (1, 1))(logits, torch.tensor([0, 0])).backward()
    assert logits.grad[0].tolist() == [0, 0]
    assert logits.grad[1, 1] > 0


def test_balanced_weights_are_inverse_frequencies_of_mean_one():
    weight = build_loss(LossConfig("cross_entropy", class_weights="balanced"), (10, 30)).weight
    assert weight.tolist() == pytest.approx([1.5, 0.5])


@pytest.mark.parametrize("text", ["1,2,3", "a,b", "1,-1"])
def test_wrong_class_weights_are_refused(text):
    with pytest.raises(ConfigError, match="expected none, balanced, or 2 positive numbers"):
        build_loss(LossConfig("cross_entropy", class_weights=text), (1, 1))


def test_unknown_names_list_the_known():
    with pytest.raises(ConfigError, match=r"unknown loss 'focl'; did you mean 'focal'\?"):
        build_loss(LossConfig("focl"), (1, 1))
    with pytest.raises(ConfigError, match=r"unknown optimizer 'adamww'; did you mean 'adamw'"):
        build_optimizer(OptimizerConfig("adamww"), nn.Linear(2, 2), nn.Linear(2, 2))
    with pytest.raises(ConfigError, match=r"unknown schedule 'cosin'; did you mean 'cosine'\?"):
        schedule(ScheduleConfig("cosin"))


@pytest.mark.parametrize(("fused", "expected"), [(True, True), (False, None)])
@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_what_is_not_fused_is_left_to_pytorch(name, fused, expected):
    """``False`` would keep it from its form for all tensors at once, which it takes on a GPU where neither is given."""
    defaults = build_optimizer(OptimizerConfig(name), nn.Linear(2, 2), nn.Linear(2, 2), fused).defaults
    assert defaults["fused"] is expected
    assert defaults["foreach"] is None


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "lion"])
def test_head_and_backbone_have_their_own_rates_and_biases_do_not_decay(name):
    config = OptimizerConfig(name, lr=0.1, backbone_lr=0.01, weight_decay=0.5)
    optimizer = build_optimizer(config, nn.Linear(2, 2), nn.Linear(2, 2))
    assert [(g["lr"], g["weight_decay"]) for g in optimizer.param_groups] == [
        (0.01, 0.5),
        (0.01, 0.0),
        (0.1, 0.5),
        (0.1, 0.0),
    ]


def test_frozen_parameters_are_left_out():
    backbone = nn.Linear(2, 2).requires_grad_(False)
    optimizer = build_optimizer(OptimizerConfig("sgd"), backbone, nn.Linear(2, 3))
    assert sum(p.numel() for g in optimizer.param_groups for p in g["params"]) == 9


def schedule(config, epochs=4, steps=5):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    return optimizer, build_schedule(config, optimizer, Length(epochs, steps))


def rates(config, epochs=4, steps=5):
    optimizer, moving = schedule(config, epochs, steps)
    seen = []
    for _ in range(epochs * steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        moving.step()
    return seen


def test_step_drops_after_whole_epochs():
    assert rates(ScheduleConfig("step", step_size=2, gamma=0.1)) == pytest.approx([1.0] * 10 + [0.1] * 10)


def test_step_can_begin_later():
    """x0.9 every 2 epochs after 3, as FER2013's VGG19 has it every 5 after 80: the first drop is after epoch 3 + 2."""
    seen = rates(ScheduleConfig("step", step_size=2, gamma=0.9, start_epoch=3), epochs=8, steps=1)
    assert seen == pytest.approx([1.0] * 5 + [0.9] * 2 + [0.81])


def test_cosine_goes_from_one_to_almost_nothing():
    seen = rates(ScheduleConfig("cosine"))
    assert (seen[0], seen[10]) == pytest.approx((1.0, 0.5))
    assert seen[-1] < 0.01


def test_warmup_rises_in_equal_steps():
    seen = rates(ScheduleConfig("constant", warmup_epochs=1))
    assert seen[:6] == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1.0])


def test_onecycle_peaks_at_its_share():
    seen = rates(ScheduleConfig("onecycle", pct_start=0.25))
    assert max(range(20), key=seen.__getitem__) == 4
    assert seen[4] == pytest.approx(1.0)


@pytest.mark.parametrize(("share", "steps"), [(0.1, 10), (0.25, 4), (0.2, 5), (0.0, 7), (0.5, 2), (0.9, 3)])
def test_onecycle_of_few_steps_ends_low(share, steps):
    seen = rates(ScheduleConfig("onecycle", pct_start=share), epochs=1, steps=steps)
    assert max(seen) <= 1.0
    assert seen[-1] < 0.01


def test_plateau_waits_for_its_patience():
    optimizer, moving = schedule(ScheduleConfig("plateau", gamma=0.9, patience=2))
    seen = []
    for loss in (1.0, 1.0, 0.5, 0.49995, 0.49993):
        moving.step(loss)
        seen.append(optimizer.param_groups[0]["lr"])
    assert seen == pytest.approx([1.0, 1.0, 1.0, 1.0, 0.9])


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_builds(name):
    assert schedule(ScheduleConfig(name))[1] is not None
