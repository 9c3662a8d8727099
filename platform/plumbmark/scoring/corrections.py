"""Correction of p-values for many tests at once."""

from collections.abc import Sequence

import numpy as np

from plumbmark.scoring.vectors import Booleans, Floats


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values (Holm 1979), in the order given.

    A test is significant at level α in the family if its adjusted p-value is at most α: the k-th
    smallest is multiplied by m − k + 1 and never falls below the one before it.
    """
    raw = np.array(p_values, float)
    order = np.argsort(raw)
    ordered = raw[order] * np.arange(len(raw), 0, -1)
    adjusted = np.empty_like(ordered)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, ordered))
    return [float(one) for one in adjusted]


def find_significant(p_values: Floats, alpha: float) -> Booleans:
    """Return which adjusted p-values are at most `alpha`, without the cost of adjusting them."""
    ordered = np.sort(p_values)
    fails = ordered * np.arange(len(p_values), 0, -1) > alpha
    if not fails.any():
        return np.ones(len(p_values), bool)
    found: Booleans = p_values < ordered[np.argmax(fails)]
    return found
