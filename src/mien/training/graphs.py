"""A network's forward and backward pass as CUDA graphs, so that its hundreds of kernels are launched as two."""

import logging
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

log = logging.getLogger(__name__)


def graphed(network: nn.Module, like: Tensor) -> Callable[[Tensor], Tensor]:
    """The network in training, its passes replayed as CUDA graphs for inputs of one shape.

    Inputs of another shape, such as the last batch of an epoch, run kernel by kernel. So does everything where the
    network cannot be captured, because its forward pass waits for the GPU; the log says so.

    Args:
        network: On a GPU, its parts in the modes that they are trained in. From now on parameters and buffers may be
            changed in place, not replaced.
        like: (B, C, H, W) inputs of the shape, type and memory format that most batches have.

    Returns:
        Inputs to outputs, which are valid until the next call.
    """
    try:
        replay = captured(network, like)
    except (RuntimeError, AssertionError) as error:  # the latter is how PyTorch refuses a network beforehand
        reason = str(error).partition("\n")[0]
        log.warning("the network cannot be captured as CUDA graphs and is trained kernel by kernel: %s", reason)
        return network.__call__

    def passes(inputs: Tensor) -> Tensor:
        outputs: Tensor = replay(inputs) if inputs.shape == like.shape else network(inputs)
        return outputs

    return passes


def captured(network: nn.Module, like: Tensor) -> Callable[[Tensor], Tensor]:
    """The network's passes as CUDA graphs, in the precision that autocast now asks for.

    PyTorch tries a network out before it captures it; buffers (running statistics) and the GPU's random numbers are
    put back as they were, also where it fails.

    Raises:
        RuntimeError: It cannot be captured.
        AssertionError: PyTorch refuses to, such as where no output needs a gradient.
    """
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    precision = torch.autocast(
        "cuda",
        dtype=torch.get_autocast_dtype("cuda"),
        enabled=torch.is_autocast_enabled("cuda"),
        cache_enabled=False,  # a graph has to hold its own casts
    )
    whole = _Whole(network)
    try:
        with torch.random.fork_rng([like.get_device()]), precision, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Attempting to run cuBLAS")  # PyTorch's own thread has no context yet
            torch.cuda.make_graphed_callables(whole, (like.clone(),))
    finally:
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)
    return whole.__call__


class _Whole(nn.Module):
    """A network in a module of its own: PyTorch replaces the ``forward`` of what it captures."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> Tensor:
        """What the network gives."""
        outputs: Tensor = self.network(inputs)
        return outputs
