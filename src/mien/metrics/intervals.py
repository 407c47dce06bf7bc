"""Confidence intervals of shares."""

from math import hypot, sqrt

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


def newcombe_interval(first: tuple[int, int], second: tuple[int, int]) -> tuple[float, float]:
    """Newcombe's hybrid score 95 % interval of the difference of two shares, the first minus the second.

    For two independent samples (Newcombe 1998, Statistics in Medicine 17:873-890, method 10): built of the two Wilson
    intervals.

    Args:
        first: Successes and trials, at least one.
        second: Likewise.

    Returns:
        Within -1..1.

    Raises:
        ValueError: There is no trial, or successes are not within 0..n.
    """
    if not (first[1] and second[1]):
        raise ValueError(f"expected at least one trial in each, got {first[1]} and {second[1]}")
    (low1, high1), (low2, high2) = wilson_interval(*first), wilson_interval(*second)
    share1, share2 = first[0] / first[1], second[0] / second[1]
    difference = share1 - share2
    return difference - hypot(share1 - low1, high2 - share2), difference + hypot(high1 - share1, share2 - low2)
