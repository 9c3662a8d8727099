"""The score of one row on one task: value, 95 % interval, and everything it rests on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from plumbmark.scoring.bootstrap import bootstrap_t, is_skewed
from plumbmark.scoring.clustering import (
    Deviations,
    Layout,
    Spread,
    Table,
    deviate,
    lay_out,
    spread,
    tabulate,
)
from plumbmark.scoring.distributions import t_quantile
from plumbmark.scoring.intervals import (
    CONFIDENCE,
    Interval,
    wilson,
    wilson_with_quantile,
)
from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.vectors import Booleans, ItemList, ScoreVector, as_vector

DIGITS = 12
"""Significant digits of what is stored and of what rows are sorted by."""
_MAX_ELEMENTS = 1 << 20
"""Of rows × items at a time: 8 MiB of doubles."""

IntervalMethod = Literal[
    "wilson",
    "wilson-clustered",
    "wilson-stratified",
    "bootstrap-t",
    "whole-range",
    "reported",
    "none",
    "clustered-t",
]
"""`wilson`: one binary score per item, no clusters. `wilson-clustered`: every other bounded metric,
Wilson with the effective number of items that the clustered variance implies and Student's t.
`wilson-stratified`: a weighted mean of tasks with such intervals. `bootstrap-t`: no bounds.
`whole-range`: a single cluster, from which nothing can be inferred. `reported`: given by the
program that made the score, not computed here. `none`: no interval exists. `clustered-t`: mean ±
t·SE, only in what was stored before there was `bootstrap-t`."""


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
    is_skewed: bool = False
    """The interval may be too narrow: the scores have no bounds, and too long a tail for so few."""

    @property
    def unscored_share(self) -> float:
        """Unscored samples of all samples, 0 … 1."""
        total = self.n_scored + self.n_unscored
        return self.n_unscored / total if total else 0.0


def round_digits(value: float) -> float:
    """Return a number to the digits that do not depend on the order in which it was summed."""
    return float(f"{value:.{DIGITS}g}")


def estimate(scores: ItemScores | ScoreVector, metric: Metric) -> Estimate:
    """Return the mean over items of `scores` with its 95 % interval, on the metric's own scale.

    Repeats are averaged per item first. Scores of a bounded metric get Wilson's interval at every
    n, others the bootstrap-t; see `IntervalMethod`.
    """
    return estimate_rows([as_vector(scores)], metric)[0]


def estimate_rows(rows: Sequence[ScoreVector], metric: Metric) -> list[Estimate]:
    """Return the estimate of each row. None depends on the other rows."""
    unknown = [row for row in rows if metric not in row.known_estimates]
    for numbers in rows_by_items([(row.items,) for row in unknown]):
        same = [unknown[number] for number in numbers]
        frame = lay_out([[same[0].items]]).frames[0]
        table = tabulate(frame, same, metric, normalise=False)
        for row, found in zip(same, _estimate_table(same, table, metric), strict=True):
            row.known_estimates[metric] = found
    return [row.known_estimates[metric] for row in rows]


def rows_by_items(rows: Sequence[tuple[ItemList, ...]]) -> list[list[int]]:
    """Return the numbers of rows with equal lists of items, in groups of limited size."""
    groups: dict[tuple[ItemList, ...], list[int]] = {}
    for number, lists in enumerate(rows):
        groups.setdefault(lists, []).append(number)
    chunks = []
    for lists, numbers in groups.items():
        step = max(1, _MAX_ELEMENTS // max(1, max(map(len, lists))))
        chunks += [numbers[start : start + step] for start in range(0, len(numbers), step)]
    return chunks


def _estimate_table(rows: Sequence[ScoreVector], table: Table, metric: Metric) -> list[Estimate]:
    """Return the estimates of rows that are already laid out as the only task."""
    found = deviate(table.frame, table.centred, table.present, 1.0)
    variances = spread([found.part], Layout([table.frame], []), table.scales)
    is_plain = is_plain_binary(table, found)
    right = np.count_nonzero(table.high, axis=1)
    return [
        _estimate_row(
            row,
            table,
            metric,
            found,
            variances,
            number,
            int(right[number]) if is_plain[number] else None,
        )
        for number, row in enumerate(rows)
    ]


@dataclass(frozen=True, slots=True)
class RowSpread:
    """The variance of one row's mean; None with a single cluster."""

    variance: float | None
    df: float
    clusters: int

    @classmethod
    def of(cls, found: Spread, number: int) -> "RowSpread":
        variance = float(found.variance[number])
        return cls(
            None if variance != variance else variance,
            float(found.df[number]),
            int(found.clusters[number]),
        )


