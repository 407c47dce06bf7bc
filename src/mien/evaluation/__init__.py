"""Evaluation: a model's predictions on a split, and their scores."""
