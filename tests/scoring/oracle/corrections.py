"""Correction of p-values for many tests at once."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values (Holm 1979), in the order given.

    A test is significant at level α in the family if its adjusted p-value is at most α: the k-th
    smallest is multiplied by m − k + 1 and never falls below the one before it.
    """
    count = len(p_values)
    adjusted = [0.0] * count
    running = 0.0
    for step, position in enumerate(sorted(range(count), key=p_values.__getitem__)):
        running = max(running, min(1.0, p_values[position] * (count - step)))
        adjusted[position] = running
    return adjusted
