"""Item scores laid out for arithmetic, and the clustered variance of a weighted mean of them.

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

The layout is made once per board, so that comparing two rows costs a few passes over a list.
Binary rows with one repeat also keep their right items as the bits of one integer.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from operator import mul, sub, truediv

from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.metrics import Metric

_NEGLIGIBLE = 1e-26
"""Variances below this share of the squared scale are rounding, not variation."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The items of one task in a fixed order: those alone in their cluster first.

    `cluster_of[k]` is the local cluster of item `alone + k`; `slots[c]` is the board-wide number
    of a cluster that also lies in other tasks, None for a cluster of this task only.
    """

    positions: dict[str, int]
    alone: int
    cluster_of: list[int]
    cluster_sizes: list[int]
    slots: list[int | None]
    shares_clusters: bool
    """Some cluster lies in another task too."""

    @property
    def everything(self) -> int:
        return (1 << len(self.positions)) - 1

    @property
    def alone_mask(self) -> int:
        return (1 << self.alone) - 1


@dataclass(frozen=True, slots=True)
class Column:
    """One row's item means in a frame, centred on the row's own mean; absent items are 0.0."""

    mean: float
    count: int
    present: int
    centred: list[float]
    cluster_sums: list[float]
    scale: float
    is_binary: bool
    is_one_repeat: bool
    high: int
    """Bits of the items at the upper bound, of use only where binary with one repeat."""


@dataclass(frozen=True, slots=True)
class WeightedPart:
    """The deviations of one task, ready to be joined: see `deviations`."""

    weight: float
    count: int
    alone_count: int
    alone_squares: float
    cluster_residuals: list[float]
    cluster_counts: list[int]
    frame: Frame

    @property
    def cluster_count(self) -> int:
        return self.alone_count + len(self.cluster_counts) - self.cluster_counts.count(0)

    @property
    def has_clusters(self) -> bool:
        """Return whether any cluster holds several of the items at hand."""
        return any(count > 1 for count in self.cluster_counts)


@dataclass(frozen=True, slots=True)
class Spread:
    """The variance of a linear statistic; `variance` is None with fewer than two clusters."""

    variance: float | None
    df: float
    clusters: int


@dataclass(slots=True)
class _Group:
    """Clusters that lie in the same tasks: their variance, and the shares of the statistic that
    they carry.
    """

    variance: float = 0.0
    mass: float = 0.0
    squared_mass: float = 0.0

    def add(self, variance: float, mass: float, squared_mass: float) -> None:
        """Add clusters: their variance, the sum of their shares and that of the squares."""
        self.variance += variance
        self.mass += mass
        self.squared_mass += squared_mass

    @property
    def df(self) -> float:
        return max(1.0, self.mass * self.mass / self.squared_mass - 1)


@dataclass(frozen=True, slots=True)
class Layout:
    """The frames of all tasks of a board, and in which tasks each shared cluster lies."""

    frames: list[Frame]
    slot_tasks: list[tuple[int, ...]] = field(default_factory=list)


def lay_out(tasks: Sequence[Sequence[ItemScores]]) -> Layout:
    """Build frames for tasks, each given as the rows that have scores on it."""
    clusters = [_clusters_of_items(rows) for rows in tasks]
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
    shared = {cluster: numbers for cluster, numbers in tasks_of.items() if len(numbers) > 1}
    slots = {cluster: slot for slot, cluster in enumerate(shared)}
    frames = [_frame(items, size, slots) for items, size in zip(clusters, sizes, strict=True)]
    return Layout(frames, [tuple(numbers) for numbers in shared.values()])


def _clusters_of_items(rows: Sequence[ItemScores]) -> dict[str, str | None]:
    clusters: dict[str, str | None] = {}
    for scores in rows:
        for key, score in scores.items():
            known = clusters.setdefault(key, score.cluster)
            if known != score.cluster:
                raise ValueError(
                    f"item {key!r} is in cluster {known!r} for one row and in "
                    f"{score.cluster!r} for another"
                )
    return clusters


def _frame(items: dict[str, str | None], sizes: dict[str, int], slots: dict[str, int]) -> Frame:
    alone, together = [], []
    for key, cluster in items.items():
        if cluster is None or (sizes[cluster] == 1 and cluster not in slots):
            alone.append(key)
        else:
            together.append((key, cluster))
    numbers: dict[str, int] = {}
    cluster_of = [numbers.setdefault(cluster, len(numbers)) for _, cluster in together]
    return Frame(
        positions={key: n for n, key in enumerate([*alone, *(key for key, _ in together)])},
        alone=len(alone),
        cluster_of=cluster_of,
        cluster_sizes=[sizes[cluster] for cluster in numbers],
        slots=[slots.get(cluster) for cluster in numbers],
        shares_clusters=any(cluster in slots for cluster in numbers),
    )


def column(frame: Frame, scores: ItemScores, metric: Metric, *, normalise: bool) -> Column | None:
    """Return one row's scores in a frame, on the metric's own scale or mapped to 0 … 1.

    Returns None if nothing is scored. Binary means that every value is one of the declared bounds.
    """
    size = len(frame.positions)
    values = [0.0] * size
    flags = bytearray(size)
    highs = bytearray(size)
    is_binary, is_one_repeat = metric.is_bounded, True
    lower, upper = metric.lower, metric.upper
    top = metric.best if normalise else upper
    for key, score in scores.items():
        if not score.values:
            continue
        position = frame.positions[key]
        flags[position] = 1
        if len(score.values) > 1:
            is_one_repeat = False
        if is_binary:
            is_binary = all(value in (lower, upper) for value in score.values)
        mean = score.mean
        highs[position] = mean == top
        values[position] = metric.normalise(mean) if normalise else mean
    count = sum(flags)
    if not count:
        return None
    mean = sum(values) / count
    centred = [value - mean if flag else 0.0 for value, flag in zip(values, flags, strict=True)]
    cluster_sums = [0.0] * len(frame.cluster_sizes)
    for cluster, deviation in zip(frame.cluster_of, centred[frame.alone :], strict=True):
        cluster_sums[cluster] += deviation
    return Column(
        mean=mean,
        count=count,
        present=_bits(flags),
        centred=centred,
        cluster_sums=cluster_sums,
        scale=max(map(abs, values)),
        is_binary=is_binary,
        is_one_repeat=is_one_repeat,
        high=_bits(highs),
    )


def deviations(frame: Frame, one: Column, weight: float) -> WeightedPart:
    """Return the deviations of one row's item means from their mean."""
    return _part(frame, one.centred, one.cluster_sums, one.present, 0.0, weight)


