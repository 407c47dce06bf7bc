"""Metrics: guarded, exact, and the same for every model."""
