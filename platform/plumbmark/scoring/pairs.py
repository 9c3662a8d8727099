"""The tests of all pairs of a board.

The sums that a test needs are products of matrices. With X the scores of rows × items (0 where
there is none) and M whether there is one, the common items of every two rows are `M Mᵀ`, the sums
of their differences `X Mᵀ − M Xᵀ`, and the sums of squared differences `X² Mᵀ + M X²ᵀ − 2 X Xᵀ`.
Clusters that every row has in full do the same with the sums of their items; those of one size have
one weight in the jackknife. Other clusters are computed pair by pair, each with a product of its
own.

Scores are less the mean of their item first, because the difference of large sums loses digits.
Whole numbers stay whole numbers and their sums are exact. Where what is left is small all the same,
as with rows that are nearly equal, the pair is computed again from its differences.

Pairs are in the order of `itertools.combinations`. They are computed in blocks, which bounds the
memory; only differences and p-values are kept.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from plumbmark.scoring import tails
from plumbmark.scoring.clustering import (
    ClusterValues,
    Layout,
    Spread,
    Table,
    TaskPart,
    count_clusters,
    deviate,
    is_negligible,
    spread,
    variance_alone,
)
from plumbmark.scoring.paired import NO_DIFFERENCE, PairTests, spread_tests
from plumbmark.scoring.vectors import Booleans, Floats, Integers

_MAX_BLOCK = 1 << 22
"""Numbers that a block of pairs takes, over all tasks: 32 MiB of doubles."""
_PER_PAIR = 20
"""Numbers per pair and task."""
_MAX_ROWS = 64
"""Of a block: half of the pairs within it are computed twice."""
_MAX_ELEMENTS = 1 << 16
"""Of arrays of clusters × pairs, which then stay in the cache of the processor."""
_MAX_PARTIAL = 1 << 18
"""Of arrays of clusters × items × rows, and of pairs × items."""
_SMALL = 1e-3
"""A variance below this share of what it is the difference of has lost too many digits."""
_MAX_EXACT = 1 << 20
"""Whole numbers up to this size have exact sums of squares."""


@dataclass(frozen=True, slots=True)
class Block:
    """Pairs of some rows with themselves and all later ones."""

    start: int
    stop: int
    rows: int
    shape: tuple[int, int]
    flat: Integers
    """Which places of the block, rows `start` to `stop` × rows from `start` on, are pairs."""

    @property
    def ones(self) -> slice:
        return slice(self.start, self.stop)

    @property
    def others(self) -> slice:
        return slice(self.start, self.rows)

    @property
    def pairs(self) -> tuple[Integers, Integers]:
        """The numbers of the first and of the second rows."""
        first, second = np.divmod(self.flat, self.shape[1])
        return first + self.start, second + self.start

    def take(self, matrix: Floats) -> Floats:
        """Return the pairs of an array whose last axes are those of the block."""
        flat = matrix.reshape(*matrix.shape[:-2], self.shape[0] * self.shape[1])
        return np.take(flat, self.flat, axis=-1)


def _blocks(rows: int, tasks: int) -> Iterator[Block]:
    size = max(1, min(_MAX_ROWS, _MAX_BLOCK // (_PER_PAIR * tasks * max(1, rows))))
    for start in range(0, rows, size):
        stop = min(rows, start + size)
        columns = np.arange(start, rows)
        upper = columns > np.arange(start, stop)[:, None]
        if upper.any():
            yield Block(start, stop, rows, upper.shape, np.flatnonzero(upper))


def compare_pairs(layout: Layout, table: Table, width: float) -> PairTests:
    """Return the tests of all pairs of rows of one task; `width` is the distance of its bounds.

    The p-value is NaN where nothing can be tested.
    """
    plain = table.is_binary & table.is_one_repeat
    needs_sums = not plain.all() or table.frame.starts.size > 0
    sums = _TaskSums(table) if needs_sums else None
    high = table.high.astype(float) if plain.any() else None
    present = None if table.is_complete else table.present.astype(float)
    found = []
    for block in _blocks(len(table.counts), 1):
        first, second = block.pairs
        are_plain = plain[first] & plain[second]
        tests = None
        if sums is not None:
            task = sums.of(block, 1.0)
            scales = np.maximum(table.scales[first], table.scales[second])
            tests = spread_tests(task.differences, spread([task.part], layout, scales), scales)
            are_plain &= ~task.part.has_clusters
            again = np.flatnonzero(task.is_doubtful & ~are_plain)
            for chunk in _chunks(again, table.frame.size):
                exact = sums.of_pairs(first[chunk], second[chunk], 1.0)
                found_again = spread([exact.part], layout, scales[chunk])
                _replace(tests, chunk, spread_tests(exact.differences, found_again, scales[chunk]))
            tests.p_values[task.part.counts == 0] = np.nan
        if high is not None:
            signs = _sign_tests(high, present, table.frame.size, block, width)
            if tests is None:
                tests = signs
            else:
                chosen = np.flatnonzero(are_plain)
                _replace(tests, chosen, signs.take(chosen))
        assert tests is not None
        found.append(tests)
    return _concatenate(found)


def compare_weighted_pairs(
    layout: Layout, tables: Sequence[Table], weights: Sequence[float]
) -> PairTests:
    """Return the tests of the weighted differences of all pairs; the p-value is NaN if some task
    has no common item.

    To each of T binary tasks 1/T of a cluster is added on either side, so that a small task in
    which nobody differs still has a variance (Agresti & Min 2005, Bonett & Price 2012: with one
    task, 1 added to both discordant counts). The same is done where a task has no variance. A task
    with a single common cluster may have any difference, which its weight bounds.
    """
    sums = [_TaskSums(table) for table in tables]
    items = max(table.frame.size for table in tables)
    found = []
    for block in _blocks(len(tables[0].counts), len(tables)):
        first, second = block.pairs
        tasks = [one.of(block, weight) for one, weight in zip(sums, weights, strict=True)]
        tests = _weighted_tests(layout, tasks)
        is_doubtful = np.logical_or.reduce([task.is_doubtful for task in tasks])
        for chunk in _chunks(np.flatnonzero(is_doubtful), items):
            exact = [
                one.of_pairs(first[chunk], second[chunk], weight)
                for one, weight in zip(sums, weights, strict=True)
            ]
            _replace(tests, chunk, _weighted_tests(layout, exact))
        found.append(tests)
    return _concatenate(found)


def _chunks(places: Integers, items: int) -> Iterator[Integers]:
    step = max(1, _MAX_PARTIAL // max(1, items))
    for start in range(0, len(places), step):
        yield places[start : start + step]


def _replace(tests: PairTests, places: Integers, others: PairTests) -> None:
    tests.differences[places] = others.differences
    tests.p_values[places] = others.p_values


def _concatenate(found: Sequence[PairTests]) -> PairTests:
    if not found:
        return PairTests(np.zeros(0), np.zeros(0))
    return PairTests(
        np.concatenate([one.differences for one in found]),
        np.concatenate([one.p_values for one in found]),
    )


def _sign_tests(
    high: Floats, present: Floats | None, items: int, block: Block, width: float
) -> PairTests:
    """Return the mid-p McNemar tests; `high` has 1 for every right item."""
    ones, others = high[block.ones], high[block.others]
    both = ones @ others.T
    if present is None:
        count, first, second = (
            np.full(both.shape, float(items)),
            ones.sum(axis=1),
            others.sum(axis=1),
        )
        above, below = first[:, None] - both, second - both
    else:
        count = present[block.ones] @ present[block.others].T
        above = ones @ present[block.others].T - both
        below = present[block.ones] @ others.T - both
    counts = block.take(count)
    one, other = (block.take(side).astype(np.int64) for side in (above, below))
    differences = (one - other) * width / np.maximum(counts, 1)
    p_values = tails.fair_coin_mid_p(np.minimum(one, other), one + other)
    return PairTests(differences, np.where(counts > 0, p_values, np.nan))


@dataclass(frozen=True, slots=True)
class _TaskPairs:
    """One task of many pairs. `is_doubtful`: digits are lost, and the pair is computed again."""

    part: TaskPart
    differences: Floats
    is_binary: Booleans
    is_doubtful: Booleans


@dataclass(frozen=True, slots=True)
class _WeightedParts:
    """The weighted differences of many pairs. `shrunk` has the added clusters in its denominator,
    `bounded` is the weight of tasks of which nothing is known but their bounds.
    """

    weighted: Floats
    shrunk: Floats
    bounded: Floats
    found: Spread
    is_testable: Booleans


def _join_weighted(layout: Layout, tasks: Sequence[_TaskPairs]) -> _WeightedParts:
    shape = tasks[0].differences.shape
    weighted, shrunk, bounded = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    included, pseudo = [], []
    has_common = np.ones(shape, bool)
    for task in tasks:
        part = task.part
        has_common &= part.counts > 0
        is_known = part.clusters > 1
        lacks_variance = is_negligible(variance_alone(part, part.weight), 1.0)
        added = np.where(task.is_binary | lacks_variance, 2 / len(tasks), 0.0)
        included.append(is_known)
        pseudo.append(np.where(is_known, added, 0.0))
        weighted += part.weight * task.differences
        # The added clusters lie in the denominators of the means as well.
        part_of = part.weight * task.differences / (1 + added / np.maximum(part.clusters, 1))
        shrunk += np.where(is_known, part_of, 0.0)
        bounded += np.where(is_known, 0.0, part.weight)
    parts = [task.part for task in tasks]
    found = spread(parts, layout, 1.0, pseudo=pseudo, included=included, counts=False)
    if (found.variance == 0).any():
        # Only then the number of clusters matters; counting those of several tasks takes a while.
        found = replace(found, clusters=count_clusters(parts, layout, included=included))
    weighted[np.abs(weighted) <= NO_DIFFERENCE] = 0.0
    weighted[~has_common] = 0.0
    is_testable = has_common & np.logical_or.reduce(included)
    return _WeightedParts(weighted, shrunk, bounded, found, is_testable)


def _weighted_tests(layout: Layout, tasks: Sequence[_TaskPairs]) -> PairTests:
    return _test_weighted(_join_weighted(layout, tasks))


def _test_weighted(parts: _WeightedParts) -> PairTests:
    proven = np.maximum(0.0, np.abs(parts.shrunk) - parts.bounded)
    tests = spread_tests(proven, parts.found, 1.0)
    p_values = np.where(parts.shrunk * parts.weighted > 0, tests.p_values, 1.0)
    return PairTests(parts.weighted, np.where(parts.is_testable, p_values, np.nan))


@dataclass(frozen=True, slots=True)
class WeightedPairs:
    """A few pairs of a board of several tasks with all that a reader wants to know of them.

    The test inverts to the interval `centres` ± (t quantile · `errors` + `bounded`): it is below
    α exactly where 0 is outside. Where nothing can be tested, errors are NaN.
    """

    tests: PairTests
    centres: Floats
    errors: Floats
    df: Floats
    bounded: Floats


def compare_few_weighted_pairs(
    layout: Layout,
    tables: Sequence[Table],
    weights: Sequence[float],
    first: Integers,
    second: Integers,
) -> WeightedPairs:
    """Return the same tests as `compare_weighted_pairs` of some pairs, with their errors."""
    tasks = [
        _TaskSums(table).of_pairs(first, second, weight)
        for table, weight in zip(tables, weights, strict=True)
    ]
    parts = _join_weighted(layout, tasks)
    return WeightedPairs(
        tests=_test_weighted(parts),
        centres=parts.shrunk,
        errors=np.where(parts.is_testable, np.sqrt(parts.found.variance), np.nan),
        df=parts.found.df,
        bounded=parts.bounded,
    )


@dataclass(frozen=True, slots=True)
class _Moments:
    """Of every place of a block: the common items, and sums of differences, of their squares, and
    of the squares of both rows.
    """

    counts: Floats
    totals: Floats
    squares: Floats
    powers: Floats


def _multiply(values: Floats, present: Booleans | None, block: Block) -> _Moments:
    """Return the moments of rows × items, 0 where absent; `present` is None if nothing is."""
    ones, others = values[block.ones], values[block.others]
    product = ones @ others.T
    first, second = np.square(ones), np.square(others)
    if present is None:
        counts = np.full(product.shape, float(ones.shape[1]))
        totals = ones.sum(axis=1)[:, None] - others.sum(axis=1)
        powers = first.sum(axis=1)[:, None] + second.sum(axis=1)
    else:
        there = present[block.ones].astype(float)
        others_there = present[block.others].astype(float)
        counts = there @ others_there.T
        totals = ones @ others_there.T - there @ others.T
        powers = first @ others_there.T + there @ second.T
    product *= -2
    product += powers
    return _Moments(counts, totals, product, powers)


@dataclass(frozen=True, slots=True)
class _SizeClass:
    """Clusters of one size: their sums of rows × clusters, 0 where a row lacks some of the items.

    `full` is None if no row does.
    """

    size: int
    sums: Floats
    full: Booleans | None


class _TaskSums:
    """One task of a board, prepared for products of matrices."""

    def __init__(self, table: Table) -> None:
        frame = table.frame
        self._table = table
        self._frame = frame
        is_whole = bool((np.floor(table.values) == table.values).all())
        is_whole = is_whole and bool(table.scales.max(initial=0.0) <= _MAX_EXACT)
        present = table.present
        centres = table.values.sum(axis=0) / np.maximum(present.sum(axis=0), 1)
        if is_whole:
            centres = np.round(centres)
        self._values = np.where(present, table.values - centres, 0.0)
        self._present = None if table.is_complete else present
        self._classes: list[_SizeClass] = []
        self._sums = np.zeros((len(table.counts), 0))
        self._full = np.zeros((len(table.counts), 0), bool)
        self._partial_rows = self._partial_clusters = np.zeros(0, np.int64)
        if frame.starts.size:
            self._add_clusters(present[:, frame.alone :])

    def _add_clusters(self, present: Booleans) -> None:
        frame = self._frame
        self._sums = np.add.reduceat(self._values[:, frame.alone :], frame.starts, axis=1)
        items = np.add.reduceat(present, frame.starts, axis=1, dtype=np.int64)
        self._full = items == frame.sizes
        own = np.arange(len(frame.sizes)) < frame.private
        for size in np.unique(frame.sizes[own]):
            chosen = own & (frame.sizes == size)
            full = self._full[:, chosen]
            sums = np.where(full, self._sums[:, chosen], 0.0)
            self._classes.append(_SizeClass(int(size), sums, None if full.all() else full))
        partial = (items > 0) & ~self._full & own
        self._partial_rows, self._partial_clusters = np.nonzero(partial)

    def of_pairs(self, first: Integers, second: Integers, weight: float) -> _TaskPairs:
        """Return pairs, computed from the differences of their items."""
        table = self._table
        present = table.present[first] & table.present[second]
        values = np.where(present, self._values[first] - self._values[second], 0.0)
        found = deviate(self._frame, values, present, weight)
        binary = table.is_binary[first] & table.is_binary[second]
        return _TaskPairs(found.part, found.means, binary, np.zeros(len(first), bool))

    def of(self, block: Block, weight: float) -> _TaskPairs:
        """Return the pairs of a block, computed by products of matrices."""
        frame, take = self._frame, block.take
        present = self._present
        whole = _multiply(self._values, present, block)
        counts, means = whole.counts, whole.totals / np.maximum(whole.counts, 1)
        alone = whole
        if frame.alone < frame.size:
            there = None if present is None else present[:, : frame.alone]
            alone = _multiply(self._values[:, : frame.alone], there, block)
        squares = alone.squares - means * (2 * alone.totals - alone.counts * means)
        found = _Clusters(alone.counts, counts, means)
        for one in self._classes:
            found.add_full(one.size, _multiply(one.sums, one.full, block))
        if self._partial_rows.size:
            self._add_partial(found, block)
        for numbers in _cluster_chunks(np.arange(frame.private, len(frame.sizes)), counts):
            found.add_shared(self._cluster_sums(block, numbers))
        part = TaskPart(
            frame=frame,
            weight=weight,
            counts=take(counts),
            clusters=take(found.clusters),
            has_clusters=take(found.has_several) > 0,
            alone_counts=take(alone.counts),
            alone_squares=np.maximum(0.0, take(squares)),
            own_items=take(found.items),
            own_squares=np.maximum(0.0, take(found.squares)),
            own_squared_items=take(found.squared_items),
            shared_squares=take(found.shared_squares),
            shared=self._shared(block, counts, means) if frame.shares_clusters else None,
        )
        first, second = block.pairs
        binary = self._table.is_binary[first] & self._table.is_binary[second]
        known = part.alone_squares / np.square(np.maximum(part.counts - 1, 1))
        known = (known + part.own_squares + part.shared_squares) * np.square(part.counts)
        return _TaskPairs(part, take(means), binary, known <= _SMALL * take(whole.powers))

    def _add_partial(self, found: "_Clusters", block: Block) -> None:
        """Add the clusters of which one of two rows has a part only."""
        present = self._table.present
        values_by_item = np.ascontiguousarray(self._values[block.others].T)
        present_by_item = np.ascontiguousarray(present[block.others].T, float)
        rows, clusters = self._partial_rows, self._partial_clusters
        longest = int(self._frame.sizes[: self._frame.private].max())
        step = max(1, _MAX_PARTIAL // (longest * values_by_item.shape[1]))
        width = block.stop - block.start
        begin = int(np.searchsorted(rows, block.start))
        for start in range(begin, len(rows), step):
            chunk = slice(start, start + step)
            row, cluster = rows[chunk], clusters[chunk]
            places, is_item = self._places(cluster)
            values = np.where(is_item, self._values[row[:, None], places], 0.0)[:, None]
            there = (present[row[:, None], places] & is_item).astype(float)[:, None]
            # With all rows if the first of the pair has the part, else with the rows that are full.
            is_first = row < block.stop
            for chosen, number in ((is_first, None), (np.ones(len(row), bool), width)):
                if not chosen.any():
                    continue
                others = present_by_item[:, :number][places[chosen]]
                totals = (values[chosen] @ others)[:, 0]
                totals -= (there[chosen] @ values_by_item[:, :number][places[chosen]])[:, 0]
                items = (there[chosen] @ others)[:, 0]
                local = row[chosen] - block.start
                if number is None:
                    found.add_partial(local, ClusterValues(totals, items))
                else:
                    full = self._full[block.ones, cluster[chosen]].T
                    found.add_partial_columns(local, ClusterValues(totals * full, items * full))

    def _places(self, clusters: Integers) -> tuple[Integers, Booleans]:
        """Return the places of the items of clusters. Smaller ones are filled up with a place that
        is none of theirs.
        """
        frame = self._frame
        sizes = frame.sizes[clusters][:, None]
        numbers = np.arange(int(sizes.max()))
        is_item = numbers < sizes
        return np.where(
            is_item, frame.alone + frame.starts[clusters][:, None] + numbers, 0
        ), is_item

    def _cluster_sums(self, block: Block, numbers: Integers) -> ClusterValues:
        """Return sums of differences and common items, of clusters × the places of a block."""
        frame = self._frame
        if self._present is None:
            sums = self._sums[:, numbers].T
            totals = sums[:, block.ones, None] - sums[:, None, block.others]
            return ClusterValues(totals, frame.sizes[numbers].astype(float)[:, None, None])
        places, is_item = self._places(numbers)
        values = np.where(is_item, self._values[:, places], 0.0).transpose(1, 0, 2)
        present = (self._present[:, places] & is_item).astype(float).transpose(1, 0, 2)
        there, others = present[:, block.ones], present[:, block.others].transpose(0, 2, 1)
        totals = values[:, block.ones] @ others
        totals -= there @ values[:, block.others].transpose(0, 2, 1)
        return ClusterValues(totals, there @ others)

    def _shared(
        self, block: Block, counts: Floats, means: Floats
    ) -> Callable[[Integers], ClusterValues]:
        def shared(numbers: Integers) -> ClusterValues:
            found = self._cluster_sums(block, numbers + self._frame.private)
            items = np.broadcast_to(found.items, (len(numbers), *counts.shape))
            return ClusterValues(block.take(_changes(found, counts, means)), block.take(items))

        return shared


def _cluster_chunks(numbers: Integers, counts: Floats) -> Iterator[Integers]:
    step = max(1, _MAX_ELEMENTS // max(1, counts.size))
    for start in range(0, len(numbers), step):
        yield numbers[start : start + step]


def _changes(found: ClusterValues, counts: Floats, means: Floats) -> Floats:
    """Return the changes of the means when clusters are left out, from their sums."""
    changes = found.items * means
    np.subtract(found.changes, changes, out=changes)
    left = counts - found.items
    np.maximum(left, 1, out=left)
    changes /= left
    return changes


class _Clusters:
    """Sums over the clusters of one task, for every place of a block."""

    def __init__(self, alone: Floats, counts: Floats, means: Floats) -> None:
        self._counts, self._means = counts, means
        self.clusters = alone.copy()
        self.items, self.squares = np.zeros(counts.shape), np.zeros(counts.shape)
        self.squared_items = np.zeros(counts.shape)
        self.shared_squares = np.zeros(counts.shape)
        self._shares_several = np.zeros(counts.shape, bool)

    @property
    def has_several(self) -> Floats:
        """1 where some cluster has several common items."""
        return ((self.squared_items > self.items) | self._shares_several).astype(float)

    def add_full(self, size: int, moments: _Moments) -> None:
        """Add clusters of one size, where both rows have all of it."""
        shift = size * self._means
        squares = moments.squares - shift * (2 * moments.totals - moments.counts * shift)
        self.squares += squares / np.square(np.maximum(self._counts - size, 1))
        self.clusters += moments.counts
        self.items += size * moments.counts
        self.squared_items += size * size * moments.counts

    def add_partial(self, rows: Integers, found: ClusterValues) -> None:
        """Add clusters of some rows, ascending, with all others."""
        changes = _changes(found, self._counts[rows], self._means[rows])
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        for sums, values in self._sums_of(changes, found.items):
            sums[rows[starts]] += np.add.reduceat(values, starts, axis=0)

    def add_partial_columns(self, columns: Integers, found: ClusterValues) -> None:
        """Add clusters of some of the other rows, ascending."""
        changes = _changes(found, self._counts[:, columns].T, -self._means[:, columns].T)
        starts = np.flatnonzero(np.diff(columns, prepend=-1))
        for sums, values in self._sums_of(changes, found.items):
            sums[:, columns[starts]] += np.add.reduceat(values, starts, axis=0).T

    def _sums_of(self, changes: Floats, items: Floats) -> list[tuple[Floats, Floats]]:
        return [
            (self.squares, np.square(changes)),
            (self.items, items),
            (self.squared_items, np.square(items)),
            (self.clusters, (items > 0).astype(float)),
        ]

    def add_shared(self, found: ClusterValues) -> None:
        """Add clusters that lie in other tasks too."""
        changes = _changes(found, self._counts, self._means)
        self.shared_squares += np.einsum("cij,cij->ij", changes, changes)
        if found.items.shape[-1] == 1:
            self.clusters += len(found.items)
            self._shares_several |= bool((found.items > 1).any())
        else:
            self.clusters += np.count_nonzero(found.items, axis=0)
            self._shares_several |= found.items.max(axis=0) > 1
