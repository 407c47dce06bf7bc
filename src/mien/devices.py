"""Small tensors on their way to a device."""

import torch
from torch import Tensor


def send(values: Tensor, device: torch.device) -> Tensor:
    """Values from the processor's memory to a device, without waiting for what the device still has to do.

    Out of memory that is not locked, a copy to a GPU waits for all work before it, and the GPU then for the next.
    """
    if device.type == "cuda" and values.device.type == "cpu":
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)
