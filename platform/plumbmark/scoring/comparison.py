"""Two rows side by side: what their scores differ by, how sure that is, and what could be found.

The tests are those of boards (`paired`, `pairs`), so that a pair has the same p-value everywhere.
They are not adjusted for the number of pairs that somebody looks at. A board's own verdict on a
pair is Holm's over all of its pairs; `largest_significant` finds it from the board's counts.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from plumbmark.scoring.aggregates import (
    TaskScores,
    WeightedTask,
    check_tasks,
    normalise_vector,
    tabulate_tasks,
    task_vectors,
)
from plumbmark.scoring.clustering import lay_out
from plumbmark.scoring.distributions import normal_quantile, t_quantile
from plumbmark.scoring.intervals import CONFIDENCE
from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.metrics import NORMALISED, Metric
from plumbmark.scoring.paired import Comparison, PairMethod, compare
from plumbmark.scoring.pairs import compare_few_weighted_pairs
from plumbmark.scoring.vectors import Booleans, Floats, Integers, ItemList, ScoreVector

POWER = 0.8
"""The share of comparisons that find the smallest detectable difference if it is there."""

_LEVEL = 0.5 + CONFIDENCE / 2


@dataclass(frozen=True, slots=True)
class PairResult:
    """Row a against row b. `difference` is a − b on the scale of the metric.

    `p_value` is two-sided and unadjusted. `detectable` is the smallest difference that a test with
    these items finds with 80 % power. All are None where they cannot be told.
    """

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    method: PairMethod | Literal["weighted-t"]
    n_common: int
    n_clusters: int
    a_better: int
    """Common items on which a has the better score."""
    b_better: int
    a_only: int
    b_only: int
    detectable: float | None

    @property
    def ties(self) -> int:
        """Common items on which both have the same score."""
        return self.n_common - self.a_better - self.b_better

    @property
    def is_significant(self) -> bool:
        """Return whether the unadjusted test finds a difference at 5 %."""
        return self.p_value is not None and self.p_value <= 1 - CONFIDENCE

    def mirrored(self) -> "PairResult":
        """Return row b against row a."""
        return replace(
            self,
            difference=_negate(self.difference),
            low=_negate(self.high),
            high=_negate(self.low),
            a_better=self.b_better,
            b_better=self.a_better,
            a_only=self.b_only,
            b_only=self.a_only,
        )


def _negate(value: float | None) -> float | None:
    # Adding nothing turns -0.0 into 0.0.
    return None if value is None else -value + 0.0


def compare_rows(
    a: ItemScores | ScoreVector, b: ItemScores | ScoreVector, metric: Metric
) -> PairResult:
    """Compare two rows on their common items, on the metric's own scale."""
    found = compare(a, b, metric)
    better, worse = found.a_higher, found.b_higher
    if not metric.is_higher_better:
        better, worse = worse, better
    return PairResult(
        difference=found.difference,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
        method=found.method,
        n_common=found.n_common,
        n_clusters=found.n_clusters,
        a_better=better,
        b_better=worse,
        a_only=found.a_only,
        b_only=found.b_only,
        detectable=_detectable_difference(found, metric),
    )


def _detectable_difference(found: Comparison, metric: Metric) -> float | None:
    if found.method == "mcnemar":
        error = matched_pairs_error(found.a_higher, found.b_higher, found.n_common)
        return detectable_difference(error * metric.width, math.inf, most=metric.width)
    if found.standard_error is None or found.df is None:
        return None
    most = metric.width if metric.is_bounded else math.inf
    return detectable_difference(found.standard_error, found.df, most=most)


def matched_pairs_error(a_only: int, b_only: int, n: int) -> float:
    """Return the standard error of the difference of two paired proportions.

    One is added to both discordant counts (Bonett & Price 2012, Journal of Educational and
    Behavioral Statistics 37:479), so that rows that never differ on few items do not seem to be
    known exactly.
    """
    total = n + 2
    one, other = (a_only + 1) / total, (b_only + 1) / total
    return math.sqrt((one + other - (one - other) ** 2) / total)


def detectable_difference(error: float, df: float, *, most: float = math.inf) -> float:
    """Return the smallest difference that a test at 5 % finds with 80 % power:
    (q(0.975) + q(0.8)) · error, with the quantiles of Student's t or the normal distribution.

    Bloom 1995, Evaluation Review 19:547 ("minimum detectable effects"); for evaluations of models
    Miller 2024, arXiv 2411.00640, section 5. `most` is the largest difference there can be.
    """
    if math.isinf(df):
        factor = normal_quantile(_LEVEL) + normal_quantile(POWER)
    else:
        factor = t_quantile(_LEVEL, df) + t_quantile(POWER, df)
    return min(most, factor * error)


