"""The bootstrap-t interval of a mean over clusters, for metrics without bounds.

The mean of skewed scores (times, costs, perplexities) is itself skewed, and mean ± t·SE then misses
the truth on one side. The bootstrap-t (Efron 1981; Davison & Hinkley 1997, section 5.2.1) draws the
clusters again with replacement, computes `(θ* − θ) / SE*` of every draw, and uses the quantiles of
these in place of Student's. Nothing repairs a heavy tail of which the data show no example, so
`is_skewed` says when to be careful.

Equal scores always give an equal interval, in whatever order they come: the clusters are sorted,
and the draws depend on their number alone. They come from `random.Random.random`, whose sequence
for a seed Python guarantees to keep.
"""

import math
import random
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from plumbmark.scoring.distributions import t_quantile
from plumbmark.scoring.intervals import CONFIDENCE, Interval
from plumbmark.scoring.vectors import Floats, Integers

DRAWS = 599
"""(DRAWS + 1) · 0.025 is a whole number, so that the quantiles are draws themselves."""
MIN_CLUSTERS = 8
"""With fewer, most draws repeat a few clusters, and the quantiles mean nothing."""
MAX_UNITS = 200
"""More clusters are joined to so many groups, which keeps the skewness of the mean: that of a group
of m is smaller by √m, and the number of groups by m."""
_COCHRAN = 25


def bootstrap_t(
    mean: float, totals: Floats, sizes: Integers, *, variance: float, df: float
) -> Interval:
    """Return the interval of `mean`, with its jackknife `variance` and `df` degrees of freedom.

    `totals` are the clusters' sums of deviations from `mean`, `sizes` their numbers of items. With
    too few clusters it is Student's interval.
    """
    quantiles = None
    if len(totals) >= MIN_CLUSTERS:
        quantiles = _quantiles(*_join_units(totals, sizes))
    error = math.sqrt(variance)
    if quantiles is None:
        half = t_quantile(0.5 + CONFIDENCE / 2, df) * error
        return Interval(mean - half, mean + half)
    low, high = quantiles
    return Interval(min(mean, mean - high * error), max(mean, mean - low * error))


def is_skewed(totals: Floats) -> bool:
    """Return whether the clusters are too few for their skewness, by Cochran's rule.

    n > 25·G₁² (Cochran 1977, Sampling Techniques, section 2.15), with G₁ Fisher's skewness.
    """
    count = len(totals)
    largest = float(np.abs(totals).max(initial=0.0))
    if count < 2 or not largest:
        return False
    # Relative to the largest, so that no power overflows or underflows.
    relative = totals / largest
    relative = relative - relative.mean()
    second = float(np.square(relative).mean())
    third = float((relative * relative * relative).mean())
    if second <= 1e-24:
        return False
    skewness = third / second**1.5
    return bool(count <= _COCHRAN * skewness * skewness)


def _join_units(totals: Floats, sizes: Integers) -> tuple[Floats, Floats]:
    """Return the clusters sorted by their values, or groups of them if there are very many."""
    order = np.lexsort((sizes, totals))
    totals, sizes = totals[order], sizes[order]
    count = len(totals)
    if count > MAX_UNITS:
        # Groups taken from a sorted list would be more alike than chance has it.
        groups = _groups(count)
        totals = np.add.reduceat(totals[groups.places], groups.starts)
        sizes = np.add.reduceat(sizes[groups.places], groups.starts)
    return totals, sizes.astype(float)


@dataclass(frozen=True, slots=True)
class _UnitGroups:
    """The places of clusters, one group after the other, and where each group starts."""

    places: Integers
    starts: Integers


@lru_cache(maxsize=64)
def _groups(count: int) -> _UnitGroups:
    """Return the groups of so many sorted clusters."""
    chance = random.Random(count).random  # noqa: S311 - reproducible on purpose
    order = np.argsort([chance() for _ in range(count)], kind="stable")
    dealt = [order[start::MAX_UNITS] for start in range(MAX_UNITS)]
    lengths = np.array([len(group) for group in dealt])
    return _UnitGroups(np.concatenate(dealt), np.cumsum(lengths) - lengths)


def _quantiles(totals: Floats, sizes: Floats) -> tuple[float, float] | None:
    """Return the quantiles of the studentised draws; None if a draw without variance is one."""
    count = len(totals)
    largest = float(np.abs(totals).max())
    if not largest:
        return None  # groups of clusters that cancel out
    values = totals / largest
    draws = _draws(count)
    # Of each draw: sums of values, squares, sizes, products and squared sizes.
    powers = np.stack((values, values * values, sizes, values * sizes, sizes * sizes), axis=1)
    total, square, items, crossed, squared_sizes = (draws @ powers).T
    mean = total / items
    residuals = square - 2 * mean * crossed + mean * mean * squared_sizes
    # The standard error is of a sum over all items; with equal sizes items cancel.
    is_varied = residuals > 1e-12 * square
    error = np.sqrt(np.where(is_varied, residuals, 1.0) * count / (count - 1))
    endless = np.where(total != 0, np.copysign(np.inf, total), 0.0)
    studentised = np.sort(np.where(is_varied, total / error, endless))
    place = round((DRAWS + 1) * (0.5 - CONFIDENCE / 2))
    low, high = float(studentised[place - 1]), float(studentised[-place])
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


@lru_cache(maxsize=4)
def _draws(count: int) -> Floats:
    """Return how often each draw takes each of so many clusters, the same for every row."""
    uniform = random.Random(count).random  # noqa: S311 - reproducible on purpose
    places = [int(uniform() * count) for _ in range(DRAWS * count)]
    rows = np.repeat(np.arange(DRAWS), count)
    counts = np.bincount(rows * count + np.array(places), minlength=DRAWS * count)
    return counts.reshape(DRAWS, count).astype(float)
