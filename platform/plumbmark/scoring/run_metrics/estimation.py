"""The 95 % interval of a measure of a run, by the percentile bootstrap over clusters.

The clusters of items are drawn again with replacement, the measure is taken of each draw, and the
interval is from the 2.5th to the 97.5th percentile of these (Efron & Tibshirani 1993, chapter 13).
Repeats of an item and items of a cluster are drawn together. Draws in which the measure is not
defined are left out; where they are many, there is no interval. The draws come from NumPy's
`RandomState`, whose sequence for a seed is frozen, so equal samples give equal intervals.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from plumbmark.scoring.intervals import CONFIDENCE
from plumbmark.scoring.run_metrics.measures import Measure
from plumbmark.scoring.vectors import Integers

DRAWS = 999
"""(DRAWS + 1) · 0.025 is a whole number, so that the percentiles are draws themselves."""
MIN_CLUSTERS = 8
"""With fewer, most draws repeat a few clusters, and the percentiles mean nothing."""
_MAX_UNDEFINED_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class RunEstimate:
    """`value` is None where the measure is not defined; the ends where there is no interval."""

    value: float | None
    low: float | None = None
    high: float | None = None


def estimate_measure(measure: Measure, clusters: Sequence[Hashable]) -> RunEstimate:
    """Return a measure of the run with its interval; `clusters` has that of each sample."""
    if not clusters:
        return RunEstimate(None)
    value = measure(np.ones(len(clusters)))
    numbers = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    if value is None or len(numbers) < MIN_CLUSTERS:
        return RunEstimate(value)
    places: Integers = np.array([numbers[name] for name in clusters], dtype=np.int64)
    chance = np.random.RandomState(len(numbers))
    drawn = []
    for _ in range(DRAWS):
        taken = chance.randint(0, len(numbers), len(numbers))
        often = np.bincount(taken, minlength=len(numbers)).astype(float)
        found = measure(often[places])
        if found is not None:
            drawn.append(found)
    if len(drawn) < DRAWS * (1 - _MAX_UNDEFINED_SHARE):
        return RunEstimate(value)
    drawn.sort()
    place = round((len(drawn) + 1) * (0.5 - CONFIDENCE / 2))
    return RunEstimate(value, min(value, drawn[place - 1]), max(value, drawn[-place]))
