"""Two rows compared on the items that both have."""

import math
from dataclasses import dataclass

from plumbmark.scoring.distributions import fair_coin_mid_p, t_two_sided
from plumbmark.scoring.intervals import Interval, newcombe_paired, student
from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.paired import Comparison, PairMethod
from tests.scoring.oracle.clustering import (
    Column,
    Layout,
    PairedPart,
    Spread,
    column,
    lay_out,
    pair_deviations,
    positions,
    spread,
)


@dataclass(frozen=True, slots=True)
class PairTest:
    """The part of a comparison that ranking needs, without the interval."""

    difference: float
    p_value: float | None
    method: PairMethod
    spread: Spread | None


def compare(a: ItemScores, b: ItemScores, metric: Metric) -> Comparison:
    """Compare two rows on their common items, on the metric's own scale."""
    layout = lay_out([[a, b]])
    frame = layout.frames[0]
    one = column(frame, a, metric, normalise=False)
    other = column(frame, b, metric, normalise=False)
    if one is None or other is None:
        return nothing_common(one, other)
    return compare_columns(layout, one, other, width=metric.width)


def compare_columns(layout: Layout, one: Column, other: Column, *, width: float) -> Comparison:
    """Compare two columns of a layout with a single task."""
    pair = pair_deviations(layout.frames[0], one, other, 1.0)
    if pair is None:
        return nothing_common(one, other)
    test = compute_pair_test(pair, layout, one, other, width=width)
    higher = _higher_counts(pair, one, other)
    interval = _interval(test, pair, one, other, higher, width)
    clusters = test.spread.clusters if test.spread else pair.part.cluster_count
    return Comparison(
        p_value=test.p_value,
        difference=test.difference,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        method=test.method,
        n_common=pair.part.count,
        a_only=one.count - pair.part.count,
        b_only=other.count - pair.part.count,
        a_higher=higher.one,
        b_higher=higher.other,
        n_clusters=clusters,
        standard_error=math.sqrt(test.spread.variance) if test.method == "clustered-t" else None,
        df=test.spread.df if test.method == "clustered-t" else None,
    )


def compute_pair_test(
    pair: PairedPart, layout: Layout, one: Column, other: Column, *, width: float
) -> PairTest:
    """Return the test of one pair of columns of a single task."""
    if is_mcnemar(pair, one, other) and (test := mcnemar(one, other, width=width)):
        return test
    found = spread([pair.part], layout.slot_tasks, max(one.scale, other.scale))
    return compute_spread_test(pair.difference, found, max(one.scale, other.scale))


def is_mcnemar(pair: PairedPart, one: Column, other: Column) -> bool:
    """Return whether both rows have one binary score per item and no cluster has several common
    items.
    """
    return (
        one.is_binary
        and other.is_binary
        and one.is_one_repeat
        and other.is_one_repeat
        and not pair.part.has_clusters
    )


def mcnemar(one: Column, other: Column, *, width: float) -> PairTest | None:
    """Return the mid-p McNemar test, a few operations on integers; None without common items."""
    common = one.present & other.present
    count = common.bit_count()
    if not count:
        return None
    first = (one.high & ~other.high & common).bit_count()
    second = (other.high & ~one.high & common).bit_count()
    p_value = fair_coin_mid_p(min(first, second), first + second)
    return PairTest((first - second) * width / count, p_value, "mcnemar", None)


def compute_spread_test(difference: float, found: Spread, scale: float) -> PairTest:
    """Return the t test of a difference with a clustered variance."""
    if abs(difference) <= 1e-13 * scale:
        difference = 0.0
    if found.variance is None:
        return PairTest(difference, None, "none", found)
    if found.variance == 0:
        # Every cluster shows the same difference: t would be infinite however few they are. Under
        # the null each cluster could as well have gone the other way.
        p_value = 1.0 if difference == 0 else min(1.0, 2.0 ** (1 - found.clusters))
        return PairTest(difference, p_value, "sign", found)
    statistic = difference / math.sqrt(found.variance)
    return PairTest(difference, t_two_sided(statistic, found.df), "clustered-t", found)


@dataclass(frozen=True, slots=True)
class _Higher:
    one: int
    other: int


def _higher_counts(pair: PairedPart, one: Column, other: Column) -> _Higher:
    if one.is_binary and other.is_binary and one.is_one_repeat and other.is_one_repeat:
        return _Higher(
            (one.high & ~other.high & pair.common).bit_count(),
            (other.high & ~one.high & pair.common).bit_count(),
        )
    shift = one.mean - other.mean
    margin = 1e-12 * max(one.scale, other.scale)
    first = second = 0
    for position in positions(pair.common):
        difference = one.centred[position] - other.centred[position] + shift
        first += difference > margin
        second += difference < -margin
    return _Higher(first, second)


def _interval(
    test: PairTest,
    pair: PairedPart,
    one: Column,
    other: Column,
    higher: _Higher,
    width: float,
) -> Interval | None:
    if test.method == "mcnemar":
        both = (one.high & other.high & pair.common).bit_count()
        neither = pair.part.count - both - higher.one - higher.other
        found = newcombe_paired(both, higher.one, higher.other, neither)
        return Interval(found.low * width, found.high * width)
    return difference_interval(test)


def difference_interval(test: PairTest) -> Interval | None:
    """Return the t interval of a difference; None if no variance can be estimated."""
    if test.spread is None or not test.spread.variance:
        return None
    return student(test.difference, test.spread.variance, test.spread.df)


def nothing_common(one: Column | None, other: Column | None) -> Comparison:
    """Return the comparison of rows that share no scored item."""
    a_only, b_only = one.count if one else 0, other.count if other else 0
    return Comparison(None, None, None, None, "none", 0, a_only, b_only, 0, 0, 0)
