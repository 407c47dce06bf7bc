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


def paired_interval(both: int, first_only: int, second_only: int, neither: int) -> tuple[float, float]:
    """Newcombe's hybrid score 95 % interval of the difference of two shares of the same images.

    Newcombe 1998, Statistics in Medicine 17:2635-2650, method 10: built of the two Wilson intervals and the
    correlation phi of the pairs, which is made smaller by a continuity correction where it is positive.

    Args:
        both: Images that both are right on.
        first_only: Images that only the first is right on.
        second_only: Likewise.
        neither: Images that none is right on.

    Returns:
        Of the first's share minus the second's, within -1..1.

    Raises:
        ValueError: A count is negative, or all are 0.
    """
    n = both + first_only + second_only + neither
    if min(both, first_only, second_only, neither) < 0 or not n:
        raise ValueError(f"expected counts of at least one image, got {(both, first_only, second_only, neither)}")
    first, second = both + first_only, both + second_only
    (low1, high1), (low2, high2) = wilson_interval(first, n), wilson_interval(second, n)
    share1, share2 = first / n, second / n
    margins = first * (n - first) * second * (n - second)
    cross = float(both * neither - first_only * second_only)
    if cross > 0:
        cross = max(cross - n / 2, 0.0)
    phi = cross / sqrt(margins) if margins else 0.0
    difference = (first_only - second_only) / n
    low = difference - _reach(share1 - low1, high2 - share2, phi)
    return low, difference + _reach(high1 - share1, share2 - low2, phi)


def _reach(a: float, b: float, phi: float) -> float:
    """The standard error of a difference of two correlated values, from their own."""
    return sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))
