"""One score over several tasks, and the test of two."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from plumbmark.scoring.aggregates import AggregateEstimate, WeightedTask, check_tasks
from plumbmark.scoring.distributions import normal_quantile, t_quantile
from plumbmark.scoring.intervals import CONFIDENCE, Interval
from plumbmark.scoring.items import ItemScore, ItemScores
from plumbmark.scoring.metrics import NORMALISED, Metric
from tests.scoring.oracle.clustering import (
    Column,
    Layout,
    Spread,
    WeightedPart,
    column,
    correlations,
    deviations,
    lay_out,
    pair_deviations,
    spread,
)
from tests.scoring.oracle.estimates import (
    Estimate,
    effective_items,
    estimate,
    estimate_of,
    is_plain_binary,
)
from tests.scoring.oracle.intervals import Stratum, stratified_wilson
from tests.scoring.oracle.paired import (
    PairTest,
    compute_spread_test,
)

TaskScores = Mapping[str, ItemScores]


def aggregate_estimate(scores: TaskScores, tasks: Sequence[WeightedTask]) -> AggregateEstimate:
    """Return the weighted score of one row, 0 … 1, with its 95 % interval."""
    check_tasks(tasks)
    rows = [scores.get(task.key, {}) for task in tasks]
    layout = lay_out([[row] for row in rows])
    columns = normalise_columns(layout, rows, tasks)
    return aggregate_of(layout, rows, columns, tasks)


def normalise_columns(
    layout: Layout, rows: Sequence[ItemScores], tasks: Sequence[WeightedTask]
) -> list[Column | None]:
    """Return one row's columns, task by task, mapped to 0 … 1."""
    return [
        column(frame, row, task.metric, normalise=True)
        for frame, row, task in zip(layout.frames, rows, tasks, strict=True)
    ]


def aggregate_of(
    layout: Layout,
    rows: Sequence[ItemScores],
    columns: Sequence[Column | None],
    tasks: Sequence[WeightedTask],
) -> AggregateEstimate:
    """Return the aggregate of one row from columns that are already laid out."""
    by_task = {task.key: estimate(row, task.metric) for task, row in zip(tasks, rows, strict=True)}
    present = [one for one in columns if one is not None]
    missing = tuple(task.key for task, one in zip(tasks, columns, strict=True) if one is None)
    parts = [
        deviations(frame, one, task.weight)
        for frame, one, task in zip(layout.frames, columns, tasks, strict=True)
        if one is not None
    ]
    if missing:
        return AggregateEstimate(_without_value(by_task), by_task, missing)
    if len(tasks) == 1:
        normalised = _normalise_scores(rows[0], tasks[0].metric)
        found = spread(parts, layout.slot_tasks, 1.0)
        single = estimate_of(normalised, NORMALISED, present[0], parts[0], found)
        return AggregateEstimate(single, by_task, ())
    return AggregateEstimate(_join_columns(layout, present, parts, by_task, tasks), by_task, ())


def _normalise_scores(scores: ItemScores, metric: Metric) -> ItemScores:
    return {
        key: ItemScore(
            tuple(metric.normalise(value) for value in score.values), score.unscored, score.cluster
        )
        for key, score in scores.items()
    }


def _join_columns(
    layout: Layout,
    columns: Sequence[Column],
    parts: Sequence[WeightedPart],
    by_task: Mapping[str, Estimate],
    tasks: Sequence[WeightedTask],
) -> Estimate:
    value = sum(task.weight * one.mean for task, one in zip(tasks, columns, strict=True))
    value = min(1.0, max(0.0, value))
    interval = _stratified_interval(layout, columns, parts)
    bounds = _bounds(by_task, tasks)
    estimates = by_task.values()
    return Estimate(
        value=value,
        # Sums in another order differ in the last digits.
        low=min(value, interval.low),
        high=max(value, interval.high),
        method="wilson-stratified",
        n_items=sum(part.n_items for part in estimates),
        n_repeats=max(part.n_repeats for part in estimates),
        n_clusters=spread(parts, layout.slot_tasks, 1.0).clusters,
        n_scored=sum(part.n_scored for part in estimates),
        n_unscored=sum(part.n_unscored for part in estimates),
        n_effective=None,
        worst=bounds.low,
        best=bounds.high,
    )


