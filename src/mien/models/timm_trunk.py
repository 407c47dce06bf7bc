"""A network of timm as a backbone: any that makes one vector of an image of ``backbone.image_size``."""

from typing import Any

from torch import nn

from mien.config.schema import BackboneConfig
from mien.errors import ConfigError, nearest
from mien.models.backbone import Backbone


def timm_trunk(config: BackboneConfig) -> Backbone:
    """A timm network without its classifier, randomly initialised.

    Args:
        config: ``model`` names the network; ``pool`` is ``auto`` (timm's own pooling and pre-logits layers), ``avg``
            (global average of the last maps) or ``grid`` (study A's VGG: 7x7 adaptive average, flattened).

    Raises:
        ConfigError: timm knows no such model.
    """
    if config.pool == "auto":
        model = create(config)
        return Backbone(model, nn.Identity(), int(model.head_hidden_size))
    model = create(config, global_pool="")
    if hasattr(model, "pre_logits"):
        model.pre_logits = nn.Identity()  # VGG's two 4096-wide layers, which both studies replace
    side = 7 if config.pool == "grid" else 1
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(side), nn.Flatten())
    return Backbone(model, pool, side * side * int(model.num_features))


def create(config: BackboneConfig, pretrained: bool = False, **options: Any) -> Any:
    """Timm's network without its classifier, for the config's image size and channels.

    Raises:
        ConfigError: timm knows no such model.
    """
    import timm

    name = config.model or ""
    if not timm.is_model(name):
        hint = nearest(name.split(".")[0], timm.list_models())
        raise ConfigError([f"backbone.model: timm has no model {name!r}; {_short(hint)}"])
    facts = timm.get_pretrained_cfg(name)
    if facts is not None and facts.fixed_input_size:  # transformers are built for one image size
        options["img_size"] = config.image_size
    return timm.create_model(name, pretrained=pretrained, num_classes=0, in_chans=config.channels, **options)


def _short(hint: str) -> str:
    return hint if hint.startswith("did") else "timm.list_models() lists its over 1,000 models"
