"""Rank ranges of a board: what the pairwise tests show, and no more.

The family is all pairs of ranked rows, corrected by Holm. A row's rank lies between one plus the
rows significantly above it and N minus the rows significantly below it. All ranges of a board hold
together with 95 %. The marginal range of a row corrects for the row's own N − 1 tests only: it is
narrower, and holds for that row alone, for a reader who has picked it beforehand. Reference rows
(baselines, people) are on the board without a rank and outside the family.

Where rows answered different items, the order on their common items can be the opposite of the
board's; both rows are then flagged. On a crowded board a few unscored items are enough for that
between neighbours that no test distinguishes (of 200 close rows with 1 % unscored each, about a
third), so a board may flag only the contradictions that are significant.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from plumbmark.scoring.aggregates import (
    TaskScores,
    WeightedTask,
    aggregate_tables,
    check_tasks,
    estimate_tasks,
    normalise_vector,
    tabulate_tasks,
    task_vectors,
)
from plumbmark.scoring.clustering import Table, lay_out, tabulate
from plumbmark.scoring.corrections import find_significant
from plumbmark.scoring.estimates import Estimate, estimate_rows, round_digits
from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.metrics import NORMALISED, Metric
from plumbmark.scoring.paired import PairTests
from plumbmark.scoring.pairs import compare_pairs, compare_weighted_pairs
from plumbmark.scoring.vectors import Booleans, Floats, Integers, ScoreVector, as_vector

ALPHA = 0.05

Unranked = Literal["reference", "incomplete", "no-score"]
"""Why a row has no rank: it is a baseline or a person; it lacks a task or, by the caller's
decision, has too many unscored samples; none of it is scored."""

Contradiction = Literal["any", "significant"]


@dataclass(frozen=True, slots=True)
class RankingRow:
    """One row of a board of one task. `excluded` says why it is outside the ranking."""

    key: str
    scores: ItemScores | ScoreVector
    excluded: Unranked | None = None


@dataclass(frozen=True, slots=True)
class AggregateRow:
    """One row of a board of several tasks."""

    key: str
    tasks: TaskScores
    excluded: Unranked | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A row in its place. `best_rank` and `worst_rank` are None where `unranked` says why.

    With `coverage_differs` the board shows that instead of the rank: on the items common with
    the rows in `contradicted_by` the order is the opposite of the board's.
    """

    key: str
    estimate: Estimate
    best_rank: int | None
    worst_rank: int | None
    significantly_above: int
    """Ranked rows that are significantly better than this one."""
    significantly_below: int
    coverage_differs: bool
    contradicted_by: tuple[str, ...]
    unranked: Unranked | None
    marginal_best: int | None
    marginal_worst: int | None
    common_share: float | None
    """The row's share of all items that ranked rows have scores on, weighted by task."""

    @property
    def is_sole_first(self) -> bool:
        """Return whether every other ranked row is significantly below: the only case for a
        bold 1.
        """
        return self.best_rank == self.worst_rank == 1


@dataclass(frozen=True, slots=True)
class _Entry:
    """The part of a row that ranking needs, for either kind of board."""

    key: str
    estimate: Estimate
    excluded: Unranked | None

    @property
    def unranked(self) -> Unranked | None:
        return self.excluded or (None if self.estimate.value is not None else "no-score")


def rank(
    rows: Sequence[RankingRow],
    metric: Metric,
    *,
    alpha: float = ALPHA,
    contradiction: Contradiction = "any",
) -> list[Ranked]:
    """Return the rows from best to worst by estimate (ties by key), each with its rank range."""
    vectors = [as_vector(row.scores) for row in rows]
    return _rank_vectors(rows, vectors, metric, alpha, contradiction)


def _rank_vectors(
    rows: Sequence[RankingRow | AggregateRow],
    vectors: Sequence[ScoreVector],
    metric: Metric,
    alpha: float,
    contradiction: Contradiction,
) -> list[Ranked]:
    layout = lay_out([[vector.items for vector in vectors]])
    table = tabulate(layout.frames[0], vectors, metric, normalise=False)
    estimates = estimate_rows(vectors, metric)
    entries = [
        _Entry(row.key, found, row.excluded) for row, found in zip(rows, estimates, strict=True)
    ]
    family = _family(entries)
    tests = compare_pairs(layout, table.rows(family), metric.width)
    shares = _common_shares([table], family, [1.0])
    return _rank_entries(entries, metric, shares, tests, alpha, contradiction)


def rank_aggregate(
    rows: Sequence[AggregateRow],
    tasks: Sequence[WeightedTask],
    *,
    alpha: float = ALPHA,
    contradiction: Contradiction = "any",
) -> list[Ranked]:
    """Rank rows by a weighted aggregate of tasks, on the normalised scale."""
    check_tasks(tasks)
    vectors = task_vectors([row.tasks for row in rows], tasks)
    if len(tasks) == 1:
        single = [normalise_vector(row[0], tasks[0].metric) for row in vectors]
        lacking = [
            replace(row, excluded=row.excluded or (None if one.summary.items else "incomplete"))
            for row, one in zip(rows, single, strict=True)
        ]
        return _rank_vectors(lacking, single, NORMALISED, alpha, contradiction)
    lists = [[row[task].items for row in vectors] for task in range(len(tasks))]
    layout = lay_out(lists)
    tables = tabulate_tasks(layout, vectors, tasks)
    by_task = estimate_tasks(vectors, tasks)
    found = aggregate_tables(layout, vectors, tables, by_task, tasks)
    entries = [
        _Entry(row.key, one.estimate, row.excluded or ("incomplete" if one.missing else None))
        for row, one in zip(rows, found, strict=True)
    ]
    weights = [task.weight for task in tasks]
    family = _family(entries)
    tests = compare_weighted_pairs(layout, [table.rows(family) for table in tables], weights)
    shares = _common_shares(tables, family, weights)
    return _rank_entries(entries, NORMALISED, shares, tests, alpha, contradiction)


