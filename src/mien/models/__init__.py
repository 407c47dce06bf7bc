"""Backbones, heads and the classifier they make; its file form is the bundle."""
