"""``trainer.precision=auto``: the fastest precision that gives the same results within noise."""

import torch
from torch import nn


def resolve_precision(asked: str, device: str, network: nn.Module) -> str:
    """Lightning's precision for what the config asks.

    A rule instead of a trial run at every start, so that all jobs of a sweep decide alike: bf16 autocast where the
    device computes in bf16, save for networks with grouped (depthwise) convolutions on processors, where it is slower
    than fp32: 0.6 of its speed for EfficientNet-Lite0 (experiments/speed/README.md).

    Args:
        asked: ``auto``, or one of Lightning's precisions, which is returned as it is.
        device: ``cpu`` or ``cuda``.
        network: The network to be trained.
    """
    if asked != "auto":
        return asked
    if device == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    return "bf16-mixed" if _processor_has_bf16() and not _grouped(network) else "32-true"


def _processor_has_bf16() -> bool:
    """Whether the processor multiplies bf16 matrices (AVX512-BF16 or AMX)."""
    probes = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(probe() for probe in probes if probe is not None)


def _grouped(network: nn.Module) -> bool:
    return any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in network.modules())
