"""Ensembles: several networks that see the same image, and the mean of their probabilities.

Source: Hansen and Salamon 1990, "Neural network ensembles", IEEE TPAMI 12:993-1001; of networks that differ in their
seed alone: Lakshminarayanan et al. 2017, "Simple and scalable predictive uncertainty estimation using deep ensembles".
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import interpolate

from mien.config.load import from_plain
from mien.config.schema import BackboneConfig, HeadConfig
from mien.models.factory import Classifier, build_classifier
from mien.models.normalise import Normalise
from mien.models.views import mean_log_probability
from mien.types import InputSpec

NAME = "ensemble"
"""The backbone's name in the bundle of an ensemble."""


@dataclass(frozen=True)
class Member:
    """What a member's network is built from: its backbone and head, and its own input."""

    backbone: BackboneConfig
    head: HeadConfig
    spec: InputSpec

    def build(self, num_classes: int) -> Classifier:
        """The network, with weights that are yet to be loaded."""
        return build_classifier(self.backbone, self.head, num_classes, load=False)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for ``model.json``."""
        return {"backbone": asdict(self.backbone), "head": asdict(self.head), "input": self.spec.to_dict()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Member":
        """What :meth:`to_dict` gave."""
        return cls(
            from_plain(BackboneConfig, values["backbone"]),
            from_plain(HeadConfig, values["head"]),
            InputSpec.from_dict(values["input"]),
        )


class Ensemble(nn.Module):
    """Several classifiers as one: (B, C, S, S) floats 0..1 to (B, K) logarithms of the mean probabilities.

    Args:
        networks: The classifiers, all of the same classes.
        specs: Their inputs; each image is resized and normalised for each of them.
    """

    def __init__(self, networks: Sequence[Classifier], specs: Sequence[InputSpec]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.normalise = nn.ModuleList(Normalise(spec) for spec in specs)
        self.sizes = [spec.size for spec in specs]

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, S, S) to (B, K)."""
        members = zip(self.sizes, self.normalise, self.networks, strict=True)
        return mean_log_probability([network(normalise(resized(images, size))) for size, normalise, network in members])

    def count_parameters(self) -> tuple[int, int]:
        """All parameters of all members, and the trainable ones."""
        counts = [network.count_parameters() for network in self.networks if isinstance(network, Classifier)]
        return sum(total for total, _ in counts), sum(trainable for _, trainable in counts)


def resized(images: Tensor, size: int) -> Tensor:
    """Square images (B, C, S, S) at another size, bilinear with antialiasing as data are prepared; floats 0..1."""
    if images.shape[-1] == size:
        return images
    return interpolate(images, (size, size), mode="bilinear", antialias=True)


def network_name(backbone: BackboneConfig, members: Sequence[Member] = ()) -> str:
    """What a network is called in results: its backbone, or those of an ensemble's members.

    Examples:
        >>> names = ("resnet18", "vgg19", "vgg19")
        >>> members = [Member(BackboneConfig(name), HeadConfig("auto"), InputSpec(32)) for name in names]
        >>> network_name(BackboneConfig(NAME), members)
        'ensemble of resnet18 and 2 vgg19'
        >>> network_name(BackboneConfig("timm", model="mobilenetv3_small_100"))
        'mobilenetv3_small_100'
    """
    if not members:
        return backbone.model or "" if backbone.name == "timm" else backbone.name
    counts = Counter(network_name(member.backbone) for member in members)
    words = [name if count == 1 else f"{count} {name}" for name, count in counts.items()]
    start = ", ".join(words[:-1])
    return f"ensemble of {start} and {words[-1]}" if start else f"ensemble of {words[-1]}"
