"""Forecasts of a run from a few items: its likely total, and what it can tell apart.

Totals (cost, tokens, time). From n observed values with mean m and standard deviation s, the sum of
N future values of the same kind is predicted as N·m ± t(0.975, n−1) · s · N · √(1/N + 1/n): the
prediction interval for the mean of N future observations, times N (Hahn and Meeker, Statistical
Intervals, 1991, section 4.7). It supposes that values are about normal. Lengths of answers are
skewed, so an answer far longer than all that were seen is not in it: the bound is what holds.

Differences. Two models with the same variance v of an item's score, that err independently, differ
on N common items with the standard error √(2·v/N). The smallest difference that a test at 5 % finds
with 80 % power is (z(0.975) + z(0.8)) times that (Bloom 1995; Miller 2024, arXiv 2411.00640,
section 5), and the number of items for a difference d is (z(0.975) + z(0.8))² · 2·v / d². Models
agree on many items, so that a comparison of two real rows usually finds less; how much less is not
known before both are run.

The variance of a bounded score with mean p on 0 … 1 is at most p·(1−p) (Bhatia and Davis 2000,
American Mathematical Monthly 107:353), with equality where scores are right or wrong. p·(1−p) is
taken in the mean over Jeffreys' posterior of p, so that five right answers of five do not seem to
say that all items are right.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev, variance

from plumbmark.scoring.comparison import POWER, detectable_difference
from plumbmark.scoring.distributions import normal_quantile, t_quantile
from plumbmark.scoring.intervals import CONFIDENCE
from plumbmark.scoring.metrics import Metric

_LEVEL = 0.5 + CONFIDENCE / 2


@dataclass(frozen=True, slots=True)
class LikelyTotal:
    """A predicted sum with its 95 % prediction interval. `low` and `high` are None where a single
    value was observed.
    """

    mean: float
    low: float | None
    high: float | None


def predict_total(
    values: Sequence[float], count: int, *, most: float = math.inf
) -> LikelyTotal | None:
    """Return the sum of `count` future values; None without any observed. `most` is its bound."""
    if not values:
        return None
    n, mean = len(values), fmean(values)
    total = min(most, count * mean)
    if n < 2 or count < 1:
        return LikelyTotal(total, None, None)
    half = t_quantile(_LEVEL, n - 1) * stdev(values) * count * math.sqrt(1 / count + 1 / n)
    return LikelyTotal(total, max(0.0, count * mean - half), min(most, count * mean + half))


def score_variance(values: Sequence[float], metric: Metric) -> float | None:
    """Return the variance of an item's score on the metric's own scale, None where a few values say
    nothing of it.
    """
    if metric.is_bounded and metric.lower is not None:
        if not values:
            return None
        shares = [min(1.0, max(0.0, (one - metric.lower) / metric.width)) for one in values]
        right = sum(shares) + 0.5
        wrong = len(shares) - sum(shares) + 0.5
        total = right + wrong
        # The mean of p·(1−p) where p is Beta(right, wrong).
        return right * wrong / (total * (total + 1)) * metric.width**2
    if len(values) < 2:
        return None
    found = variance(values)
    return found if found > 0 else None


def largest_variance(metric: Metric) -> float | None:
    """Return the most that the variance of an item's score can be, None without bounds."""
    return metric.width**2 / 4 if metric.is_bounded else None


def difference_found(score_variance: float, items: int, metric: Metric) -> float | None:
    """Return the smallest difference that so many items can tell, None without items."""
    if items < 1:
        return None
    most = metric.width if metric.is_bounded else math.inf
    return detectable_difference(math.sqrt(2 * score_variance / items), math.inf, most=most)


def items_needed(score_variance: float, difference: float) -> int:
    """Return how many items tell a difference of this size, above 0."""
    factor = normal_quantile(_LEVEL) + normal_quantile(POWER)
    exact = factor**2 * 2 * score_variance / difference**2
    # Rounding errors must not ask for one more.
    return max(1, math.ceil(exact * (1 - 1e-12)))
