"""What every backbone is: a trunk, a pooling, and the few facts that heads and freezing need."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mien.errors import ConfigError, nearest


@dataclass(frozen=True)
class HeadSpec:
    """A head's layers: hidden widths with the dropout after each; no hidden layer makes it linear.

    Attributes:
        hidden: Widths of the hidden layers, each followed by ReLU and dropout.
        dropout: Dropout probabilities, one a hidden layer.
        glorot: Keras' initialisation (Glorot uniform weights, zero biases) instead of PyTorch's.
        input_dropout: Dropout of the features themselves; 0: none.
    """

    hidden: tuple[int, ...] = ()
    dropout: tuple[float, ...] = ()
    glorot: bool = False
    input_dropout: float = 0.0


class Backbone(nn.Module):
    """Images to features.

    Args:
        trunk: (B, C, H, W) to feature maps (B, F, h, w) or to pooled features (B, F).
        pool: What turns the trunk's output into (B, ``num_features``).
        num_features: Features a head receives.
        natural_head: The head that belongs to this network, used with ``head=auto``.
        l2: Keras-style penalties, ``{parameter name: factor}``: ``factor * sum(w ** 2)`` is added to the loss.
    """

    def __init__(
        self,
        trunk: nn.Module,
        pool: nn.Module,
        num_features: int,
        natural_head: HeadSpec | None = None,
        l2: dict[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.pool = pool
        self.num_features = num_features
        self.natural_head = natural_head or HeadSpec()
        self.l2 = l2 or {}
        self.frozen: tuple[nn.Module, ...] = ()

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) normalised floats to (B, ``num_features``)."""
        features: Tensor = self.pool(self.trunk(images))
        return features

    def penalty(self) -> Tensor | float:
        """The L2 term of the loss, 0.0 for networks without one."""
        terms = [factor * self.trunk.get_parameter(name).square().sum() for name, factor in self.l2.items()]
        return torch.stack(terms).sum() if terms else 0.0

    def freeze(self, which: str, batchnorm: bool = True) -> None:
        """Take gradients from parts of the trunk.

        Args:
            which: ``none``, ``all``, or child modules of the trunk, comma-separated.
            batchnorm: Whether frozen batch norms (and dropouts) stay in eval mode while the rest trains.

        Raises:
            ConfigError: A stage that the trunk does not have.
        """
        stages = dict(self.trunk.named_children())
        wanted = {"none": [], "all": list(stages)}.get(which, [name.strip() for name in which.split(",")])
        unknown = [name for name in wanted if name not in stages]
        if unknown:
            raise ConfigError(f"backbone.freeze: no stage {name!r}; {nearest(name, stages)}" for name in unknown)
        modules = (self.trunk,) if which == "all" else tuple(stages[name] for name in wanted)
        for module in modules:
            module.requires_grad_(False)
        self.frozen = modules if batchnorm else ()
        self.train(self.training)

    def train(self, mode: bool = True) -> "Backbone":
        """Like ``nn.Module.train``, except that frozen parts stay in eval mode."""
        super().train(mode)
        for module in self.frozen:
            module.eval()
        return self
