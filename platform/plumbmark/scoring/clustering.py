"""Scores laid out for arithmetic, and the clustered variance of a weighted mean of them.

Every estimate and every paired difference here is one linear statistic: a weighted sum over tasks
of the mean of something per item. Its variance is the jackknife's over clusters (Efron & Stein
1981; for regressions it is CR3 of MacKinnon, Nielsen & Webb 2023): leaving out cluster c changes
the mean of task t by `S_tc / (n_t − n_tc)`, with S_tc the sum of the cluster's deviations from the
mean, so

    V = Σ_c (Σ_t w_t · sqrt((G_t − 1) / G_t) · S_tc / (n_t − n_tc))²

with G_t clusters in task t. With clusters of equal size it equals the sum of squared influences
with the factor G/(G − 1), and with clusters of one item the textbook variance. With unequal sizes
it is larger, because a large cluster pulls the mean towards itself and hides its own deviation.

Degrees of freedom are those of Kish's effective number of clusters (Kish 1965, section 11.2):
`(Σ m_c)² / Σ m_c² − 1`, with m_c the share of cluster c in the statistic; G − 1 where sizes are
equal. Clusters that lie in the same set of tasks form a group, and the groups' variances are joined
by Satterthwaite's rule, `V² / Σ (V_g² / df_g)`.

Everything is computed for many statistics at once, such as the rows of a board or its pairs. An
array "per statistic" has any shape, the same for all tasks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.vectors import Booleans, Floats, Integers, ItemList, ScoreVector

_NEGLIGIBLE = 1e-26
"""Variances below this share of the squared scale are rounding, not variation."""
_MAX_ELEMENTS = 1 << 16
"""Of an array that has one entry per cluster and statistic, which then stays in the cache of the
processor."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The items of one task in a fixed order: those alone in their cluster, then by cluster.

    Clusters that also lie in other tasks are the last ones; `slots` are their numbers on the board.
    """

    size: int
    alone: int
    starts: Integers
    """Where each cluster starts, counted from the first item that is not alone."""
    sizes: Integers
    private: int
    """Clusters of this task only."""
    slots: Integers
    places: dict[ItemList, Integers]
    """Of the items of each list."""

    @property
    def shares_clusters(self) -> bool:
        """Return whether some cluster lies in another task too."""
        return bool(self.slots.size)


@dataclass(frozen=True, slots=True)
class SlotGroup:
    """Clusters that lie in the same tasks. `members[n]` are their numbers among the shared clusters
    of the task `tasks[n]`, all in the same order.
    """

    tasks: tuple[int, ...]
    members: tuple[Integers, ...]

    @property
    def size(self) -> int:
        return len(self.members[0])


@dataclass(frozen=True, slots=True)
class Layout:
    """The frames of all tasks of a board, and the clusters that lie in several of them."""

    frames: list[Frame]
    groups: list[SlotGroup]


def lay_out(tasks: Sequence[Sequence[ItemList]]) -> Layout:
    """Build frames for tasks, each given as the lists of items of its rows."""
    lists = [list(dict.fromkeys({id(one): one for one in rows}.values())) for rows in tasks]
    clusters = [_clusters_of_items(one) for one in lists]
    sizes: list[dict[str, int]] = []
    tasks_of: dict[str, list[int]] = {}
    for number, items in enumerate(clusters):
        size: dict[str, int] = {}
        for cluster in items.values():
            if cluster is not None:
                size[cluster] = size.get(cluster, 0) + 1
        for cluster in size:
            tasks_of.setdefault(cluster, []).append(number)
        sizes.append(size)
    shared = {cluster: tuple(numbers) for cluster, numbers in tasks_of.items() if len(numbers) > 1}
    slots = {cluster: slot for slot, cluster in enumerate(shared)}
    frames = [
        _frame(items, size, slots, one)
        for items, size, one in zip(clusters, sizes, lists, strict=True)
    ]
    return Layout(frames, _slot_groups(frames, list(shared.values())))


def _clusters_of_items(lists: Sequence[ItemList]) -> dict[str, str | None]:
    clusters: dict[str, str | None] = {}
    for one in lists:
        # The known cluster of each item, or its own where it is new.
        known = tuple(map(clusters.get, one.keys, one.clusters))
        if known != one.clusters:
            key, first, second = next(
                (key, first, second)
                for key, first, second in zip(one.keys, known, one.clusters, strict=True)
                if first != second
            )
            raise ValueError(
                f"item {key!r} is in cluster {first!r} for one row and in {second!r} for another"
            )
        clusters.update(zip(one.keys, one.clusters, strict=True))
    return clusters


def _frame(
    items: dict[str, str | None],
    sizes: dict[str, int],
    slots: dict[str, int],
    lists: Sequence[ItemList],
) -> Frame:
    alone: list[str] = []
    together: dict[str, list[str]] = {}
    for key, cluster in items.items():
        if cluster is None or (sizes[cluster] == 1 and cluster not in slots):
            alone.append(key)
        else:
            together.setdefault(cluster, []).append(key)
    ordered = sorted(together, key=slots.__contains__)
    keys = [*alone, *(key for cluster in ordered for key in together[cluster])]
    own_sizes = np.array([sizes[cluster] for cluster in ordered], np.int64)
    positions = {key: number for number, key in enumerate(keys)}
    found = [slots[cluster] for cluster in ordered if cluster in slots]
    return Frame(
        size=len(keys),
        alone=len(alone),
        starts=np.cumsum(own_sizes) - own_sizes,
        sizes=own_sizes,
        private=len(ordered) - len(found),
        slots=np.array(found, np.int64),
        places={
            one: np.fromiter(map(positions.__getitem__, one.keys), np.int64, len(one))
            for one in lists
        },
    )


def _slot_groups(frames: Sequence[Frame], slot_tasks: Sequence[tuple[int, ...]]) -> list[SlotGroup]:
    slots_of: dict[tuple[int, ...], list[int]] = {}
    for slot, tasks in enumerate(slot_tasks):
        slots_of.setdefault(tasks, []).append(slot)
    numbers = [{slot: n for n, slot in enumerate(frame.slots.tolist())} for frame in frames]
    return [
        SlotGroup(tasks, tuple(np.array([numbers[task][slot] for slot in slots]) for task in tasks))
        for tasks, slots in slots_of.items()
    ]


@dataclass(frozen=True, slots=True)
class Table:
    """The item means of all rows on one task: an array of rows × items, 0 where nothing is scored.

    What is per row is 0 or false for a row without a score.
    """

    frame: Frame
    values: Floats
    present: Booleans
    counts: Integers
    means: Floats
    scales: Floats
    """The largest item mean, without its sign."""
    is_binary: Booleans
    """Every score is one of the declared bounds."""
    is_one_repeat: Booleans
    top: float | None
    """The item mean of a right answer, of use where binary with one repeat."""

    def rows(self, chosen: Booleans) -> "Table":
        """Return some of the rows."""
        if chosen.all():
            return self
        arrays = {
            name: getattr(self, name)[chosen]
            for name in ("values", "present", "counts", "means", "scales", "is_binary")
        }
        return replace(self, **arrays, is_one_repeat=self.is_one_repeat[chosen])

    @property
    def centred(self) -> Floats:
        """The values less the mean of each row, 0 where absent."""
        return np.where(self.present, self.values - self.means[:, None], 0.0)

    @property
    def high(self) -> Booleans:
        """Items at the upper bound."""
        high: Booleans = (self.values == self.top) & self.present
        return high

    @property
    def is_complete(self) -> bool:
        """Return whether all rows have a score on every item."""
        return bool((self.counts == self.frame.size).all())


def tabulate(
    frame: Frame, rows: Sequence[ScoreVector], metric: Metric, *, normalise: bool
) -> Table:
    """Return the scores of rows in a frame, on the metric's own scale or mapped to 0 … 1."""
    values = np.zeros((len(rows), frame.size))
    present = np.zeros((len(rows), frame.size), bool)
    numbers_of: dict[ItemList, list[int]] = {}
    for number, row in enumerate(rows):
        if row.summary.items:
            numbers_of.setdefault(row.items, []).append(number)
    for items, numbers in numbers_of.items():
        same = [rows[number] for number in numbers]
        repeats = np.stack([row.counts for row in same])
        means = np.stack([row.totals for row in same]).astype(float)
        if max(row.summary.most_scored for row in same) > 1:
            means /= np.maximum(repeats, 1)
        place = np.ix_(np.array(numbers), frame.places[items])
        values[place] = means
        present[place] = repeats > 0
    if normalise:
        values = np.where(present, _normalise(values, metric), 0.0)
    counts = present.sum(axis=1)
    levels = {metric.lower, metric.upper}
    return Table(
        frame=frame,
        values=values,
        present=present,
        counts=counts,
        means=values.sum(axis=1) / np.maximum(counts, 1),
        scales=np.abs(values).max(axis=1, initial=0.0),
        is_binary=np.array(
            [
                metric.is_bounded and row.levels is not None and levels.issuperset(row.levels)
                for row in rows
            ],
            bool,
        ),
        is_one_repeat=np.array([row.summary.most_scored <= 1 for row in rows], bool),
        top=1.0 if normalise else metric.upper,
    )


