"""Losses: logits (B, K) and labels (B,) to a scalar; the cross entropy also takes soft targets (B, K)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from mien.config.schema import LossConfig
from mien.errors import ConfigError, nearest

LOSSES = ("cross_entropy", "focal")


class CrossEntropyLoss(nn.CrossEntropyLoss):
    """PyTorch's, but soft targets (B, K) average as labels do: over class weights, not over images."""

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Logits (B, K) with labels (B,) or soft targets (B, K) to a scalar."""
        loss = super().forward(logits, targets)
        if self.weight is None or targets.ndim == 1:
            return loss
        return loss / (targets * self.weight).sum(1).mean()


class FocalLoss(nn.Module):
    """Cross entropy times ``(1 - p) ** gamma``, so that easy samples count less (Lin et al. 2017)."""

    weight: Tensor | None

    def __init__(self, gamma: float, weight: Tensor | None) -> None:
        super().__init__()
        self.gamma = gamma
        self.register_buffer("weight", weight)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """(B, K) and (B,) to a scalar: the weighted mean, normalised as ``nn.CrossEntropyLoss`` does."""
        entropy = functional.cross_entropy(logits, labels, reduction="none")
        missing = (1 - torch.exp(-entropy)).clamp(min=torch.finfo(entropy.dtype).tiny)  # at 0 a root has no slope
        focal = missing**self.gamma * entropy
        if self.weight is None:
            return focal.mean()
        weight = self.weight[labels]
        return (weight * focal).sum() / weight.sum()


def build_loss(config: LossConfig, counts: tuple[float, ...]) -> nn.Module:
    """The loss of the config.

    Args:
        config: Its name and settings.
        counts: Training images per class and epoch, for ``class_weights=balanced``.

    Raises:
        ConfigError: Unknown name, or class weights that are not one positive number a class.
    """
    weight = _class_weights(config.class_weights, counts)
    if config.name == "cross_entropy":
        return CrossEntropyLoss(weight, label_smoothing=config.label_smoothing)
    if config.name == "focal":
        return FocalLoss(config.gamma, weight)
    raise ConfigError([f"loss.name: unknown loss {config.name!r}; {nearest(config.name, LOSSES)}"])


def _class_weights(text: str, counts: tuple[float, ...]) -> Tensor | None:
    if text == "none":
        return None
    if text == "balanced":
        inverse = 1 / torch.tensor(counts, dtype=torch.float32).clamp(min=1)
        return inverse / inverse.mean()
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != len(counts) or min(values, default=0) <= 0:
        raise ConfigError(
            [f"loss.class_weights: expected none, balanced, or {len(counts)} positive numbers, got {text!r}"]
        )
    return torch.tensor(values)