@dataclass(frozen=True, slots=True)
class ClusterUnits:
    """The clusters of a part: sums of deviations, and numbers of items."""

    totals: list[float]
    sizes: list[int]


def units_of(one: Column, part: WeightedPart) -> ClusterUnits:
    """Return the clusters of one row's part, items alone first."""
    alone = [one.centred[position] for position in positions(one.present & part.frame.alone_mask)]
    together = [
        (total, count)
        for total, count in zip(part.cluster_residuals, part.cluster_counts, strict=True)
        if count
    ]
    return ClusterUnits(
        alone + [total for total, _ in together],
        [1] * len(alone) + [count for _, count in together],
    )


@dataclass(frozen=True, slots=True)
class PairedPart:
    """The difference of two rows' means over their common items, and its deviations."""

    difference: float
    common: int
    part: WeightedPart


def pair_deviations(frame: Frame, one: Column, other: Column, weight: float) -> PairedPart | None:
    """Return the item-wise differences one − other on the common items; None if there are none."""
    common = one.present & other.present
    count = common.bit_count()
    if not count:
        return None
    differences = list(map(sub, one.centred, other.centred))
    sums = list(map(sub, one.cluster_sums, other.cluster_sums))
    if one.present != other.present:
        for position in positions(one.present ^ other.present):
            if position >= frame.alone:
                sums[frame.cluster_of[position - frame.alone]] -= differences[position]
            differences[position] = 0.0
    shift = sum(differences) / count
    part = _part(frame, differences, sums, common, shift, weight)
    return PairedPart(one.mean - other.mean + shift, common, part)


def _part(
    frame: Frame,
    values: list[float],
    sums: list[float],
    present: int,
    mean: float,
    weight: float,
) -> WeightedPart:
    alone_values = values[: frame.alone] if frame.cluster_of else values
    alone_count = (present & frame.alone_mask).bit_count()
    if mean:
        # Not by the difference of sums, which would leave rounding where nothing varies.
        squares = sum((alone_values[n] - mean) ** 2 for n in positions(present & frame.alone_mask))
    else:
        squares = sum(map(mul, alone_values, alone_values))
    counts = frame.cluster_sizes
    missing = (frame.everything & ~present) >> frame.alone
    if missing:
        counts = list(counts)
        for position in positions(missing):
            counts[frame.cluster_of[position]] -= 1
    residuals = (
        [total - count * mean for total, count in zip(sums, counts, strict=True)] if mean else sums
    )
    return WeightedPart(
        weight=weight,
        count=present.bit_count(),
        alone_count=alone_count,
        alone_squares=max(0.0, squares),
        cluster_residuals=residuals,
        cluster_counts=counts,
        frame=frame,
    )


