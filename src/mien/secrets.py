"""What must not be shown or leave the machine: keys, passwords, credentials in addresses, the home folder."""

import re
from pathlib import Path
from typing import Any

HIDDEN = "***"
_SECRET = "api_?key|secret|password|passwd|token|credential|private_?key|access_?key|bearer|authorization"
_NAME = re.compile(_SECRET, re.IGNORECASE)
_ASSIGNED = re.compile(rf"([\w.-]*(?:{_SECRET})[\w.-]*\s*[=:]\s*)([^\s&,'\"]+)", re.IGNORECASE)
_LOGIN = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)
_KEY = re.compile(
    r"\b(?:wandb_v1_\w{20,}|hf_\w{20,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|sk-[\w-]{20,}|xox[abp]-[\w-]{10,}"
    r"|AKIA[0-9A-Z]{16}|eyJ[\w-]{10,}\.[\w-]+\.[\w-]+|[0-9a-f]{40})\b"  # the last: W&B's older keys
)


def clean(value: Any, name: str = "") -> Any:
    """A copy of plain values without secrets; the home folder becomes ``~``.

    Args:
        value: A mapping, a list or a single value, nested as it may be.
        name: Its key: that of a secret hides a text whatever it says.

    Examples:
        >>> clean({"address": "ray://me:pw@host:10001", "hub": {"token": "abc"}, "lr": 0.1})
        {'address': 'ray://***@host:10001', 'hub': {'token': '***'}, 'lr': 0.1}
    """
    if isinstance(value, dict):
        return {str(key): clean(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [clean(inner, name) for inner in value]
    if not isinstance(value, str):
        return value
    return HIDDEN if value and _NAME.search(name) else clean_text(value)


def clean_text(text: str) -> str:
    """A text, such as a command line, without secrets.

    Examples:
        >>> clean_text("python train.py dataset.root=https://host/data?token=abc seed=1")
        'python train.py dataset.root=https://host/data?token=*** seed=1'
    """
    text = _LOGIN.sub(rf"\1{HIDDEN}@", text)
    text = _ASSIGNED.sub(rf"\1{HIDDEN}", text)
    text = _KEY.sub(HIDDEN, text)
    home = str(Path.home())
    return re.sub(rf"{re.escape(home)}(?=/|$|[\s'\"])", "~", text) if home != "/" else text
