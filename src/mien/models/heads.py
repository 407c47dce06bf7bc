"""The layers from features to logits."""

from torch import nn

from mien.models.backbone import HeadSpec


def build_head(spec: HeadSpec, num_features: int, num_classes: int) -> nn.Sequential:
    """Dropout where asked, hidden layers with ReLU and dropout, then one linear layer.

    Args:
        spec: The hidden layers.
        num_features: Width of the input (B, ``num_features``).
        num_classes: K, width of the output (B, K).
    """
    layers: list[nn.Module] = [nn.Dropout(spec.input_dropout)] if spec.input_dropout else []
    width = num_features
    for hidden, dropout in zip(spec.hidden, spec.dropout, strict=True):
        layers += [nn.Linear(width, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)]
        width = hidden
    head = nn.Sequential(*layers, nn.Linear(width, num_classes))
    if spec.glorot:
        for layer in head:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)
    return head