def spread(
    parts: Sequence[WeightedPart],
    slot_tasks: Sequence[tuple[int, ...]],
    scale: float,
    *,
    pseudo: Sequence[float] = (),
) -> Spread:
    """Return the variance of the weighted sum of the parts' means; `scale` is the size of the
    values.

    `pseudo` gives for each part a number of clusters that are added to it, each of average size and
    with a deviation of 1 per item; half of them up and half down, so that they change no sum.
    """
    numbers = [part.cluster_count for part in parts]
    total_clusters = sum(numbers) - _count_repeated_slots(parts)
    if min(numbers) < 2:
        return Spread(None, 0.0, total_clusters)
    groups: dict[tuple[int, ...], _Group] = {}
    shared: dict[int, _Group] = {}
    for number, (part, clusters) in enumerate(zip(parts, numbers, strict=True)):
        added = pseudo[number] if pseudo else 0.0
        count = part.count
        size = count / clusters
        # With the pseudo-clusters in the denominator of the mean.
        shrunk = part.weight * count / (count + added * size)
        factor = shrunk * shrunk * (clusters - 1) / clusters
        share = shrunk / count
        own = groups.setdefault((number,), _Group())
        if part.alone_count:
            variance = factor * part.alone_squares / (count - 1) ** 2
            own.add(variance, part.alone_count * share, part.alone_count * share * share)
        if added:
            variance = added * (share * size) ** 2
            own.add(variance, added * share * size, added * (share * size) ** 2)
        counts = part.cluster_counts
        if not counts:
            continue
        # The change of the mean when a cluster is left out; an absent one changes nothing.
        changes = list(map(truediv, part.cluster_residuals, map(count.__sub__, counts)))
        if not part.frame.shares_clusters:
            variance = factor * sum(map(mul, changes, changes))
            squared_counts = sum(map(mul, counts, counts))
            own.add(variance, share * (count - part.alone_count), share * share * squared_counts)
            continue
        root = math.sqrt(factor)
        for change, items, slot in zip(changes, counts, part.frame.slots, strict=True):
            influence, mass = root * change, share * items
            if slot is None:
                own.add(influence * influence, mass, mass * mass)
            elif items:
                # `variance` collects the influence here, over all tasks of the cluster.
                shared.setdefault(slot, _Group()).add(influence, mass, 0.0)
    for slot, one in shared.items():
        group = groups.setdefault(slot_tasks[slot], _Group())
        group.add(one.variance * one.variance, one.mass, one.mass * one.mass)
    return _join_groups([one for one in groups.values() if one.mass], total_clusters, scale)


def _count_repeated_slots(parts: Sequence[WeightedPart]) -> int:
    """Return how often a cluster lies in a further task."""
    if not any(part.frame.shares_clusters for part in parts):
        return 0
    slots = [
        slot
        for part in parts
        for items, slot in zip(part.cluster_counts, part.frame.slots, strict=True)
        if items and slot is not None
    ]
    return len(slots) - len(set(slots))


def _join_groups(groups: Sequence[_Group], clusters: int, scale: float) -> Spread:
    variance = sum(group.variance for group in groups)
    if variance <= _NEGLIGIBLE * scale * scale:
        return Spread(0.0, sum(group.df for group in groups), clusters)
    # Shares instead of variances, whose squares can underflow.
    inverse_df = sum((group.variance / variance) ** 2 / group.df for group in groups)
    return Spread(variance, 1 / inverse_df, clusters)


def correlations(
    parts: Sequence[WeightedPart], slot_tasks: Sequence[tuple[int, ...]]
) -> dict[tuple[int, int], float]:
    """Return the correlation of the means of every two parts that share clusters.

    Parts that share none are independent and left out, as are parts without variance.
    """
    influences: list[dict[int, float]] = []
    for part in parts:
        root = math.sqrt((part.cluster_count - 1) / part.cluster_count)
        influences.append(
            {
                slot: root * residual / (part.count - items)
                for residual, items, slot in zip(
                    part.cluster_residuals, part.cluster_counts, part.frame.slots, strict=True
                )
                if items and slot is not None and part.cluster_count > 1
            }
        )
    found = {}
    for first, second in combinations(range(len(parts)), 2):
        one, other = influences[first], influences[second]
        common = one.keys() & other.keys()
        if not common:
            continue
        variances = [
            spread([replace(parts[number], weight=1.0)], slot_tasks, 1.0).variance
            for number in (first, second)
        ]
        if variances[0] and variances[1]:
            covariance = math.fsum(one[slot] * other[slot] for slot in common)
            share = covariance / math.sqrt(variances[0] * variances[1])
            found[first, second] = max(-1.0, min(1.0, share))
    return found


def _bits(flags: bytearray) -> int:
    """Return the integer whose bit n is set if `flags[n]` is 1."""
    if not flags:
        return 0
    return int(flags[::-1].translate(_DIGITS), 2)


_DIGITS = bytes([48, 49]) + bytes(range(2, 256))


def positions(mask: int) -> Iterator[int]:
    """Yield the positions of the set bits, lowest first."""
    digits = bin(mask)[:1:-1]
    position = digits.find("1")
    while position >= 0:
        yield position
        position = digits.find("1", position + 1)
