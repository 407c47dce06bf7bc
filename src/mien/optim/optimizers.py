"""Optimizers by name, with separate learning rates for head and backbone."""

from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from mien.config.schema import OptimizerConfig
from mien.errors import ConfigError, nearest


def build_optimizer(config: OptimizerConfig, backbone: nn.Module, head: nn.Module, fused: bool = True) -> Optimizer:
    """The optimizer over all trainable parameters.

    The fused forms pass once over memory; Lightning cannot clip their gradients in mixed precision. Without ``fused``
    PyTorch chooses: on a GPU all tensors at once.

    Biases and norms (parameters of one dimension) are not decayed; the backbone takes ``backbone_lr`` where given.

    Raises:
        ConfigError: Neither mien nor timm knows the name.
    """
    backbone_lr = config.lr if config.backbone_lr is None else config.backbone_lr
    fast = True if fused else None  # False would mean one tensor after the other, on a GPU too
    groups = _groups(backbone, backbone_lr, config.weight_decay) + _groups(head, config.lr, config.weight_decay)
    if config.name == "sgd":
        return torch.optim.SGD(groups, config.lr, config.momentum, nesterov=config.nesterov, fused=fast)
    if config.name == "adam":
        return torch.optim.Adam(groups, config.lr, fused=fast)
    if config.name == "adamw":
        return torch.optim.AdamW(groups, config.lr, fused=fast)
    return _timm_optimizer(config, groups)


def _groups(module: nn.Module, lr: float, weight_decay: float) -> list[dict[str, Any]]:
    trainable = [p for p in module.parameters() if p.requires_grad]
    if weight_decay == 0:
        return [{"params": trainable, "lr": lr, "weight_decay": 0.0}] if trainable else []
    decayed = [p for p in trainable if p.ndim > 1]
    plain = [p for p in trainable if p.ndim <= 1]
    groups = [{"params": decayed, "lr": lr, "weight_decay": weight_decay}]
    groups.append({"params": plain, "lr": lr, "weight_decay": 0.0})
    return [group for group in groups if group["params"]]


def _timm_optimizer(config: OptimizerConfig, groups: list[dict[str, Any]]) -> Optimizer:
    from timm import optim

    known = optim.list_optimizers()
    if config.name not in known:
        raise ConfigError([f"optimizer.name: unknown optimizer {config.name!r}; {nearest(config.name, known)}"])
    optimizer: Optimizer = optim.create_optimizer_v2(groups, config.name, config.lr, momentum=config.momentum)
    return optimizer
