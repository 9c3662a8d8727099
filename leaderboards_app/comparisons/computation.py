"""The numbers of a comparison of runs: pairs, slices, and which items differ.

They are computed for the request and stored nowhere: a pair of 10,000 common items takes less than
a hundredth of a processor second (bench/comparisons.py), and what is stored nowhere cannot be shown
to somebody who may not see the runs.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from leaderboards_app.comparisons.queries import ItemFacts, RunSet
from plumbmark.scoring.comparison import (
    ItemDirections,
    PairResult,
    choose_items,
    compare_rows,
    find_directions,
    share_items,
)
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.vectors import Booleans, Floats, ItemList

MAX_SLICE_VALUES = 20
"""Of one column; the most frequent ones."""
MAX_SLICE_COLUMNS = 8
FEW_ITEMS = 30
"""A slice with fewer common items is marked."""


@dataclass(frozen=True, slots=True)
class SliceResult:
    """One value of a slice column."""

    value: str
    result: PairResult

    @property
    def has_few_items(self) -> bool:
        return self.result.n_common < FEW_ITEMS


@dataclass(frozen=True, slots=True)
class SliceColumn:
    """A pair by the values of one column, the most frequent first; `left_out`: further values."""

    name: str
    values: Sequence[SliceResult]
    left_out: int


def compare_all(found: RunSet) -> dict[tuple[int, int], PairResult]:
    """Return the comparisons of all pairs of runs, by their places."""
    return {
        pair: compare_rows(found.rows[pair[0]], found.rows[pair[1]], found.metric)
        for pair in combinations(range(len(found.rows)), 2)
    }


def compare_slices(found: RunSet, pair: tuple[int, int], facts: ItemFacts) -> list[SliceColumn]:
    """Return a pair by slices, of the items that the visitor may see: a slice can be so small that
    its score is that of one item.
    """
    columns: dict[str, list[str | None]] = {}
    for place, slices in enumerate(facts.slices):
        if not facts.visible[place]:
            continue
        for name, value in slices.items():
            if name not in columns:
                columns[name] = [None] * len(facts.slices)
            columns[name][place] = str(value)
    result = []
    for name in list(columns)[:MAX_SLICE_COLUMNS]:
        words = columns[name]
        counts = Counter(word for word in words if word is not None)
        shown = [value for value, _ in counts.most_common(MAX_SLICE_VALUES)]
        numbers = {value: number for number, value in enumerate(shown)}
        codes = np.array([-1 if one is None else numbers.get(one, -1) for one in words])
        values = [
            SliceResult(value, _compare_some(found, pair, codes == number))
            for number, value in enumerate(shown)
        ]
        result.append(SliceColumn(name, values, len(counts) - len(shown)))
    return result


def _compare_some(found: RunSet, pair: tuple[int, int], chosen: Booleans) -> PairResult:
    first, second = (found.rows[place] for place in pair)
    one = choose_items(first, chosen)
    return compare_rows(one, share_items(second, chosen, one.items), found.metric)


@dataclass(frozen=True, slots=True)
class ItemView:
    """The items of a pair, as far as the visitor may see them."""

    items: ItemList
    directions: ItemDirections
    masks: dict[str, Booleans]
    """The items that each filter shows."""

    def count(self, shown: str) -> int:
        """Return how many items a filter shows."""
        return int(np.count_nonzero(self.masks[shown]))

    def places(self, shown: str) -> list[int]:
        """Return the places of the items that a filter shows, in order."""
        found: list[int] = np.flatnonzero(self.masks[shown]).tolist()
        return found


def view_items(found: RunSet, pair: tuple[int, int], facts: ItemFacts) -> ItemView:
    """Return which items of a pair each filter of `addresses.SHOWN` shows."""
    first, second = (found.rows[place] for place in pair)
    directions = find_directions(first, second, found.metric)
    metric, visible = found.metric, facts.visible
    a, b = directions.a_means, directions.b_means
    right, worst = _at_best(a, metric) & _at_best(b, metric), _at_worst(a, metric)
    masks = {
        "differ": directions.a_better | directions.b_better,
        "a": directions.a_better,
        "b": directions.b_better,
        "right": right,
        "wrong": worst & _at_worst(b, metric),
        "tie": directions.ties,
        "unscored": np.isnan(a) | np.isnan(b),
        "all": np.ones(len(a), bool),
    }
    return ItemView(found.items, directions, {name: mask & visible for name, mask in masks.items()})


def _at_best(means: Floats, metric: Metric) -> Booleans:
    best = metric.best
    reached: Booleans = np.zeros(len(means), bool) if best is None else means == best
    return reached


def _at_worst(means: Floats, metric: Metric) -> Booleans:
    worst = metric.lower if metric.is_higher_better else metric.upper
    reached: Booleans = np.zeros(len(means), bool) if worst is None else means == worst
    return reached