def compare_aggregates(
    rows: Sequence[TaskScores], tasks: Sequence[WeightedTask]
) -> dict[tuple[int, int], PairResult]:
    """Return the comparisons of all pairs of a few rows by their weighted means, 0 … 1.

    A single task gives the comparison of that task on the normalised scale.
    """
    check_tasks(tasks)
    vectors = task_vectors(rows, tasks)
    first, second = np.triu_indices(len(rows), 1)
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    by_task = [
        {
            (one, other): compare_rows(vectors[one][n], vectors[other][n], task.metric)
            for one, other in pairs
        }
        for n, task in enumerate(tasks)
    ]
    if len(tasks) == 1:
        scaled = [normalise_vector(row[0], tasks[0].metric) for row in vectors]
        return {
            (one, other): compare_rows(scaled[one], scaled[other], NORMALISED)
            for one, other in pairs
        }
    return _compare_weighted(vectors, tasks, by_task, first, second)


def _compare_weighted(
    vectors: Sequence[Sequence[ScoreVector]],
    tasks: Sequence[WeightedTask],
    by_task: Sequence[Mapping[tuple[int, int], PairResult]],
    first: Integers,
    second: Integers,
) -> dict[tuple[int, int], PairResult]:
    layout = lay_out([[row[n].items for row in vectors] for n in range(len(tasks))])
    tables = tabulate_tasks(layout, vectors, tasks)
    weights = [task.weight for task in tasks]
    found = compare_few_weighted_pairs(layout, tables, weights, first, second)
    results = {}
    for n, pair in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        parts = [one[pair] for one in by_task]
        error, p_value = float(found.errors[n]), float(found.tests.p_values[n])
        difference = float(found.tests.differences[n])
        low = high = detectable = None
        is_tested = p_value == p_value
        if is_tested and error == error and error > 0:
            df, bounded = float(found.df[n]), float(found.bounded[n])
            half = t_quantile(_LEVEL, df) * error + bounded
            centre = float(found.centres[n])
            low = max(-1.0, min(difference, centre - half))
            high = min(1.0, max(difference, centre + half))
            detectable = min(1.0, detectable_difference(error, df) + bounded)
        results[pair] = PairResult(
            difference=difference if is_tested else None,
            low=low,
            high=high,
            p_value=p_value if is_tested else None,
            method="weighted-t" if is_tested else "none",
            n_common=sum(one.n_common for one in parts),
            n_clusters=sum(one.n_clusters for one in parts),
            a_better=sum(one.a_better for one in parts),
            b_better=sum(one.b_better for one in parts),
            a_only=sum(one.a_only for one in parts),
            b_only=sum(one.b_only for one in parts),
            detectable=detectable,
        )
    return results


def largest_significant(rows: int, told_apart: int, alpha: float) -> float:
    """Return the p-value up to which a pair of a board is significant after Holm's correction.

    Of m pairs of the board k are significant. Holm rejects in ascending order while
    p ≤ α / (m − rank + 1), and stopped after k: the next one is above α / (m − k), and all that are
    rejected are below it. So this one number decides, without the p-values of the other pairs.
    """
    pairs = rows * (rows - 1) // 2
    if pairs <= told_apart:
        return 1.0
    return alpha / (pairs - told_apart)


def choose_items(row: ScoreVector, chosen: Booleans) -> ScoreVector:
    """Return the scores of a row on some of its items."""
    places = np.flatnonzero(chosen).tolist()
    keys, clusters = row.items.keys, row.items.clusters
    items = ItemList([keys[n] for n in places], [clusters[n] for n in places])
    return share_items(row, chosen, items)


def share_items(row: ScoreVector, chosen: Booleans, items: ItemList) -> ScoreVector:
    """Return the same with a list of items that other rows have too."""
    return ScoreVector(
        items, row.totals[chosen], row.counts[chosen], row.unscored[chosen], row.levels
    )


def extend_row(row: ScoreVector, items: ItemList) -> ScoreVector:
    """Return a row on a longer list that begins with its own items, which then lacks the others."""
    lacking = len(items) - len(row)
    if lacking == 0:
        return row
    if items.keys[: len(row)] != row.items.keys:
        raise ValueError("the longer list must begin with the items of the row")
    totals, counts, unscored = (
        np.concatenate((values, np.zeros(lacking, values.dtype)))
        for values in (row.totals, row.counts, row.unscored)
    )
    return ScoreVector(items, totals, counts, unscored, row.levels)


@dataclass(frozen=True, slots=True)
class ItemDirections:
    """Per item of two rows on the same items: which one is better. An item that one of the rows
    lacks is none of the three.
    """

    a_better: Booleans
    b_better: Booleans
    ties: Booleans
    a_means: Floats
    b_means: Floats


def find_directions(a: ScoreVector, b: ScoreVector, metric: Metric) -> ItemDirections:
    """Return item by item which of two rows on the same list of items is better."""
    common = (a.counts > 0) & (b.counts > 0)
    first, second = (np.where(row.counts > 0, row.means, np.nan) for row in (a, b))
    gains = np.where(common, first - second, 0.0)
    if not metric.is_higher_better:
        gains = -gains
    scale = max(float(np.nanmax(np.abs(one), initial=0.0)) for one in (first, second))
    better, worse = gains > 1e-12 * scale, gains < -1e-12 * scale
    return ItemDirections(better, worse, common & ~better & ~worse, first, second)
