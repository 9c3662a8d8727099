"""The score of one row on one task."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from plumbmark.scoring.distributions import t_quantile
from plumbmark.scoring.estimates import Estimate, IntervalMethod
from plumbmark.scoring.intervals import (
    CONFIDENCE,
    Interval,
    wilson,
    wilson_with_quantile,
)
from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.metrics import Metric
from tests.scoring.oracle.bootstrap import bootstrap_t, is_skewed
from tests.scoring.oracle.clustering import (
    Column,
    Spread,
    WeightedPart,
    column,
    deviations,
    lay_out,
    spread,
    units_of,
)


def estimate(scores: ItemScores, metric: Metric) -> Estimate:
    """Return the mean over items of `scores` with its 95 % interval, on the metric's own scale.

    Repeats are averaged per item first. Scores of a bounded metric get Wilson's interval at every
    n, others the bootstrap-t; see `IntervalMethod`.
    """
    layout = lay_out([[scores]])
    frame = layout.frames[0]
    one = column(frame, scores, metric, normalise=False)
    if one is None:
        return describe(scores, metric, None, None, None, "none", 0)
    part = deviations(frame, one, 1.0)
    return estimate_of(scores, metric, one, part, spread([part], layout.slot_tasks, one.scale))


def estimate_of(
    scores: ItemScores, metric: Metric, one: Column, part: WeightedPart, found: Spread
) -> Estimate:
    """Return the estimate from a column that is already laid out."""
    lower, upper = metric.lower, metric.upper
    if lower is None or upper is None:
        return _estimate_unbounded(scores, metric, one, part, found)
    width = upper - lower
    share = min(1.0, max(0.0, (one.mean - lower) / width))
    unit = interval_of_share(share, one, part, found, width)
    interval = Interval(lower + width * unit.interval.low, lower + width * unit.interval.high)
    return describe(scores, metric, one.mean, interval, unit.effective, unit.method, found.clusters)


def interval_of_share(
    share: float, one: Column, part: WeightedPart, found: Spread, width: float
) -> "ClusteredWilson":
    """Return the interval of a bounded metric's mean, mapped to 0 … 1."""
    if is_plain_binary(one, part):
        return ClusteredWilson(wilson(one.high.bit_count(), one.count), float(one.count), "wilson")
    return clustered_wilson(share, found, width)


def is_plain_binary(one: Column, part: WeightedPart) -> bool:
    """Return whether there is one binary score per item, and no cluster with several items."""
    return one.is_binary and one.is_one_repeat and not part.has_clusters


def _estimate_unbounded(
    scores: ItemScores, metric: Metric, one: Column, part: WeightedPart, found: Spread
) -> Estimate:
    # Without bounds, equal scores and a single cluster say nothing about others to come.
    if not found.variance:
        return describe(scores, metric, one.mean, None, None, "none", found.clusters)
    units = units_of(one, part)
    interval = bootstrap_t(
        one.mean, units.totals, units.sizes, variance=found.variance, df=found.df
    )
    described = describe(
        scores,
        metric,
        one.mean,
        clip_interval(interval, metric.lower, metric.upper),
        None,
        "bootstrap-t",
        found.clusters,
    )
    return replace(described, is_skewed=is_skewed(units.totals))


@dataclass(frozen=True, slots=True)
class ClusteredWilson:
    interval: Interval
    effective: float | None
    method: IntervalMethod


def clustered_wilson(share: float, found: Spread, width: float) -> ClusteredWilson:
    """Return Wilson's interval with an effective number of items and Student's quantile."""
    if found.variance is None:
        return ClusteredWilson(Interval(0.0, 1.0), None, "whole-range")
    effective = effective_items(share, found, width)
    quantile = t_quantile(0.5 + CONFIDENCE / 2, found.df)
    return ClusteredWilson(
        wilson_with_quantile(share, effective, quantile), effective, "wilson-clustered"
    )


def effective_items(share: float, found: Spread, width: float) -> float:
    """Return Kish's effective number of items, p(1−p)/V, or the number of clusters if V = 0.

    So many independent binary items would have the variance V (Kish 1965; for Wilson's interval
    Korn & Graubard 1998, Survey Methodology 24:193, and Dean & Pagano 2015).
    """
    if found.variance and 0 < share < 1:
        return share * (1 - share) / (found.variance / (width * width))
    return float(found.clusters)


def clip_interval(interval: Interval, lower: float | None, upper: float | None) -> Interval:
    """Return the interval within the declared bounds: no mean lies outside them."""
    low, high = interval.low, interval.high
    if lower is not None:
        low = max(low, lower)
    if upper is not None:
        high = min(high, upper)
    return Interval(low, high)


def describe(
    scores: ItemScores,
    metric: Metric,
    value: float | None,
    interval: Interval | None,
    effective: float | None,
    method: IntervalMethod,
    clusters: int,
) -> Estimate:
    """Return the estimate with its counts and the bounds that the unscored samples leave open."""
    items = repeats = scored = unscored = 0
    for score in scores.values():
        items += bool(score.values)
        scored += len(score.values)
        unscored += score.unscored
        repeats = max(repeats, len(score.values) + score.unscored)
    worst = best = value
    if unscored:
        worst, best = _fill_unscored(scores, metric.worst), _fill_unscored(scores, metric.best)
    return Estimate(
        value=value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        method=method,
        n_items=items,
        n_repeats=repeats,
        n_clusters=clusters,
        n_scored=scored,
        n_unscored=unscored,
        n_effective=effective,
        worst=worst,
        best=best,
    )


def _fill_unscored(scores: ItemScores, bound: float | None) -> float | None:
    """Return the mean over items if every unscored sample had scored `bound`."""
    if bound is None:
        return None
    means = _fill_means(scores, bound)
    return sum(means) / len(means) if means else None


def _fill_means(scores: ItemScores, bound: float) -> Sequence[float]:
    return [
        (sum(score.values) + score.unscored * bound) / (len(score.values) + score.unscored)
        for score in scores.values()
        if score.values or score.unscored
    ]
