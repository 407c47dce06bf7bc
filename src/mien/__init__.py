"""mien: facial-expression experiments with honest numbers."""

__version__ = "0.1.0"