def _stratified_interval(
    layout: Layout, columns: Sequence[Column], parts: Sequence[WeightedPart]
) -> Interval:
    """Return the interval of a weighted mean by the stratified score method.

    Every task is a stratum of so many effective items (`estimates.effective_items`). All use one
    quantile: the normal one where every task has one binary score per item and no clusters,
    otherwise Student's with Satterthwaite's degrees. A task of a single cluster can have any mean,
    which its weight bounds.
    """
    is_plain = all(is_plain_binary(one, part) for one, part in zip(columns, parts, strict=True))
    estimable = [number for number, part in enumerate(parts) if is_plain or part.cluster_count > 1]
    open_weight = math.fsum(
        part.weight for number, part in enumerate(parts) if number not in estimable
    )
    if not estimable:
        return Interval(0.0, 1.0)
    known = [parts[number] for number in estimable]
    if is_plain:
        quantile = normal_quantile(0.5 + CONFIDENCE / 2)
    else:
        quantile = t_quantile(0.5 + CONFIDENCE / 2, spread(known, layout.slot_tasks, 1.0).df)
    found = stratified_wilson(
        [_stratum(layout, columns[number], parts[number]) for number in estimable],
        correlations(known, layout.slot_tasks),
        quantile,
    )
    return Interval(found.low, min(1.0, found.high + open_weight))


def _stratum(layout: Layout, one: Column, part: WeightedPart) -> Stratum:
    share = min(1.0, max(0.0, one.mean))
    if is_plain_binary(one, part):
        return Stratum(share, one.count, part.weight)
    found = spread([replace(part, weight=1.0)], layout.slot_tasks, 1.0)
    return Stratum(share, effective_items(share, found, 1.0), part.weight)


def _bounds(by_task: Mapping[str, Estimate], tasks: Sequence[WeightedTask]) -> Interval:
    """Return the aggregate with every unscored sample at its worst and at its best."""
    worst = best = 0.0
    for task in tasks:
        part = by_task[task.key]
        if part.worst is not None and part.best is not None:
            worst += task.weight * task.metric.normalise(part.worst)
            best += task.weight * task.metric.normalise(part.best)
    return Interval(worst, best)


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


def compute_weighted_test(
    layout: Layout,
    columns_a: Sequence[Column | None],
    columns_b: Sequence[Column | None],
    weights: Sequence[float],
) -> PairTest | None:
    """Return the paired test of the weighted difference; None if some task has no common item.

    To each of T binary tasks 1/T of a cluster is added on either side, so that a small task in
    which nobody differs still has a variance (Agresti & Min 2005, Bonett & Price 2012: with one
    task, 1 added to both discordant counts). The same is done where a task has no variance. A task
    with a single common cluster may have any difference, which its weight bounds.
    """
    pairs = []
    for frame, one, other, weight in zip(layout.frames, columns_a, columns_b, weights, strict=True):
        pair = pair_deviations(frame, one, other, weight) if one and other else None
        if one is None or other is None or pair is None:
            return None
        pairs.append((pair, one.is_binary and other.is_binary))
    difference = math.fsum(pair.part.weight * pair.difference for pair, _ in pairs)
    if abs(difference) <= 1e-13:
        # Else rounding would decide whether the difference has a direction.
        difference = 0.0
    estimable = [(pair, binary) for pair, binary in pairs if pair.part.cluster_count > 1]
    if not estimable:
        return compute_spread_test(difference, Spread(None, 0.0, len(pairs)), 1.0)
    parts = [pair.part for pair, _ in estimable]
    pseudo = [
        2 / len(pairs)
        if binary or not spread([pair.part], layout.slot_tasks, 1.0).variance
        else 0.0
        for pair, binary in estimable
    ]
    found = spread(parts, layout.slot_tasks, 1.0, pseudo=pseudo)
    # The added clusters lie in the denominators of the means as well.
    shrunk = math.fsum(
        pair.part.weight * pair.difference / (1 + added / pair.part.cluster_count)
        for (pair, _), added in zip(estimable, pseudo, strict=True)
    )
    bounded = math.fsum(pair.part.weight for pair, _ in pairs if pair.part.cluster_count < 2)
    proven = max(0.0, abs(shrunk) - bounded)
    test = compute_spread_test(proven, found, 1.0)
    p_value = test.p_value if shrunk * difference > 0 else 1.0
    return replace(test, difference=difference, p_value=p_value)
