"""One score over several tasks: fixed weights, normalised by declared bounds, nothing re-weighted.

Each task's score is mapped to 0 … 1 by the metric's declared bounds with the direction flipped so
that 1 is best, then averaged with weights that sum to 1. A row that lacks a task has no aggregate.
A benchmark of a single task gives the very numbers of that task on the normalised scale.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from plumbmark.scoring.clustering import (
    Deviations,
    Layout,
    Table,
    TaskPart,
    correlations,
    count_clusters,
    deviate,
    is_negligible,
    lay_out,
    spread,
    tabulate,
    variance_alone,
)
from plumbmark.scoring.distributions import normal_quantile, t_quantile
from plumbmark.scoring.estimates import Estimate, estimate_rows, is_plain_binary, rows_by_items
from plumbmark.scoring.intervals import CONFIDENCE, Intervals, Strata, stratified_wilson
from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.metrics import NORMALISED, Metric
from plumbmark.scoring.vectors import Booleans, Floats, ScoreVector, as_vector, pack

NO_SCORES = pack({})
TaskScores = Mapping[str, ItemScores | ScoreVector]
"""Task key to the scores of one row on that task."""


@dataclass(frozen=True, slots=True)
class WeightedTask:
    key: str
    weight: float
    metric: Metric


@dataclass(frozen=True, slots=True)
class AggregateEstimate:
    """The aggregate and, on each task's own scale, its parts.

    `estimate.value` is None where a task is missing; `missing` names it.
    """

    estimate: Estimate
    tasks: Mapping[str, Estimate]
    missing: tuple[str, ...]


def check_tasks(tasks: Sequence[WeightedTask]) -> None:
    """Raise `ValueError`, naming the task, for weights or metrics that make no aggregate."""
    if not tasks:
        raise ValueError("an aggregate needs at least one task")
    if len({task.key for task in tasks}) != len(tasks):
        raise ValueError("a task is named twice in the aggregate")
    for task in tasks:
        if not (math.isfinite(task.weight) and task.weight > 0):
            raise ValueError(f"task {task.key}: the weight must be above zero")
        if not task.metric.is_bounded:
            raise ValueError(
                f"task {task.key}: metric {task.metric.name} has no declared bounds, so it cannot "
                "be normalised and is barred from aggregates"
            )
    total = math.fsum(task.weight for task in tasks)
    if abs(total - 1) > 1e-9:
        raise ValueError(f"the weights sum to {total:.12g} and must sum to 1")


def aggregate_estimate(scores: TaskScores, tasks: Sequence[WeightedTask]) -> AggregateEstimate:
    """Return the weighted score of one row, 0 … 1, with its 95 % interval."""
    return aggregate_rows([scores], tasks)[0]


def aggregate_rows(
    rows: Sequence[TaskScores], tasks: Sequence[WeightedTask]
) -> list[AggregateEstimate]:
    """Return the weighted score of each row. None depends on the other rows."""
    check_tasks(tasks)
    vectors = task_vectors(rows, tasks)
    parts = estimate_tasks(vectors, tasks)
    found: list[AggregateEstimate | None] = [None] * len(rows)
    for numbers in rows_by_items([tuple(one.items for one in row) for row in vectors]):
        same = [vectors[number] for number in numbers]
        layout = lay_out([[one.items] for one in same[0]])
        tables = tabulate_tasks(layout, same, tasks)
        joined = aggregate_tables(layout, same, tables, [parts[n] for n in numbers], tasks)
        for number, one in zip(numbers, joined, strict=True):
            found[number] = one
    return [one for one in found if one is not None]


def task_vectors(
    rows: Sequence[TaskScores], tasks: Sequence[WeightedTask]
) -> list[list[ScoreVector]]:
    """Return the scores of each row, task by task; a task that it lacks is empty."""
    return [[as_vector(row.get(task.key, NO_SCORES)) for task in tasks] for row in rows]


def estimate_tasks(
    rows: Sequence[Sequence[ScoreVector]], tasks: Sequence[WeightedTask]
) -> list[dict[str, Estimate]]:
    """Return the estimates of each row by task, on the tasks' own scales."""
    by_task = [
        estimate_rows([row[number] for row in rows], task.metric)
        for number, task in enumerate(tasks)
    ]
    keys = [task.key for task in tasks]
    return [
        dict(zip(keys, (one[number] for one in by_task), strict=True))
        for number in range(len(rows))
    ]


