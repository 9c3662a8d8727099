"""Correction of p-values for many tests at once."""

from collections.abc import Sequence

import numpy as np

from plumbmark.scoring.vectors import Floats


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values (Holm 1979), in the order given.

    A test is significant at level α in the family if its adjusted p-value is at most α: the k-th
    smallest is multiplied by m − k + 1 and never falls below the one before it.
    """
    return [float(one) for one in adjust(np.array(p_values, float))]


def adjust(p_values: Floats) -> Floats:
    """Return Holm's adjusted p-values of the last axis, in the order given."""
    count = p_values.shape[-1]
    order = np.argsort(p_values, axis=-1)
    ordered = np.take_along_axis(p_values, order, axis=-1) * np.arange(count, 0, -1)
    ordered = np.maximum.accumulate(np.minimum(1.0, ordered), axis=-1)
    adjusted = np.empty_like(ordered)
    np.put_along_axis(adjusted, order, ordered, axis=-1)
    return adjusted
