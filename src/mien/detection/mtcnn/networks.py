"""The three networks of MTCNN (Zhang et al. 2016, arXiv:1604.02878), with facenet-pytorch's weights.

Inputs are (N, 3, H, W) float32 in channels-last memory, pixels as ``(value - 127.5) / 128``.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from mien.errors import WeightsError


class PNet(nn.Module):
    """Proposals: sees every window of 12 x 12 pixels, two pixels apart.

    Rearranged for speed, with the same result: the first layer's ten channels are filled up to sixteen, a vector
    register's worth, with zeros that nothing reads; of the two classes' logits only the difference is computed, and
    corrections of boxes only where somebody asks for them.
    """

    _FILLED = 16

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, self._FILLED, 3), nn.PReLU(self._FILLED)
        self.conv2, self.prelu2 = nn.Conv2d(self._FILLED, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.logit, self.shifts = nn.Linear(32, 1), nn.Linear(32, 4)

    def forward(self, images: Tensor, seams: Sequence[tuple[slice, slice]] = ()) -> tuple[Tensor, Tensor]:
        """Logit (N, h, w) of a face in every window, and its features (N, h, w, 32).

        ``shifts`` of the features is the correction of the window's box, (..., 4).

        Args:
            images: (N, 3, H, W).
            seams: Rows and columns of the first layer's output that pooling is not to see.
        """
        x = self.prelu1(self.conv1(images))
        for rows, columns in seams:
            x[:, :, rows, columns] = -torch.inf
        x = self.prelu2(self.conv2(_pooled(x, 2)))
        x = self.prelu3(self.conv3(x)).permute(0, 2, 3, 1)
        return self.logit(x)[..., 0], x

    @classmethod
    def rearranged(cls, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Saved weights as this network has them."""
        full = {key: value for key, value in state.items() if not key.startswith("conv4")}
        for key, dimension in {"conv1.weight": 0, "conv1.bias": 0, "prelu1.weight": 0, "conv2.weight": 1}.items():
            shape = list(state[key].shape)
            shape[dimension] = cls._FILLED - shape[dimension]
            full[key] = torch.cat([state[key], torch.zeros(shape)], dimension)
        for kind in ("weight", "bias"):
            classes, full[f"shifts.{kind}"] = (state[f"conv4_{n}.{kind}"].squeeze() for n in (1, 2))
            full[f"logit.{kind}"] = classes[1:] - classes[:1]
        return full


class RNet(nn.Module):
    """Refinement: sees candidates as 24 x 24 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Face probability (N,) and correction of the box (N, 4)."""
        x = _pooled(self.prelu1(self.conv1(images)), 3)
        x = _pooled(self.prelu2(self.conv2(x)), 3)
        x = self.prelu4(self.dense4(_flat(self.prelu3(self.conv3(x)))))
        return self.dense5_1(x).softmax(1)[:, 1], self.dense5_2(x)


class ONet(nn.Module):
    """Output: sees candidates as 48 x 48 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2, self.dense6_3 = nn.Linear(256, 2), nn.Linear(256, 4), nn.Linear(256, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Face probability (N,), and correction of the box with the landmarks' x and y as shares of it (N, 4 + 10)."""
        x = _pooled(self.prelu1(self.conv1(images)), 3)
        x = _pooled(self.prelu2(self.conv2(x)), 3)
        x = _pooled(self.prelu3(self.conv3(x)), 2)
        x = self.prelu5(self.dense5(_flat(self.prelu4(self.conv4(x)))))
        return self.dense6_1(x).softmax(1)[:, 1], torch.cat([self.dense6_2(x), self.dense6_3(x)], 1)


def _pooled(x: Tensor, size: int) -> Tensor:
    """PyTorch's ``max_pool2d(x, size, 2, ceil_mode=True)`` of two or three pixels, on processors twice as fast."""
    if not x.is_cpu:
        return functional.max_pool2d(x, size, 2, ceil_mode=True)
    return _largest(_largest(x, 2, size), 3, size)


def _largest(x: Tensor, dimension: int, size: int) -> Tensor:
    """The largest of every two or three neighbours along an axis, the next ones two further; the last may be fewer."""
    lines = x.movedim(dimension, 0)
    count = -(-(len(lines) - size) // 2) + 1
    first, second, *third = (lines[n::2][:count] for n in range(size))
    largest, pairs = torch.empty_like(first), len(second)  # in the memory format of x
    torch.maximum(first[:pairs], second, out=largest[:pairs])
    largest[pairs:] = first[pairs:]
    for more in third:
        torch.maximum(largest[: len(more)], more, out=largest[: len(more)])
    return largest.movedim(0, dimension)


def _flat(x: Tensor) -> Tensor:
    """(N, C, H, W) to (N, W * H * C): the order in which the weights of the first dense layers were saved."""
    return x.permute(0, 3, 2, 1).flatten(1)


def load_networks(device: str) -> tuple[PNet, RNet, ONet]:
    """The networks with their weights, in eval mode.

    Args:
        device: Where they run, in torch's spelling.

    Raises:
        WeightsError: facenet-pytorch, whose wheel holds the weights, is not installed or has other files.
    """
    spec = find_spec("facenet_pytorch")  # does not import it
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError("MTCNN's weights come in the package facenet-pytorch: pip install facenet-pytorch==2.5.3")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    networks = PNet(), RNet(), ONet()
    for network in networks:
        path = folder / f"{type(network).__name__.lower()}.pt"
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            network.load_state_dict(network.rearranged(state) if isinstance(network, PNet) else state)
        except (OSError, RuntimeError, KeyError) as error:
            raise WeightsError(f"{path}: not MTCNN's weights ({error}); pip install facenet-pytorch==2.5.3") from error
        network.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)
    return networks
