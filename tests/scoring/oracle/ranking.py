"""Rank ranges of a board, pair by pair."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from plumbmark.scoring.aggregates import WeightedTask, check_tasks
from plumbmark.scoring.estimates import Estimate
from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.metrics import NORMALISED, Metric
from plumbmark.scoring.ranking import (
    ALPHA,
    AggregateRow,
    Contradiction,
    Ranked,
    RankingRow,
    Unranked,
    place_of,
)
from tests.scoring.oracle.aggregates import (
    aggregate_of,
    compute_weighted_test,
    normalise_columns,
)
from tests.scoring.oracle.clustering import (
    Column,
    Layout,
    column,
    deviations,
    lay_out,
    pair_deviations,
    spread,
)
from tests.scoring.oracle.corrections import holm
from tests.scoring.oracle.estimates import describe, estimate_of
from tests.scoring.oracle.paired import PairTest, compute_pair_test, mcnemar


@dataclass(frozen=True, slots=True)
class _Entry:
    """The part of a row that ranking needs, for either kind of board."""

    key: str
    estimate: Estimate
    excluded: Unranked | None
    columns: Sequence[Column | None]

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
    layout = lay_out([[row.scores for row in rows]])
    frame = layout.frames[0]
    columns = [column(frame, row.scores, metric, normalise=False) for row in rows]
    entries = [
        _Entry(row.key, _estimate(layout, row.scores, metric, one), row.excluded, [one])
        for row, one in zip(rows, columns, strict=True)
    ]

    def test(first: int, second: int) -> PairTest | None:
        return _single_test(layout, columns[first], columns[second], metric.width)

    return _rank_entries(entries, metric, [1.0], test, alpha, contradiction)


def rank_aggregate(
    rows: Sequence[AggregateRow],
    tasks: Sequence[WeightedTask],
    *,
    alpha: float = ALPHA,
    contradiction: Contradiction = "any",
) -> list[Ranked]:
    """Rank rows by a weighted aggregate of tasks, on the normalised scale."""
    check_tasks(tasks)
    scores = [[row.tasks.get(task.key, {}) for task in tasks] for row in rows]
    layout = lay_out([[row[task] for row in scores] for task in range(len(tasks))])
    columns = [normalise_columns(layout, row, tasks) for row in scores]
    entries = []
    for row, row_scores, row_columns in zip(rows, scores, columns, strict=True):
        found = aggregate_of(layout, row_scores, row_columns, tasks)
        excluded = row.excluded or ("incomplete" if found.missing else None)
        entries.append(_Entry(row.key, found.estimate, excluded, row_columns))
    weights = [task.weight for task in tasks]

    def test(first: int, second: int) -> PairTest | None:
        if len(tasks) == 1:
            return _single_test(layout, columns[first][0], columns[second][0], 1.0)
        return compute_weighted_test(layout, columns[first], columns[second], weights)

    return _rank_entries(entries, NORMALISED, weights, test, alpha, contradiction)


def _estimate(layout: Layout, scores: ItemScores, metric: Metric, one: Column | None) -> Estimate:
    if one is None:
        return describe(scores, metric, None, None, None, "none", 0)
    part = deviations(layout.frames[0], one, 1.0)
    return estimate_of(scores, metric, one, part, spread([part], layout.slot_tasks, one.scale))


def _single_test(
    layout: Layout, one: Column | None, other: Column | None, width: float
) -> PairTest | None:
    if one is None or other is None:
        return None
    frame = layout.frames[0]
    binary = one.is_binary and one.is_one_repeat and other.is_binary and other.is_one_repeat
    if binary and not frame.cluster_of:
        return mcnemar(one, other, width=width)
    pair = pair_deviations(frame, one, other, 1.0)
    return compute_pair_test(pair, layout, one, other, width=width) if pair else None


def _rank_entries(
    entries: Sequence[_Entry],
    metric: Metric,
    weights: Sequence[float],
    test: Callable[[int, int], PairTest | None],
    alpha: float,
    contradiction: Contradiction,
) -> list[Ranked]:
    family = [number for number, entry in enumerate(entries) if entry.unranked is None]
    pairs = list(combinations(family, 2))
    tests = [test(first, second) for first, second in pairs]
    # A pair without common items cannot be distinguished, and still belongs to the family.
    p_values = [
        found.p_value if found is not None and found.p_value is not None else 1.0 for found in tests
    ]
    adjusted = holm(p_values)
    above = [0] * len(entries)
    below = [0] * len(entries)
    contradicted: list[list[str]] = [[] for _ in entries]
    own_tests: list[list[tuple[float, float]]] = [[] for _ in entries]
    for (first, second), found, p_value, adjusted_p in zip(
        pairs, tests, p_values, adjusted, strict=True
    ):
        gain = 0.0
        if found is not None:
            gain = found.difference if metric.is_higher_better else -found.difference
        own_tests[first].append((p_value, gain))
        own_tests[second].append((p_value, -gain))
        is_significant = adjusted_p <= alpha
        if is_significant and gain:
            better, worse = (first, second) if gain > 0 else (second, first)
            above[worse] += 1
            below[better] += 1
        if (contradiction == "any" or is_significant) and _contradicts(
            entries[first].estimate, entries[second].estimate, gain, metric
        ):
            contradicted[first].append(entries[second].key)
            contradicted[second].append(entries[first].key)
    marginal = [_marginal_range(one, alpha) for one in own_tests]
    shares = _common_shares(entries, weights)
    result = [
        Ranked(
            key=entry.key,
            estimate=entry.estimate,
            best_rank=None if entry.unranked else 1 + above[number],
            worst_rank=None if entry.unranked else len(family) - below[number],
            significantly_above=above[number],
            significantly_below=below[number],
            coverage_differs=bool(contradicted[number]),
            contradicted_by=tuple(sorted(contradicted[number])),
            unranked=entry.unranked,
            marginal_best=None if entry.unranked else marginal[number][0],
            marginal_worst=None if entry.unranked else marginal[number][1],
            common_share=None if entry.unranked else shares[number],
        )
        for number, entry in enumerate(entries)
    ]
    return sorted(result, key=lambda row: place_of(row, metric))


def _marginal_range(own_tests: Sequence[tuple[float, float]], alpha: float) -> tuple[int, int]:
    """Return the best and the worst rank of a row by its own tests alone, corrected by Holm.

    `own_tests` are p-values, with how much better the row is.
    """
    adjusted = holm([p_value for p_value, _ in own_tests])
    significant = [
        gain for (_, gain), p_value in zip(own_tests, adjusted, strict=True) if p_value <= alpha
    ]
    best = 1 + sum(gain < 0 for gain in significant)
    return best, len(own_tests) + 1 - sum(gain > 0 for gain in significant)


def _common_shares(entries: Sequence[_Entry], weights: Sequence[float]) -> list[float]:
    """Return for every row its share of the items on which some ranked row has a score."""
    shares = [0.0] * len(entries)
    for task, weight in enumerate(weights):
        present = [
            one.present if (one := entry.columns[task]) is not None else 0 for entry in entries
        ]
        every = 0
        for items, entry in zip(present, entries, strict=True):
            if entry.unranked is None:
                every |= items
        count = every.bit_count()
        for number, items in enumerate(present):
            shares[number] += weight * ((items & every).bit_count() / count if count else 1.0)
    return shares


def _contradicts(one: Estimate, other: Estimate, gain: float, metric: Metric) -> bool:
    """Return whether the board puts one row first and their common items the other."""
    if one.value is None or other.value is None:
        return False
    board = one.value - other.value if metric.is_higher_better else other.value - one.value
    # Sums in another order differ in the last digits; that is not a contradiction.
    margin = 1e-12 * max(1.0, abs(one.value), abs(other.value))
    return (board > margin and gain < -margin) or (board < -margin and gain > margin)
