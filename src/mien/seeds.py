"""Seeds that follow from one another, so that any epoch of any run can be repeated by itself."""

from numpy.random import SeedSequence


def derive(seed: int, *path: int) -> int:
    """A seed of its own for a place in a run, such as (epoch, rank); unrelated places get unrelated seeds.

    Args:
        seed: The run's seed, 0 or more.
        path: Whole numbers, 0 or more, that name the place.
    """
    return int(SeedSequence((seed, *path)).generate_state(1)[0])