def _normalise(values: Floats, metric: Metric) -> Floats:
    if metric.lower is None or metric.upper is None:
        raise ValueError(f"metric {metric.name} has no declared bounds and cannot be normalised")
    shares = (values - metric.lower) / (metric.upper - metric.lower)
    return shares if metric.is_higher_better else 1 - shares


@dataclass(frozen=True, slots=True)
class ClusterValues:
    """Per cluster and statistic: `changes` of the mean without the cluster, and its items."""

    changes: Floats
    items: Floats


@dataclass(frozen=True, slots=True)
class TaskPart:
    """The deviations from the mean in one task, of many statistics. Arrays are per statistic."""

    frame: Frame
    weight: float
    counts: Floats
    """Items."""
    clusters: Floats
    has_clusters: Booleans
    """Whether any cluster holds several of the items at hand."""
    alone_counts: Floats
    alone_squares: Floats
    """Of items alone in their cluster: the sum of squared deviations."""
    own_items: Floats
    own_squares: Floats
    """Of clusters of this task only: the sum of the squared changes of the mean."""
    own_squared_items: Floats
    shared_squares: Floats
    """The same of clusters that lie in other tasks too."""
    shared: Callable[[Integers], ClusterValues] | None = None
    """The values of some of these clusters, by their numbers; None if there are none."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The variance of many linear statistics; it is NaN with fewer than two clusters in a task."""

    variance: Floats
    df: Floats
    clusters: Floats


