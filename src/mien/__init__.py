"""mien: facial-expression experiments with honest numbers."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.recognition.faces import RecognizedFace as RecognizedFace
    from mien.recognition.recognizer import Recognizer as Recognizer

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """``Recognizer`` and ``RecognizedFace``, loaded when they are asked for: they bring torch along."""
    if name == "Recognizer":
        from mien.recognition.recognizer import Recognizer

        return Recognizer
    if name == "RecognizedFace":
        from mien.recognition.faces import RecognizedFace

        return RecognizedFace
    raise AttributeError(f"module 'mien' has no attribute {name!r}")