def is_plain_binary(table: Table, found: Deviations) -> Booleans:
    """Return per row whether there is one binary score per item, and no cluster with several
    items.
    """
    return table.is_binary & table.is_one_repeat & ~found.part.has_clusters


def _estimate_row(
    row: ScoreVector,
    table: Table,
    metric: Metric,
    deviations: Deviations,
    variances: Spread,
    number: int,
    right: int | None,
) -> Estimate:
    """Return the estimate of a row; `right` are its right items if it is plainly binary."""
    count = int(table.counts[number])
    if not count:
        return describe(row, metric, None, None, None, "none", 0)
    mean, found = float(table.means[number]), RowSpread.of(variances, number)
    lower, upper = metric.lower, metric.upper
    if lower is None or upper is None:
        return _estimate_unbounded(row, metric, mean, deviations, found, number)
    width = upper - lower
    share = min(1.0, max(0.0, (mean - lower) / width))
    if right is not None:
        unit = ClusteredWilson(wilson(right, count), float(count), "wilson")
    else:
        unit = clustered_wilson(share, found, width)
    interval = Interval(lower + width * unit.interval.low, lower + width * unit.interval.high)
    return describe(row, metric, mean, interval, unit.effective, unit.method, found.clusters)


def _estimate_unbounded(
    row: ScoreVector,
    metric: Metric,
    mean: float,
    deviations: Deviations,
    found: RowSpread,
    number: int,
) -> Estimate:
    # Without bounds, equal scores and a single cluster say nothing about others to come.
    if not found.variance:
        return describe(row, metric, mean, None, None, "none", found.clusters)
    units = deviations.units(number)
    interval = bootstrap_t(mean, units.totals, units.sizes, variance=found.variance, df=found.df)
    described = describe(
        row,
        metric,
        mean,
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


def clustered_wilson(share: float, found: RowSpread, width: float) -> ClusteredWilson:
    """Return Wilson's interval with an effective number of items and Student's quantile."""
    if found.variance is None:
        return ClusteredWilson(Interval(0.0, 1.0), None, "whole-range")
    effective = effective_items(share, found, width)
    quantile = t_quantile(0.5 + CONFIDENCE / 2, found.df)
    return ClusteredWilson(
        wilson_with_quantile(share, effective, quantile), effective, "wilson-clustered"
    )


def effective_items(share: float, found: RowSpread, width: float) -> float:
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
    row: ScoreVector,
    metric: Metric,
    value: float | None,
    interval: Interval | None,
    effective: float | None,
    method: IntervalMethod,
    clusters: int,
) -> Estimate:
    """Return the estimate with its counts and the bounds that the unscored samples leave open."""
    counts = row.summary
    worst = best = value
    if counts.unscored:
        worst, best = _fill_unscored(row, metric.worst), _fill_unscored(row, metric.best)
    return Estimate(
        value=value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        method=method,
        n_items=counts.items,
        n_repeats=counts.repeats,
        n_clusters=clusters,
        n_scored=counts.scored,
        n_unscored=counts.unscored,
        n_effective=effective,
        worst=worst,
        best=best,
    )


def _fill_unscored(row: ScoreVector, bound: float | None) -> float | None:
    """Return the mean over items if every unscored sample had scored `bound`."""
    if bound is None:
        return None
    # As floats: small integers times a bound would overflow.
    unscored = row.unscored.astype(float)
    repeats = unscored + row.counts
    has_repeats = repeats > 0
    totals = (row.totals + unscored * bound)[has_repeats]
    return float((totals / repeats[has_repeats]).mean()) if totals.size else None