@dataclass(frozen=True, slots=True)
class ClusterUnits:
    """The clusters of one statistic: sums of deviations, and numbers of items."""

    totals: Floats
    sizes: Integers


@dataclass(frozen=True, slots=True)
class Deviations:
    """A part whose clusters are at hand: residual sums and items, of statistics × clusters."""

    part: TaskPart
    means: Floats
    present: Booleans
    residuals: Floats
    """Of each item, of statistics × items."""
    sums: Floats
    items: Integers

    def units(self, number: int) -> ClusterUnits:
        """Return the clusters of one statistic, items alone first."""
        alone = slice(None, self.part.frame.alone)
        totals = self.residuals[number, alone][self.present[number, alone]]
        there = self.items[number] > 0
        return ClusterUnits(
            np.concatenate((totals, self.sums[number, there])),
            np.concatenate((np.ones(totals.size, np.int64), self.items[number, there])),
        )


def deviate(frame: Frame, values: Floats, present: Booleans, weight: float) -> Deviations:
    """Return the deviations of statistics × items from their means; absent items must be 0."""
    counts = present.sum(axis=1)
    means = values.sum(axis=1) / np.maximum(counts, 1)
    residuals = np.where(present, values - means[:, None], 0.0)
    alone = slice(None, frame.alone)
    alone_counts = present[:, alone].sum(axis=1)
    squares = np.square(residuals[:, alone]).sum(axis=1)
    if frame.starts.size:
        sums = np.add.reduceat(residuals[:, frame.alone :], frame.starts, axis=1)
        items = np.add.reduceat(present[:, frame.alone :], frame.starts, axis=1, dtype=np.int64)
    else:
        sums, items = np.zeros((len(values), 0)), np.zeros((len(values), 0), np.int64)
    changes = sums / np.maximum(counts[:, None] - items, 1)
    own, others = slice(None, frame.private), slice(frame.private, None)
    shared_changes, shared_items = changes[:, others].T, items[:, others].T.astype(float)

    def shared(numbers: Integers) -> ClusterValues:
        return ClusterValues(shared_changes[numbers], shared_items[numbers])

    part = TaskPart(
        frame=frame,
        weight=weight,
        counts=counts.astype(float),
        clusters=(alone_counts + np.count_nonzero(items, axis=1)).astype(float),
        has_clusters=np.count_nonzero(items > 1, axis=1) > 0,
        alone_counts=alone_counts.astype(float),
        alone_squares=squares,
        own_items=items[:, own].sum(axis=1).astype(float),
        own_squares=np.square(changes[:, own]).sum(axis=1),
        own_squared_items=np.square(items[:, own]).sum(axis=1).astype(float),
        shared_squares=np.square(changes[:, others]).sum(axis=1),
        shared=shared if frame.shares_clusters else None,
    )
    return Deviations(part, means, present, residuals, sums, items)