def tabulate_tasks(
    layout: Layout, rows: Sequence[Sequence[ScoreVector]], tasks: Sequence[WeightedTask]
) -> list[Table]:
    """Return the scores of rows, task by task, mapped to 0 … 1."""
    return [
        tabulate(frame, [row[number] for row in rows], task.metric, normalise=True)
        for number, (frame, task) in enumerate(zip(layout.frames, tasks, strict=True))
    ]


def normalise_vector(row: ScoreVector, metric: Metric) -> ScoreVector:
    """Return the scores of a row mapped to 0 … 1, so that 1 is best."""
    if metric.lower is None or metric.upper is None:
        raise ValueError(f"metric {metric.name} has no declared bounds and cannot be normalised")
    # As floats: small integers times a bound would overflow.
    counts = row.counts.astype(float)
    totals = (row.totals - counts * metric.lower) / (metric.upper - metric.lower)
    if not metric.is_higher_better:
        totals = counts - totals
    levels = row.levels
    if levels is not None:
        levels = tuple(sorted(metric.normalise(level) for level in levels))
    return ScoreVector(row.items, totals, row.counts, row.unscored, levels)


def aggregate_tables(
    layout: Layout,
    rows: Sequence[Sequence[ScoreVector]],
    tables: Sequence[Table],
    by_task: Sequence[Mapping[str, Estimate]],
    tasks: Sequence[WeightedTask],
) -> list[AggregateEstimate]:
    """Return the aggregates of rows that are already laid out and estimated task by task."""
    missing = [
        tuple(task.key for task, one in zip(tasks, row, strict=True) if not one.summary.items)
        for row in rows
    ]
    whole = np.array([not one for one in missing], bool)
    if len(tasks) == 1:
        normalised = [normalise_vector(row[0], tasks[0].metric) for row in rows]
        joined = estimate_rows(normalised, NORMALISED)
    elif whole.any():
        joined = _join_tables(layout, tables, whole, by_task, tasks)
    else:
        joined = []
    places = iter(joined)
    found = []
    for number, parts in enumerate(by_task):
        if len(tasks) == 1:
            one = joined[number]
        else:
            one = next(places) if whole[number] else _without_value(parts)
        if missing[number]:
            one = _without_value(parts)
        found.append(AggregateEstimate(one, parts, missing[number]))
    return found


def _join_tables(
    layout: Layout,
    tables: Sequence[Table],
    whole: Booleans,
    by_task: Sequence[Mapping[str, Estimate]],
    tasks: Sequence[WeightedTask],
) -> list[Estimate]:
    """Return the aggregates of the rows that lack no task."""
    tables = [table.rows(whole) for table in tables]
    found = [
        deviate(table.frame, table.centred, table.present, task.weight)
        for table, task in zip(tables, tasks, strict=True)
    ]
    clusters = count_clusters([one.part for one in found], layout)
    means = np.stack([table.means for table in tables])
    weights = np.array([[task.weight] for task in tasks])
    values = np.clip((weights * means).sum(axis=0), 0.0, 1.0)
    limits = _stratified_limits(layout, tables, found, tasks)
    # Sums in another order differ in the last digits.
    low, high = np.minimum(values, limits.low), np.maximum(values, limits.high)
    estimates = [one for one, is_whole in zip(by_task, whole, strict=True) if is_whole]
    return [
        _describe(parts, tasks, float(values[n]), float(low[n]), float(high[n]), int(clusters[n]))
        for n, parts in enumerate(estimates)
    ]


