"""Confidence intervals of shares."""

from math import sqrt

Z95 = 1.959963984540054  # 97.5 % quantile of the normal distribution


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share (Wilson 1927), without continuity correction.

    Args:
        successes: How many of ``n``.
        n: Number of trials; 0 gives the whole range (0.0, 1.0).

    Raises:
        ValueError: ``successes`` is not within 0..n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"expected 0 <= successes <= n, got {successes} of {n}")
    if n == 0:
        return 0.0, 1.0
    share, z2 = successes / n, Z95 * Z95
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = Z95 / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low = 0.0 if successes == 0 else centre - reach
    high = 1.0 if successes == n else centre + reach
    return low, high