class _Groups:
    """Groups of clusters, joined by Satterthwaite's rule."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._variances: list[Floats] = []
        self._degrees: list[Floats] = []
        self._shape = shape

    def add(self, variance: Floats, mass: Floats, squared_mass: Floats) -> None:
        """Add a group: its variance, the sum of its clusters' shares and that of the squares."""
        there = mass > 0
        df = np.maximum(1.0, mass * mass / np.where(there, squared_mass, 1.0) - 1)
        self._variances.append(np.where(there, variance, 0.0))
        self._degrees.append(np.where(there, df, 0.0))

    def join(self, scale: Floats | float) -> tuple[Floats, Floats]:
        """Return the variance, 0 where it is negligible, and its degrees of freedom."""
        variance, degrees = np.zeros(self._shape), np.zeros(self._shape)
        for one, df in zip(self._variances, self._degrees, strict=True):
            variance += one
            degrees += df
        is_zero = is_negligible(variance, scale)
        whole = np.where(is_zero, 1.0, variance)
        inverse = np.zeros(self._shape)
        for one, df in zip(self._variances, self._degrees, strict=True):
            # Shares instead of variances, whose squares can underflow.
            inverse += np.square(one / whole) / np.maximum(df, 1.0)
        df = np.where(is_zero, degrees, 1 / np.where(is_zero, 1.0, inverse))
        return np.where(is_zero, 0.0, variance), df


def spread(
    parts: Sequence[TaskPart],
    layout: Layout,
    scale: Floats | float,
    *,
    pseudo: Sequence[Floats] | None = None,
    included: Sequence[Booleans] | None = None,
    counts: bool = True,
) -> Spread:
    """Return the variance of the weighted sum of the parts' means; `scale` is the size of the
    values. `layout` and `parts` have the same tasks.

    `pseudo` gives for each part a number of clusters that are added to it, each of average size and
    with a deviation of 1 per item; half of them up and half down, so that they change no sum.
    Where `included` is false, a part is as if it were not given. Without `counts` the numbers of
    clusters are left 0.
    """
    shape = parts[0].counts.shape
    groups = _Groups(shape)
    roots, shares = [], []
    lacks = np.zeros(shape, bool)
    for number, part in enumerate(parts):
        is_in = np.ones(shape, bool) if included is None else included[number]
        added = pseudo[number] if pseudo is not None else np.zeros(shape)
        lacks |= is_in & (part.clusters < 2)
        is_in = is_in & (part.clusters > 0)
        count, clusters = np.maximum(part.counts, 1), np.maximum(part.clusters, 1)
        size = count / clusters
        # With the pseudo-clusters in the denominator of the mean.
        shrunk = np.where(is_in, part.weight * count / (count + added * size), 0.0)
        factor = shrunk * shrunk * (clusters - 1) / clusters
        share = shrunk / count
        squares = part.alone_squares / np.square(np.maximum(count - 1, 1)) + part.own_squares
        extra = added * np.square(share * size)
        groups.add(
            factor * squares + extra,
            share * (part.alone_counts + part.own_items) + added * share * size,
            share * share * (part.alone_counts + part.own_squared_items) + extra,
        )
        roots.append(np.sqrt(factor))
        shares.append(share)
    for group in layout.groups:
        _add_shared(groups, parts, group, roots, shares)
    variance, df = groups.join(scale)
    clusters = count_clusters(parts, layout, included=included) if counts else np.zeros(shape)
    return Spread(np.where(lacks, np.nan, variance), df, clusters)