def _describe(
    by_task: Mapping[str, Estimate],
    tasks: Sequence[WeightedTask],
    value: float,
    low: float,
    high: float,
    clusters: int,
) -> Estimate:
    estimates = by_task.values()
    worst = best = 0.0
    # With every unscored sample at its worst and at its best.
    for task in tasks:
        part = by_task[task.key]
        if part.worst is not None and part.best is not None:
            worst += task.weight * task.metric.normalise(part.worst)
            best += task.weight * task.metric.normalise(part.best)
    return Estimate(
        value=value,
        low=low,
        high=high,
        method="wilson-stratified",
        n_items=sum(part.n_items for part in estimates),
        n_repeats=max(part.n_repeats for part in estimates),
        n_clusters=clusters,
        n_scored=sum(part.n_scored for part in estimates),
        n_unscored=sum(part.n_unscored for part in estimates),
        n_effective=None,
        worst=worst,
        best=best,
    )


def _stratified_limits(
    layout: Layout,
    tables: Sequence[Table],
    found: Sequence[Deviations],
    tasks: Sequence[WeightedTask],
) -> Intervals:
    """Return the intervals of weighted means by the stratified score method.

    Every task is a stratum of so many effective items (`estimates.effective_items`). All use one
    quantile: the normal one where every task has one binary score per item and no clusters,
    otherwise Student's with Satterthwaite's degrees. A task of a single cluster can have any mean,
    which its weight bounds.
    """
    parts = [one.part for one in found]
    plain = [is_plain_binary(table, one) for table, one in zip(tables, found, strict=True)]
    is_plain = np.logical_and.reduce(plain)
    known = [is_plain | (part.clusters > 1) for part in parts]
    variances = spread(parts, layout, 1.0, included=known)
    normal, upper = normal_quantile(0.5 + CONFIDENCE / 2), 0.5 + CONFIDENCE / 2
    quantiles = np.array(
        [
            normal if one or not df else t_quantile(upper, df)
            for one, df in zip(is_plain.tolist(), variances.df.tolist(), strict=True)
        ]
    )
    shares, counts, weights = [], [], []
    for table, part, one, is_known, task in zip(tables, parts, plain, known, tasks, strict=True):
        share = np.clip(table.means, 0.0, 1.0)
        shares.append(np.where(is_known, share, 0.0))
        trials = np.where(one, part.counts, _effective_items(share, part))
        counts.append(np.where(is_known, trials, 1.0))
        weights.append(np.where(is_known, task.weight, 0.0))
    strata = Strata(np.stack(shares), np.stack(counts), np.stack(weights))
    limits = stratified_wilson(strata, correlations(parts, layout), quantiles)
    is_open = ~np.logical_or.reduce(known)
    unknown = sum(np.where(one, 0.0, task.weight) for one, task in zip(known, tasks, strict=True))
    return Intervals(
        np.where(is_open, 0.0, limits.low),
        np.where(is_open, 1.0, np.minimum(1.0, limits.high + unknown)),
    )


def _effective_items(shares: Floats, part: TaskPart) -> Floats:
    """Return `estimates.effective_items` of many shares."""
    variances = variance_alone(part, 1.0)
    varies = ~is_negligible(variances, 1.0) & (shares > 0) & (shares < 1)
    product = shares * (1 - shares)
    return np.where(varies, product / np.where(varies, variances, 1.0), part.clusters)


def _without_value(by_task: Mapping[str, Estimate]) -> Estimate:
    estimates = by_task.values()
    return Estimate(
        value=None,
        low=None,
        high=None,
        method="none",
        n_items=sum(part.n_items for part in estimates),
        n_repeats=max(part.n_repeats for part in estimates),
        n_clusters=0,
        n_scored=sum(part.n_scored for part in estimates),
        n_unscored=sum(part.n_unscored for part in estimates),
        n_effective=None,
        worst=None,
        best=None,
    )
