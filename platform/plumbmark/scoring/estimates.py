"""The score of one row on one task: value, 95 % interval, and everything it rests on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from plumbmark.scoring.clustering import (
    Column,
    Spread,
    WeightedPart,
    column,
    deviations,
    lay_out,
    spread,
)
from plumbmark.scoring.distributions import t_quantile
from plumbmark.scoring.intervals import (
    CONFIDENCE,
    Interval,
    student,
    wilson,
    wilson_with_quantile,
)
from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.metrics import Metric

IntervalMethod = Literal[
    "wilson", "wilson-clustered", "clustered-t", "whole-range", "reported", "none"
]
"""`wilson`: one binary score per item, no clusters. `wilson-clustered`: Wilson with the effective
number of items that the clustered variance implies and Student's t. `clustered-t`: mean ± t·SE.
`whole-range`: a single cluster, from which nothing can be inferred. `reported`: given by the
program that made the score, not computed here. `none`: no interval exists."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """`value` is None where nothing is scored; `low` and `high` where no interval exists.

    Unscored samples never count as wrong: they are left out of `value` and counted. `worst` and
    `best` are the values if all of them had come out at the worst or the best bound; None where
    the metric has no bounds and something is unscored.
    """

    value: float | None
    low: float | None
    high: float | None
    method: IntervalMethod
    n_items: int
    """Items with at least one scored repeat."""
    n_repeats: int
    """The most repeats of an item."""
    n_clusters: int
    n_scored: int
    """Scored samples: items × repeats without the unscored ones."""
    n_unscored: int
    n_effective: float | None
    """The number of independent items that the interval rests on, for the Wilson methods."""
    worst: float | None
    best: float | None

    @property
    def unscored_share(self) -> float:
        """Unscored samples of all samples, 0 … 1."""
        total = self.n_scored + self.n_unscored
        return self.n_unscored / total if total else 0.0


def estimate(scores: ItemScores, metric: Metric) -> Estimate:
    """Return the mean over items of `scores` with its 95 % interval, on the metric's own scale.

    Repeats are averaged per item first. Binary scores (every value is one of the declared bounds)
    get Wilson's interval at every n; see `IntervalMethod`.
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
    interval: Interval | None
    effective: float | None = None
    method: IntervalMethod
    if one.is_binary and lower is not None and upper is not None:
        width = upper - lower
        share = min(1.0, max(0.0, (one.mean - lower) / width))
        if one.is_one_repeat and not part.has_clusters:
            effective, method = float(one.count), "wilson"
            interval = wilson(one.high.bit_count(), one.count)
        else:
            clustered = clustered_wilson(share, found, width)
            interval, effective, method = (
                clustered.interval,
                clustered.effective,
                clustered.method,
            )
        interval = Interval(lower + width * interval.low, lower + width * interval.high)
    elif found.variance is None:
        method = "none" if lower is None or upper is None else "whole-range"
        interval = None if lower is None or upper is None else Interval(lower, upper)
    else:
        method = "clustered-t"
        interval = clip_interval(student(one.mean, found.variance, found.df), lower, upper)
    return describe(scores, metric, one.mean, interval, effective, method, found.clusters)


@dataclass(frozen=True, slots=True)
class ClusteredWilson:
    interval: Interval
    effective: float | None
    method: IntervalMethod


def clustered_wilson(share: float, found: Spread, width: float) -> ClusteredWilson:
    """Return Wilson's interval with effective n = p(1−p)/V, or the number of clusters if V = 0."""
    if found.variance is None:
        return ClusteredWilson(Interval(0.0, 1.0), None, "whole-range")
    variance = found.variance / (width * width)
    if variance > 0 and 0 < share < 1:
        effective = share * (1 - share) / variance
    else:
        effective = float(found.clusters)
    quantile = t_quantile(0.5 + CONFIDENCE / 2, found.df)
    return ClusteredWilson(
        wilson_with_quantile(share, effective, quantile), effective, "wilson-clustered"
    )


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
