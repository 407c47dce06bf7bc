"""Overrides that make a run of the default experiment as small as can be."""

TINY = (
    "dataset.drawn.train=42",
    "dataset.drawn.validation=14",
    "dataset.drawn.test=21",
    "backbone.image_size=32",
    "dataset.batch_size=16",
    "trainer=cpu",
)
