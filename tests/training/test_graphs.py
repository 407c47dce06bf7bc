"""Which batches are replayed, and what happens where a network cannot be captured; tests/test_gpu.py captures some."""

import logging

import pytest
import torch
from torch import nn

from mien.config.schema import Config, TrainerConfig
from mien.training import fit, graphs
from mien.types import InputSpec

SPEC = InputSpec(32, 1, (0.0,), (1.0,))


def test_only_batches_of_the_captured_shape_are_replayed(monkeypatch):
    monkeypatch.setattr(graphs, "captured", lambda _network, _like: lambda inputs: inputs + 100)
    passes = graphs.graphed(nn.Flatten(), torch.zeros(4, 2))
    assert (passes(torch.zeros(4, 2)) == 100).all()
    assert (passes(torch.zeros(3, 2)) == 0).all()


@pytest.mark.parametrize("error", [RuntimeError, AssertionError])
def test_a_network_that_cannot_be_captured_is_trained_all_the_same(error, monkeypatch, caplog):
    def fails(_network, _like):
        raise error("operation not permitted\nsecond line")

    monkeypatch.setattr(graphs, "captured", fails)
    with caplog.at_level(logging.WARNING):
        passes = graphs.graphed(nn.Flatten(), torch.zeros(4, 2))
    assert (passes(torch.ones(4, 2)) == 1).all()
    assert "kernel by kernel: operation not permitted" in caplog.text
    assert "second line" not in caplog.text


@pytest.mark.parametrize(
    ("accelerator", "asked", "size", "expected"),
    [("gpu", True, 1, (96, 1, 32, 32)), ("gpu", False, 1, None), ("cpu", True, 1, None), ("gpu", True, 2, None)],
)
def test_graphs_are_for_one_gpu(accelerator, asked, size, expected, monkeypatch):
    monkeypatch.setattr(fit, "world", lambda: type("World", (), {"size": size}))
    config = Config(trainer=TrainerConfig(accelerator=accelerator, cuda_graphs=asked))
    config.dataset.batch_size, config.augment.repeats = 32, 3
    assert fit._graph_batch(config, SPEC) == expected
