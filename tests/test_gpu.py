"""What only a GPU can show: the same results there as on the processor."""

import numpy as np
import pandas as pd
import pytest
import torch

from mien.augment import Augment
from mien.config.schema import AugmentConfig, BackboneConfig, HeadConfig
from mien.data.drawn import draw_scene
from mien.detection import MtcnnDetector
from mien.endtoend.match import iou_matrix
from mien.models.factory import build_classifier
from mien.pipeline import run
from mien.training import data
from mien.training.graphs import captured, graphed
from tiny import TINY, composed

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

STRONG = AugmentConfig(rotate=10, scale=0.1, shift=0.1, flip=0.5, blur=0.5, brightness=0.2, gray=0.5, jpeg=0.5)


def curves(folder, *overrides):
    run(composed(*TINY, "trainer.max_epochs=2", "logger=none", "scenes=none", *overrides), folder)
    return pd.read_csv(folder / "metrics.csv")


def test_mtcnn_finds_the_same_faces():
    pictures = [draw_scene(0, number).image for number in range(12)]
    here, there = (MtcnnDetector(min_score=0, device=device).detect_many(pictures) for device in ("cpu", "cuda"))
    assert [len(faces) for faces in here] == [len(faces) for faces in there]
    assert sum(map(len, here)) > 12
    for one, other in zip(here, there, strict=True):
        assert (iou_matrix(one.boxes, other.boxes).max(1, initial=1) > 0.99).all()
        np.testing.assert_allclose(one.landmarks, other.landmarks, atol=0.5)


def test_a_batch_is_augmented_the_same():
    images, augment = torch.rand(16, 3, 80, 80, generator=torch.Generator().manual_seed(0)), Augment(STRONG, 64)
    here, there = (augment(images.to(device), torch.Generator().manual_seed(1)).cpu() for device in ("cpu", "cuda"))
    assert (here - there).abs().mean() < 1e-3  # a JPEG coefficient may be rounded the other way


@pytest.mark.parametrize("share", [0.5, 0.0], ids=["images on the GPU", "images sent ahead"])
def test_training_goes_the_same_way(share, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "_SHARE", share)
    own = ("trainer.precision=32-true", "optimizer.lr=1e-3")
    here = curves(tmp_path / "cpu", *own)
    there = curves(tmp_path / "gpu", *own, "trainer=gpu")
    np.testing.assert_allclose(here["train_loss"], there["train_loss"], rtol=0.02)


def test_a_frozen_backbones_features_are_cached(tmp_path):
    torch.manual_seed(0)
    backbone = build_classifier(BackboneConfig("small_cnn", image_size=32), HeadConfig("auto"), 7).backbone
    torch.save(backbone.state_dict(), tmp_path / "weights.pt")
    own = ("backbone.freeze=all", f"backbone.weights={tmp_path / 'weights.pt'}", "backbone.cache_features.views=2")
    here = curves(tmp_path / "cpu", *own, "trainer.precision=32-true")
    there = curves(tmp_path / "gpu", *own, "trainer.precision=32-true", "trainer=gpu")
    np.testing.assert_allclose(here["train_loss"], there["train_loss"], rtol=0.02)


def test_bf16_is_what_auto_trains_in(tmp_path):
    found = curves(tmp_path / "gpu", "trainer=gpu")
    assert len(found) == 2
    assert '"precision": "bf16-mixed"' in (tmp_path / "gpu" / "environment.json").read_text(encoding="utf-8")


def test_cuda_graphs_train_the_same_way(tmp_path):
    own = ("trainer=gpu", "trainer.precision=32-true", "optimizer.lr=1e-3")
    graphs, kernels = (curves(tmp_path / asked, *own, f"trainer.cuda_graphs={asked}") for asked in ("true", "false"))
    for column in ("train_loss", "val_loss"):
        np.testing.assert_allclose(graphs[column], kernels[column], rtol=0.02)


@pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream")  # training.trainer says why
@pytest.mark.parametrize("backbone", ["custom_cnn", "resnet18", "vgg19", "efficientnet_lite0", "fer_vgg"])
def test_a_networks_passes_are_captured(backbone):
    config = composed(f"backbone={backbone}", "backbone.weights=none")
    network = build_classifier(config.backbone, config.head, 7).cuda()
    c = config.backbone
    like = torch.rand(4, c.channels, c.image_size, c.image_size, device="cuda")
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    replay = captured(network, like)
    assert all(torch.equal(buffer, before[name]) for name, buffer in network.named_buffers())
    gradients = []
    for passes in (replay, network):
        torch.manual_seed(0)  # dropout
        network.zero_grad()
        passes(like).square().sum().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters()]).clone())
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.99


def test_a_network_that_waits_for_the_gpu_is_trained_all_the_same(caplog):
    class Waits(torch.nn.Linear):
        def forward(self, inputs):
            return super().forward(inputs) * inputs.max().item()

    network, like = Waits(3, 2).cuda(), torch.ones(4, 3, device="cuda")
    passes = graphed(network, like)
    assert "kernel by kernel" in caplog.text
    passes(like).sum().backward()
    torch.cuda.synchronize()
    assert network.weight.grad.isfinite().all()
