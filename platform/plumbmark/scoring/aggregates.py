"""One score over several tasks: fixed weights, normalised by declared bounds, nothing re-weighted.

Each task's score is mapped to 0 … 1 by the metric's declared bounds with the direction flipped so
that 1 is best, then averaged with weights that sum to 1. A row that lacks a task has no aggregate.
A benchmark of a single task gives the very numbers of that task on the normalised scale.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plumbmark.scoring.clustering import (
    Column,
    Layout,
    WeightedPart,
    column,
    deviations,
    lay_out,
    pair_deviations,
    spread,
)
from plumbmark.scoring.estimates import (
    Estimate,
    clip_interval,
    clustered_wilson,
    estimate,
    estimate_of,
)
from plumbmark.scoring.intervals import Interval, student
from plumbmark.scoring.items import ItemScore, ItemScores
from plumbmark.scoring.metrics import NORMALISED, Metric
from plumbmark.scoring.paired import (
    PairTest,
    compute_spread_test,
)

TaskScores = Mapping[str, ItemScores]
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
    found = spread(parts, layout.slot_tasks, 1.0)
    if found.variance is None or all(one.is_binary for one in columns):
        wilson = clustered_wilson(value, found, 1.0)
        interval, effective, method = wilson.interval, wilson.effective, wilson.method
    else:
        interval = clip_interval(student(value, found.variance, found.df), 0.0, 1.0)
        effective, method = None, "clustered-t"
    bounds = _bounds(by_task, tasks)
    estimates = by_task.values()
    return Estimate(
        value=value,
        low=interval.low,
        high=interval.high,
        method=method,
        n_items=sum(part.n_items for part in estimates),
        n_repeats=max(part.n_repeats for part in estimates),
        n_clusters=found.clusters,
        n_scored=sum(part.n_scored for part in estimates),
        n_unscored=sum(part.n_unscored for part in estimates),
        n_effective=effective,
        worst=bounds.low,
        best=bounds.high,
    )


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
    """Return the paired test of the weighted difference; None if some task has no common item."""
    parts = []
    difference = 0.0
    for frame, one, other, weight in zip(layout.frames, columns_a, columns_b, weights, strict=True):
        pair = pair_deviations(frame, one, other, weight) if one and other else None
        if pair is None:
            return None
        difference += weight * pair.difference
        parts.append(pair.part)
    return compute_spread_test(difference, spread(parts, layout.slot_tasks, 1.0), 1.0)
