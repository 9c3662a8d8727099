"""Item scores laid out for arithmetic, and the clustered variance of a weighted mean of them.

Every estimate and every paired difference here is one linear statistic: a weighted sum over
tasks of the mean of something per item. Its variance is the sum of the squared influences of the
clusters, `V = Σ_c ψ_c²`, where the influence of an item in task t is `w_t (x_i − x̄_t) / n_t` and a
cluster adds up its items, also across tasks. Each task's influences carry the factor
`sqrt(G_t / (G_t − 1))`, so that clusters of one item give exactly the textbook variance.

Degrees of freedom are Satterthwaite's: clusters that lie in the same set of tasks form a group
with G − 1 degrees, and the groups' variances are joined as `V² / Σ (V_g² / (G_g − 1))`. One task
has one group, hence G − 1.

The layout is made once per board, so that comparing two rows costs a few passes over a list.
Binary rows with one repeat also keep their right items as the bits of one integer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import mul, sub

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
        return self.alone_count + sum(1 for count in self.cluster_counts if count)

    @property
    def has_clusters(self) -> bool:
        """Whether any cluster holds several of the items at hand."""
        return any(count > 1 for count in self.cluster_counts)


@dataclass(frozen=True, slots=True)
class Spread:
    """The variance of a linear statistic; `variance` is None with fewer than two clusters."""

    variance: float | None
    df: float
    clusters: int


@dataclass(slots=True)
class _Group:
    variance: float = 0.0
    clusters: int = 0


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
    squares = sum(map(mul, alone_values, alone_values))
    if mean:
        squares += mean * (alone_count * mean - 2 * sum(alone_values))
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
    parts: Sequence[WeightedPart], slot_tasks: Sequence[tuple[int, ...]], scale: float
) -> Spread:
    """Return the variance of the weighted sum of the parts' means; `scale` is the size of the
    values.
    """
    groups: dict[tuple[int, ...], _Group] = {}
    shared: dict[int, float] = {}
    total_clusters = 0
    estimable = True
    for number, part in enumerate(parts):
        clusters = part.cluster_count
        if clusters < 2:
            estimable = False
            correction = 1.0
        else:
            correction = clusters / (clusters - 1)
        squared = part.weight * part.weight * correction / (part.count * part.count)
        squares = part.alone_squares
        own = part.alone_count
        for residual, count, slot in zip(
            part.cluster_residuals, part.cluster_counts, part.frame.slots, strict=True
        ):
            if not count:
                continue
            if slot is None:
                squares += residual * residual
                own += 1
            else:
                shared[slot] = shared.get(slot, 0.0) + residual * squared**0.5
        if own:
            groups[(number,)] = _Group(squares * squared, own)
            total_clusters += own
    for slot, influence in shared.items():
        group = groups.setdefault(slot_tasks[slot], _Group())
        group.variance += influence * influence
        group.clusters += 1
        total_clusters += 1
    if not estimable:
        return Spread(None, 0.0, total_clusters)
    variance = sum(group.variance for group in groups.values())
    if variance <= _NEGLIGIBLE * scale * scale:
        return Spread(0.0, float(total_clusters - 1), total_clusters)
    # Shares instead of variances, whose squares can underflow.
    inverse_df = sum(
        (group.variance / variance) ** 2 / max(1, group.clusters - 1) for group in groups.values()
    )
    return Spread(variance, 1 / inverse_df, total_clusters)


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
