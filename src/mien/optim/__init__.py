"""Losses, optimizers and learning-rate schedules by name."""
