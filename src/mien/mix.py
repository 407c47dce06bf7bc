"""Images of a batch mixed in pairs, with their labels: mixup and CutMix, a pair and a share of its own for every image.

Sources: mixup, Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018; CutMix, Yun et al., "CutMix:
Regularization Strategy to Train Strong Classifiers with Localizable Features", ICCV 2019. Both draw one share a batch;
here every image draws its own. All random numbers come from the generator given, drawn on the CPU.
"""

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from mien.config.schema import AugmentConfig
from mien.devices import send


class Mix(nn.Module):
    """Mixes images with partners, the same batch in another order, as often as the config asks.

    Args:
        config: Its ``mixup``, ``cutmix`` and ``mix_alpha``.
        num_classes: K.
    """

    def __init__(self, config: AugmentConfig, num_classes: int) -> None:
        super().__init__()
        self.config = config
        self.num_classes = num_classes

    def forward(self, inputs: Tensor, labels: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Mix a batch.

        Args:
            inputs: (B, C, S, S) floats of any range, normalised already: mixup is linear, and so is normalisation.
            labels: (B,) int64.
            generator: Source of all random numbers, on the CPU.

        Returns:
            Inputs as they came in, but mixed, and targets (B, K) float32 with rows that sum to 1. Where nothing is
            asked, both come back as they are.
        """
        if not (self.config.mixup or self.config.cutmix):
            return inputs, labels
        partner = send(torch.randperm(len(inputs), generator=generator), inputs.device)
        weights = send(self._weights(len(inputs), inputs.shape[-1], generator).to(inputs.dtype), inputs.device)
        rows, columns = weights
        mixed = torch.lerp(inputs, inputs[partner], (rows.unsqueeze(2) * columns.unsqueeze(1)).unsqueeze(1))
        targets = functional.one_hot(labels, self.num_classes).float()
        return mixed, torch.lerp(targets, targets[partner], weights.mean(2).prod(0).unsqueeze(1))

    def _weights(self, n: int, side: int, generator: Generator) -> Tensor:
        """The partner's weight at row i and column j of an image is the product of two numbers: (2, n, side), 0..1.

        mixup has one weight everywhere, CutMix 1 inside a rectangle and 0 outside; so the mean weight is the exact
        share of the partner.
        """
        c = self.config
        draw = torch.rand(n, generator=generator)
        blended, pasted = draw < c.mixup, (draw >= c.mixup) & (draw < c.mixup + c.cutmix)
        share = symmetric_beta(c.mix_alpha, n, generator)
        centre = torch.rand(2, n, 1, generator=generator) * side
        inside = (torch.arange(side) + 0.5 - centre).abs() < share.sqrt().view(n, 1) * side / 2
        constant = torch.stack([torch.where(blended, share, 0.0), torch.ones(n)])
        return torch.where(pasted.view(n, 1), inside.float(), constant.unsqueeze(2))


def symmetric_beta(alpha: float, n: int, generator: Generator) -> Tensor:
    """(n,) float32 in 0..1 from Beta(``alpha``, ``alpha``), by a NumPy generator that the one given seeds."""
    seed = int(torch.randint(2**63 - 1, (), generator=generator))
    return torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, n)).float()