def _add_shared(
    groups: _Groups,
    parts: Sequence[TaskPart],
    group: SlotGroup,
    roots: Sequence[Floats],
    shares: Sequence[Floats],
) -> None:
    shape = parts[0].counts.shape
    variance, mass, squared_mass = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for chunk in _chunks(group.size, parts[0].counts.size):
        influence = np.zeros(())
        share = np.zeros(())
        for task, members in zip(group.tasks, group.members, strict=True):
            values = _shared_values(parts[task], members[chunk])
            influence = influence + roots[task] * values.changes
            share = share + shares[task] * values.items
        variance += np.square(influence).sum(axis=0)
        mass += share.sum(axis=0)
        squared_mass += np.square(share).sum(axis=0)
    groups.add(variance, mass, squared_mass)


def _shared_values(part: TaskPart, numbers: Integers) -> ClusterValues:
    assert part.shared is not None
    return part.shared(numbers)


def _chunks(size: int, width: int) -> list[slice]:
    step = max(1, _MAX_ELEMENTS // max(1, width))
    return [slice(start, start + step) for start in range(0, size, step)]


def count_clusters(
    parts: Sequence[TaskPart], layout: Layout, *, included: Sequence[Booleans] | None = None
) -> Floats:
    """Return the number of clusters of each statistic, those of several tasks counted once."""
    shape = parts[0].counts.shape
    found = np.zeros(shape)
    for number, part in enumerate(parts):
        found += part.clusters if included is None else part.clusters * included[number]
    for group in layout.groups:
        for chunk in _chunks(group.size, parts[0].counts.size):
            times = np.zeros(())
            for task, members in zip(group.tasks, group.members, strict=True):
                there = _shared_values(parts[task], members[chunk]).items > 0
                times = times + (there if included is None else there & included[task])
            found -= np.maximum(times - 1, 0).sum(axis=0)
    return found


def variance_alone(part: TaskPart, weight: float) -> Floats:
    """Return the variance of one task's mean times `weight`, however small; 0 where there is one
    cluster only.
    """
    count, clusters = np.maximum(part.counts, 1), np.maximum(part.clusters, 1)
    squares = part.alone_squares / np.square(np.maximum(count - 1, 1)) + part.own_squares
    found: Floats = weight**2 * (clusters - 1) / clusters * (squares + part.shared_squares)
    return found


def is_negligible(variance: Floats, scale: Floats | float) -> Booleans:
    """Return whether variances are rounding, not variation."""
    found: Booleans = variance <= _NEGLIGIBLE * np.square(scale)
    return found


def correlations(parts: Sequence[TaskPart], layout: Layout) -> dict[tuple[int, int], Floats]:
    """Return the correlation of the means of every two parts that share clusters.

    Parts that share none are independent and left out; it is 0 for parts without variance.
    """
    found: dict[tuple[int, int], Floats] = {}
    variances = [variance_alone(part, 1.0) for part in parts]
    for group in layout.groups:
        for chunk in _chunks(group.size, parts[0].counts.size):
            changes = [
                _shared_values(parts[task], members[chunk]).changes
                for task, members in zip(group.tasks, group.members, strict=True)
            ]
            for one, other in combinations(range(len(group.tasks)), 2):
                pair = (group.tasks[one], group.tasks[other])
                products = (changes[one] * changes[other]).sum(axis=0)
                found[pair] = found.get(pair, 0.0) + products
    for (one, other), covariance in found.items():
        for task in (one, other):
            clusters = np.maximum(parts[task].clusters, 1)
            covariance = covariance * np.sqrt((clusters - 1) / clusters)
        varies = ~is_negligible(variances[one], 1.0) & ~is_negligible(variances[other], 1.0)
        product = np.where(varies, variances[one] * variances[other], 1.0)
        found[one, other] = np.where(varies, np.clip(covariance / np.sqrt(product), -1, 1), 0.0)
    return found
