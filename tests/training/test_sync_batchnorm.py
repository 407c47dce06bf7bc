"""Batch norms that use the images of all devices: converted before training, with nothing else changed."""

import pytest
import torch

from mien.config.schema import BackboneConfig, HeadConfig, TrainerConfig
from mien.data.batches import whole
from mien.errors import DeviceError
from mien.models.factory import build_classifier, input_spec
from mien.optim.schedules import Length
from mien.training.data import ExpressionData
from mien.training.fit import build_module
from mien.training.trainer import check_devices
from tiny import small_config


def built(monkeypatch, backbone):
    """Module of two processes, and what its network says to two images before and after it is built."""
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    torch.manual_seed(0)
    config = small_config(backbone=backbone, trainer=TrainerConfig(accelerator="gpu", sync_batchnorm=True))
    classifier = build_classifier(backbone, HeadConfig("auto"), 7).eval()
    images = torch.rand(2, 3, backbone.image_size, backbone.image_size)
    with torch.no_grad():
        before = classifier(images)
    data = ExpressionData(whole(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.arange(4)), None, 2, 0)
    module = build_module(config, classifier, input_spec(backbone), Length(1, 1), data, lambda _: None)
    with torch.no_grad():
        return module, before, classifier.eval()(images)


def norms(module):
    return [part for part in module.modules() if isinstance(part, torch.nn.modules.batchnorm._BatchNorm)]


@pytest.mark.parametrize(
    "backbone",
    [
        BackboneConfig("small_cnn", image_size=32),
        BackboneConfig("timm", model="mobilenetv3_small_050", image_size=32),  # its norms have activations
    ],
    ids=lambda backbone: backbone.name,
)
def test_the_network_computes_the_same(monkeypatch, backbone):
    module, before, after = built(monkeypatch, backbone)
    torch.testing.assert_close(before, after, rtol=0, atol=1e-5)  # the memory format changed
    assert all(isinstance(norm, torch.nn.SyncBatchNorm) for norm in norms(module.classifier))
    assert len(norms(module.classifier)) > 5
    moved = {id(parameter) for group in module.optimizer.param_groups for parameter in group["params"]}
    assert moved == {id(parameter) for parameter in module.classifier.parameters()}


def test_frozen_norms_stay_frozen(monkeypatch):
    module, _, _ = built(monkeypatch, BackboneConfig("small_cnn", image_size=32, freeze="stem,stage1"))
    module.train()
    training = [norm.training for norm in norms(module.classifier)]
    assert training == [False] * 4 + [True] * 6
    assert [norm.weight.requires_grad for norm in norms(module.classifier)] == training


def test_without_a_gpu_it_is_refused():
    with pytest.raises(DeviceError, match=r"trainer\.sync_batchnorm=true: PyTorch has it on GPUs only"):
        check_devices(TrainerConfig(accelerator="cpu", sync_batchnorm=True))


def test_a_process_that_is_alone_starts_no_others():
    with pytest.raises(DeviceError, match=r"trainer\.devices=2: needs 2 processes, and this one is alone"):
        check_devices(TrainerConfig(accelerator="cpu", devices="2"))
