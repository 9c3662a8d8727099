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
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter, mul

from plumbmark.scoring.distributions import t_quantile
from plumbmark.scoring.intervals import CONFIDENCE, Interval

DRAWS = 599
"""(DRAWS + 1) · 0.025 is a whole number, so that the quantiles are draws themselves."""
MIN_CLUSTERS = 8
"""With fewer, most draws repeat a few clusters, and the quantiles mean nothing."""
MAX_UNITS = 200
"""More clusters are joined to so many groups, which keeps the skewness of the mean: that of a group
of m is smaller by √m, and the number of groups by m."""
_COCHRAN = 25


def bootstrap_t(
    mean: float, totals: Sequence[float], sizes: Sequence[int], *, variance: float, df: float
) -> Interval:
    """Return the interval of `mean`, with its jackknife `variance` and `df` degrees of freedom.

    `totals` are the clusters' sums of deviations from `mean`, `sizes` their numbers of items. With
    too few clusters it is Student's interval.
    """
    quantiles = None
    if len(totals) >= MIN_CLUSTERS:
        quantiles = _quantiles(*_units(totals, sizes))
    error = math.sqrt(variance)
    if quantiles is None:
        half = t_quantile(0.5 + CONFIDENCE / 2, df) * error
        return Interval(mean - half, mean + half)
    low, high = quantiles
    return Interval(min(mean, mean - high * error), max(mean, mean - low * error))


def is_skewed(totals: Sequence[float]) -> bool:
    """Return whether the clusters are too few for their skewness, by Cochran's rule.

    n > 25·G₁² (Cochran 1977, Sampling Techniques, section 2.15), with G₁ Fisher's skewness.
    """
    count = len(totals)
    largest = max(map(abs, totals), default=0.0)
    if count < 2 or not largest:
        return False
    # Relative to the largest, so that no power overflows or underflows.
    relative = [total / largest for total in totals]
    centre = math.fsum(relative) / count
    second = math.fsum((one - centre) ** 2 for one in relative) / count
    third = math.fsum((one - centre) ** 3 for one in relative) / count
    if second <= 1e-24:
        return False
    skewness = third / second**1.5
    return bool(count <= _COCHRAN * skewness * skewness)


def _units(
    totals: Sequence[float], sizes: Sequence[int]
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return the clusters sorted by their values, or groups of them if there are very many."""
    units = sorted(zip(totals, sizes, strict=True))
    if len(units) > MAX_UNITS:
        # Groups taken from a sorted list would be more alike than chance has it.
        chance = random.Random(len(units)).random
        drawn = sorted((chance(), *unit) for unit in units)
        groups = [drawn[start::MAX_UNITS] for start in range(MAX_UNITS)]
        units = [
            (math.fsum(total for _, total, _ in one), sum(size for _, _, size in one))
            for one in groups
        ]
    return tuple(total for total, _ in units), tuple(size for _, size in units)


@lru_cache(maxsize=1024)  # a board computes each row's estimate for every scope
def _quantiles(totals: tuple[float, ...], sizes: tuple[int, ...]) -> tuple[float, float] | None:
    """Return the quantiles of the studentised draws; None if a draw without variance is one."""
    count = len(totals)
    largest = max(map(abs, totals))
    if not largest:
        return None  # groups of clusters that cancel out
    values = [total / largest for total in totals]
    squares = list(map(mul, values, values))
    is_equal = len(set(sizes)) == 1
    size = sizes[0]
    crossed = [] if is_equal else list(map(mul, values, sizes))
    squared_sizes = [] if is_equal else [one * one for one in sizes]
    studentised = []
    for draw in _draws(count):
        total, square = sum(draw(values)), sum(draw(squares))
        if is_equal:
            mean = total / (count * size)
            residuals = square - total * total / count
        else:
            items = sum(draw(sizes))
            mean = total / items
            residuals = (
                square - 2 * mean * sum(draw(crossed)) + mean * mean * sum(draw(squared_sizes))
            )
            # The standard error is of a sum over `items`; with equal sizes items cancel.
            mean *= items / (count * size)
        if residuals <= 1e-12 * square:
            studentised.append(math.copysign(math.inf, total) if total else 0.0)
            continue
        error = math.sqrt(residuals * count / (count - 1)) / (count * size)
        studentised.append(mean / error)
    studentised.sort()
    place = round((DRAWS + 1) * (0.5 - CONFIDENCE / 2))
    low, high = studentised[place - 1], studentised[-place]
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


@lru_cache(maxsize=4)
def _draws(count: int) -> list[Callable[[Sequence[float]], tuple[float, ...]]]:
    """Return what takes the places of each draw out of a list, the same for every row."""
    generator = random.Random(count)
    uniform = generator.random
    return [itemgetter(*(int(uniform() * count) for _ in range(count))) for _ in range(DRAWS)]