def _family(entries: Sequence[_Entry]) -> Booleans:
    return np.array([entry.unranked is None for entry in entries], bool)


@dataclass(frozen=True, slots=True)
class _Ranges:
    """Of each row of the family: how many rows are significantly better and worse, by the tests of
    all rows and by its own tests.
    """

    above: Integers
    below: Integers
    own_above: Integers
    own_below: Integers


def _rank_entries(
    entries: Sequence[_Entry],
    metric: Metric,
    shares: Floats,
    tests: PairTests,
    alpha: float,
    contradiction: Contradiction,
) -> list[Ranked]:
    family = [number for number, entry in enumerate(entries) if entry.unranked is None]
    count = len(family)
    # A pair without common items cannot be distinguished, and still belongs to the family.
    is_tested = ~np.isnan(tests.p_values)
    p_values = np.where(is_tested, tests.p_values, 1.0)
    gains = tests.differences if metric.is_higher_better else -tests.differences
    is_significant = find_significant(p_values, alpha)
    ranges = _ranges(count, p_values, gains, is_significant, alpha)
    contradicted: list[list[str]] = [[] for _ in entries]
    for first, second in _contradictions(
        [entries[number].estimate for number in family],
        metric,
        gains,
        np.ones(len(gains), bool) if contradiction == "any" else is_significant,
    ):
        one, other = family[first], family[second]
        contradicted[one].append(entries[other].key)
        contradicted[other].append(entries[one].key)
    places = {number: place for place, number in enumerate(family)}
    result = []
    for number, entry in enumerate(entries):
        place = places.get(number)
        above = 0 if place is None else int(ranges.above[place])
        below = 0 if place is None else int(ranges.below[place])
        is_ranked = place is not None
        result.append(
            Ranked(
                key=entry.key,
                estimate=entry.estimate,
                best_rank=1 + above if is_ranked else None,
                worst_rank=count - below if is_ranked else None,
                significantly_above=above,
                significantly_below=below,
                coverage_differs=bool(contradicted[number]),
                contradicted_by=tuple(sorted(contradicted[number])),
                unranked=entry.unranked,
                marginal_best=None if place is None else 1 + int(ranges.own_above[place]),
                marginal_worst=None if place is None else count - int(ranges.own_below[place]),
                common_share=float(shares[number]) if is_ranked else None,
            )
        )
    return sorted(result, key=lambda row: place_of(row, metric))


def _ranges(
    count: int, p_values: Floats, gains: Floats, is_significant: Booleans, alpha: float
) -> _Ranges:
    first, second = np.triu_indices(count, 1)
    better, worse = is_significant & (gains > 0), is_significant & (gains < 0)
    above = np.bincount(np.concatenate((second[better], first[worse])), minlength=count)
    below = np.bincount(np.concatenate((first[better], second[worse])), minlength=count)
    own_above, own_below = np.zeros(count, np.int64), np.zeros(count, np.int64)
    # The tests of each row with all others, also those in which it is the second.
    tests, signs = np.ones((count, count)), np.zeros((count, count), np.int8)
    tests[first, second] = tests[second, first] = p_values
    signs[first, second] = np.sign(gains)
    signs[second, first] = -signs[first, second]
    for place in range(count):
        others = np.arange(count) != place
        is_own = find_significant(tests[place, others], alpha)
        own_above[place] = np.count_nonzero(is_own & (signs[place, others] < 0))
        own_below[place] = np.count_nonzero(is_own & (signs[place, others] > 0))
    return _Ranges(above, below, own_above, own_below)


def _common_shares(tables: Sequence[Table], family: Booleans, weights: Sequence[float]) -> Floats:
    """Return for every row its share of the items on which some ranked row has a score."""
    shares = np.zeros(len(family))
    for table, weight in zip(tables, weights, strict=True):
        every = table.present[family].any(axis=0)
        count = np.count_nonzero(every)
        common = np.count_nonzero(table.present & every, axis=1)
        shares += weight * (common / count if count else 1.0)
    return shares


def _contradictions(
    estimates: Sequence[Estimate], metric: Metric, gains: Floats, counted: Booleans
) -> list[tuple[int, int]]:
    """Return the pairs of which the board puts one row first and their common items the other."""
    values = np.array([one.value for one in estimates], float)
    if not metric.is_higher_better:
        values = -values
    first, second = np.triu_indices(len(values), 1)
    first, second, gains = first[counted], second[counted], gains[counted]
    board = values[first] - values[second]
    # Sums in another order differ in the last digits; that is not a contradiction.
    margin = 1e-12 * np.maximum(1.0, np.maximum(np.abs(values[first]), np.abs(values[second])))
    differs = ((board > margin) & (gains < -margin)) | ((board < -margin) & (gains > margin))
    return list(zip(first[differs].tolist(), second[differs].tolist(), strict=True))


def place_of(row: Ranked, metric: Metric) -> tuple[bool, float, str]:
    """Return what rows are sorted by: from best to worst, those without a score last."""
    value = row.estimate.value
    if value is None:
        return (True, 0.0, row.key)
    # Equal scores whose sums differ in the last digits are ties.
    value = round_digits(value)
    return (False, -value if metric.is_higher_better else value, row.key)
