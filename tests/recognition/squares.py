"""Pictures for the detector ``squares``."""

import numpy as np


def picture(*corners, size=(80, 60), side=12, seed=0):
    """Black, with a white, lightly speckled square at each corner (x, y): (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for x, y in corners:
        image[y : y + side, x : x + side] = rng.integers(160, 256, (side, side, 3))
    return image


def moving(frames=24):
    """A square that moves by 2 pixels a frame, and from the 12th frame on a second one."""
    images = [picture((4 + 2 * n, 10), *([(60, 40)] if n >= 12 else []), size=(96, 64), side=16) for n in range(frames)]
    return np.stack(images)
