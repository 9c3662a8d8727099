"""Whether intervals and ranks keep their word: simulated against a truth that is known.

Each cell draws data of one family again and again from a model with a known mean, and counts how
often the 95 % interval contains it; and boards of rows that are all equally good, and counts how
often some rank range says otherwise (the family-wise error, which Holm bounds by 5 %). Next to the
platform's own functions stand the formulas that it used before, where they have changed.

    python bench/trust.py                 2,000 draws a cell (some minutes)
    python bench/trust.py --draws 200     a quick look
    python bench/trust.py --only weighted one family

docs/design/statistics.md has the table and what does not reach its goal.
"""

import argparse
import math
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "platform"))

from plumbmark.scoring.aggregates import WeightedTask, aggregate_estimate
from plumbmark.scoring.corrections import holm
from plumbmark.scoring.distributions import (
    binomial_tail,
    t_quantile,
    t_two_sided,
)
from plumbmark.scoring.estimates import estimate
from plumbmark.scoring.intervals import (
    Interval,
    student,
    wilson,
    wilson_with_quantile,
)
from plumbmark.scoring.items import ItemScore, ItemScores
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.ranking import (
    AggregateRow,
    Ranked,
    RankingRow,
    rank,
    rank_aggregate,
)

COVERAGE_GOAL = (0.935, 0.965)
MAX_RANK_ERROR = 0.05
ROWS = 5
"""Of a board whose rank ranges are tested."""
ACCURACY = Metric()
COST = Metric(name="cost", direction="lower", lower=None, upper=None)

Tasks = Sequence[ItemScores]
"""One row: its scores on every task."""


Draw = Callable[[random.Random, int], list[Tasks]]
"""Draws so many rows that answer the same items and are equally good."""


@dataclass(frozen=True)
class Cell:
    """One family with one setting."""

    family: str
    setting: str
    truth: float
    draw: Draw
    metric: Metric = ACCURACY
    weights: Sequence[float] = (1.0,)
    has_changed: bool = True
    """The platform used other formulas before; see `Before`."""
    tests_ranks: bool = True


# --- How the data come about -----------------------------------------------------------------


def share(source: random.Random, mean: float, correlation: float) -> float:
    """Draw the chance of a cluster, such that two of its items correlate so much."""
    if correlation >= 1:
        return float(source.random() < mean)
    if correlation <= 0:
        return mean
    total = 1 / correlation - 1
    return source.betavariate(mean * total, (1 - mean) * total)


def binary(
    sizes: Sequence[int] | Callable[[random.Random], Sequence[int]],
    mean: float,
    correlation: float = 0.0,
    *,
    repeats: int = 1,
    are_known: bool = True,
    prefix: str = "",
) -> Draw:
    """Return right and wrong answers to items in clusters of these sizes."""

    def draw(source: random.Random, rows: int) -> list[Tasks]:
        found: list[dict[str, ItemScore]] = [{} for _ in range(rows)]
        for number, size in enumerate(sizes(source) if callable(sizes) else sizes):
            cluster = f"{prefix}c{number}" if are_known and size > 1 else None
            for row in found:
                chance = share(source, mean, correlation)
                for place in range(size):
                    values = tuple(float(source.random() < chance) for _ in range(repeats))
                    row[f"{prefix}i{number}.{place}"] = ItemScore(values, 0, cluster)
        return [[row] for row in found]

    return draw


def zipf(clusters: int) -> Callable[[random.Random], Sequence[int]]:
    """Return sizes of clusters from 1 to 20, of which the size s has the weight 1/s."""
    sizes = range(1, 21)
    return lambda source: source.choices(sizes, [1 / size for size in sizes], k=clusters)


def together(*tasks: Draw) -> Draw:
    """Return several independent tasks."""

    def draw(source: random.Random, rows: int) -> list[Tasks]:
        drawn = [task(source, rows) for task in tasks]
        return [[row for one in drawn for row in one[number]] for number in range(rows)]

    return draw


def in_turn(*draws: Draw) -> Draw:
    """Return rows that are equally good for different reasons."""
    return lambda source, rows: [draws[number % len(draws)](source, 1)[0] for number in range(rows)]


def values(count: int, value: Callable[[random.Random], float]) -> Draw:
    """Return scores of any kind, which every row draws for itself."""

    def draw(source: random.Random, rows: int) -> list[Tasks]:
        return [[{f"i{n}": ItemScore((value(source),)) for n in range(count)}] for _ in range(rows)]

    return draw


# --- The formulas used before ----------------------------------------------------------------


@dataclass(frozen=True)
class Before:
    """Mean and variance of one column by the sum of squared influences, G/(G − 1) Σ (S_g / n)²."""

    mean: float
    variance: float
    clusters: int

    @classmethod
    def of(cls, scores: Mapping[str, float], clusters: Mapping[str, str | None]) -> "Before":
        mean = math.fsum(scores.values()) / len(scores)
        sums: dict[str, float] = {}
        for key, value in scores.items():
            cluster = clusters[key] or f"alone {key}"
            sums[cluster] = sums.get(cluster, 0.0) + value - mean
        count = len(sums)
        squares = math.fsum(one * one for one in sums.values()) / len(scores) ** 2
        return cls(mean, squares * count / (count - 1), count)


def join_before(parts: Sequence[Before], weights: Sequence[float]) -> tuple[float, float, float]:
    """Return mean, variance and Satterthwaite's degrees of a weighted mean."""
    mean = math.fsum(w * one.mean for w, one in zip(weights, parts, strict=True))
    shares = [w * w * one.variance for w, one in zip(weights, parts, strict=True)]
    variance = math.fsum(shares)
    if variance < 1e-26:
        return mean, 0.0, sum(one.clusters for one in parts) - 1.0
    inverse = math.fsum(
        (share / variance) ** 2 / (one.clusters - 1)
        for share, one in zip(shares, parts, strict=True)
    )
    return mean, variance, 1 / inverse


def interval_before(cell: Cell, row: Tasks) -> Interval:
    """Return the interval by the formulas used before."""
    scores = [score for task in row for score in task.values()]
    is_binary = cell.metric.is_bounded and all(v in (0, 1) for one in scores for v in one.values)
    is_plain = all(one.cluster is None and len(one.values) == 1 for one in scores)
    if is_binary and is_plain and len(row) == 1:
        return wilson(sum(one.mean for one in scores), len(scores))
    mean, variance, df = join_before(
        [
            Before.of(
                {key: one.mean for key, one in task.items()},
                {key: one.cluster for key, one in task.items()},
            )
            for task in row
        ],
        cell.weights,
    )
    if not is_binary:
        return student(mean, variance, df)
    effective = mean * (1 - mean) / variance if variance and 0 < mean < 1 else df + 1
    return wilson_with_quantile(mean, effective, t_quantile(0.975, df))


def p_value_before(cell: Cell, one: Tasks, other: Tasks) -> float:
    """Return the paired p-value by the formulas used before."""
    parts = []
    for first, second in zip(one, other, strict=True):
        differences = {key: first[key].mean - second[key].mean for key in first}
        parts.append(Before.of(differences, {key: score.cluster for key, score in first.items()}))
    scores = [score for task in one for score in task.values()]
    if len(one) == 1 and cell.metric.is_bounded and all(
        score.cluster is None and score.values in ((0.0,), (1.0,)) for score in scores
    ):  # fmt: skip
        wins = sum(one[0][key].mean > other[0][key].mean for key in one[0])
        losses = sum(one[0][key].mean < other[0][key].mean for key in one[0])
        if not wins + losses:
            return 1.0
        return min(1.0, 2 * binomial_tail(min(wins, losses), wins + losses, 0.5))
    difference, variance, df = join_before(parts, cell.weights)
    if not variance:
        return 1.0 if abs(difference) < 1e-13 else min(1.0, 2.0 ** (1 - df - 1))
    return t_two_sided(difference / math.sqrt(variance), df)


# --- The platform's own ----------------------------------------------------------------------


def tasks_of(cell: Cell) -> list[WeightedTask]:
    return [WeightedTask(f"t{n}", weight, cell.metric) for n, weight in enumerate(cell.weights)]


def interval_now(cell: Cell, row: Tasks) -> Interval:
    if len(row) == 1:
        found = estimate(row[0], cell.metric)
    else:
        scores = {f"t{n}": task for n, task in enumerate(row)}
        found = aggregate_estimate(scores, tasks_of(cell)).estimate
    # No interval at all claims nothing.
    low = -math.inf if found.low is None else found.low
    high = math.inf if found.high is None else found.high
    return Interval(low, high)


def ranked(cell: Cell, rows: Sequence[Tasks]) -> list[Ranked]:
    if len(cell.weights) == 1:
        return rank([RankingRow(str(n), row[0]) for n, row in enumerate(rows)], cell.metric)
    return rank_aggregate(
        [
            AggregateRow(str(n), {f"t{task}": scores for task, scores in enumerate(row)})
            for n, row in enumerate(rows)
        ],
        tasks_of(cell),
    )


# --- Counting --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    cell: Cell
    before: float | None
    now: float
    error_before: float | None
    error_now: float | None

    def verdict(self, draws: int) -> str:
        """Return how the shares compare with their goals; at the limit where chance may decide."""
        low, high = COVERAGE_GOAL
        error = sampling_error(draws)
        faults = []
        if self.now < low:
            faults.append("too narrow" if self.now < low - error else "reached, at the limit")
        elif self.now > high:
            faults.append("wide" if self.now > high + error else "reached, at the limit")
        if self.error_now is not None and self.error_now > MAX_RANK_ERROR:
            is_chance = self.error_now <= MAX_RANK_ERROR + error
            faults.append("ranks at the limit" if is_chance else "ranks err")
        return ", ".join(faults) or "reached"


def sampling_error(draws: int) -> float:
    """Return the half width of the 95 % interval of a measured share near 5 % or 95 %."""
    return 1.96 * math.sqrt(0.95 * 0.05 / draws)


def simulate(cell: Cell, draws: int) -> Result:
    """Draw again and again; every cell has a seed of its own, so cells can run alone."""
    source = random.Random(f"{cell.family}/{cell.setting}")
    covered = covered_before = errors = errors_before = 0
    for _ in range(draws):
        rows = cell.draw(source, ROWS if cell.tests_ranks else 1)
        covered += _contains(interval_now(cell, rows[0]), cell.truth)
        if cell.has_changed:
            covered_before += _contains(interval_before(cell, rows[0]), cell.truth)
        if not cell.tests_ranks:
            continue
        errors += any((row.best_rank, row.worst_rank) != (1, ROWS) for row in ranked(cell, rows))
        if cell.has_changed:
            p_values = [p_value_before(cell, *pair) for pair in combinations(rows, 2)]
            errors_before += min(holm(p_values)) <= MAX_RANK_ERROR
    return Result(
        cell,
        covered_before / draws if cell.has_changed else None,
        covered / draws,
        errors_before / draws if cell.has_changed and cell.tests_ranks else None,
        errors / draws if cell.tests_ranks else None,
    )


def _contains(interval: Interval, truth: float) -> bool:
    return interval.low - 1e-12 <= truth <= interval.high + 1e-12


def cells() -> Iterator[Cell]:
    """Return every family with its settings."""
    for count, mean in ((20, 0.05), (20, 0.5), (20, 0.95), (100, 0.5), (100, 0.9), (500, 0.7)):
        yield Cell(
            "binary", f"n = {count}, p = {mean}", mean, binary([1] * count, mean), has_changed=False
        )
    for clusters, mean, correlation in ((30, 0.5, 0.3), (30, 0.85, 0.6)):
        yield Cell(
            "clusters of equal size",
            f"{clusters} × 5, p = {mean}, ICC {correlation}",
            mean,
            binary([5] * clusters, mean, correlation),
        )
    for clusters, mean, correlation in (
        (12, 0.5, 0.5), (20, 0.5, 0.3), (20, 0.5, 1.0), (20, 0.8, 0.6), (40, 0.5, 0.5),
        (100, 0.7, 0.5),
    ):  # fmt: skip
        yield Cell(
            "clusters of 1 … 20, Zipf",
            f"{clusters} clusters, p = {mean}, ICC {correlation}",
            mean,
            binary(zipf(clusters), mean, correlation),
        )
    yield Cell(
        "clusters, one giant", "1 × 60 and 30 × 2, p = 0.5, ICC 0.5", 0.5,
        binary([60] + [2] * 30, 0.5, 0.5),
    )  # fmt: skip
    for repeats in (3,):
        yield Cell(
            "repeated binary", f"50 × {repeats}, p = 0.7", 0.7,
            binary([1] * 50, 0.7, 0.4, repeats=repeats),
        )  # fmt: skip
    yield from _weighted_cells()
    bounded = {
        "Beta(0.5, 0.5)": (lambda source: source.betavariate(0.5, 0.5), 0.5),
        "Beta(0.4, 3.6)": (lambda source: source.betavariate(0.4, 3.6), 0.1),
        "Beta(8, 2)": (lambda source: source.betavariate(8, 2), 0.8),
        "0, ½ or 1, mostly 1": (
            lambda source: source.choices((0.0, 0.5, 1.0), (0.05, 0.1, 0.85))[0], 0.9,
        ),
    }  # fmt: skip
    for name, (value, mean) in bounded.items():
        for count in (10, 30):
            yield Cell("bounded, not binary", f"n = {count}, {name}", mean, values(count, value))
    unbounded = {
        "normal": (lambda source: source.gauss(5, 1), 5.0),
        "exponential": (lambda source: source.expovariate(1), 1.0),
        "lognormal, σ = 1": (lambda source: source.lognormvariate(0, 1), math.exp(0.5)),
        "lognormal, σ = 1.5": (lambda source: source.lognormvariate(0, 1.5), math.exp(1.125)),
    }
    for name, (value, mean) in unbounded.items():
        for count in (20, 100):
            yield Cell("unbounded", f"n = {count}, {name}", mean, values(count, value), metric=COST)
    for correlation in (0.3, 0.6):
        yield Cell(
            "counts with hidden clusters",
            f"40 × 5, p = 0.6, ICC {correlation}",
            0.6,
            binary([5] * 40, 0.6, correlation, are_known=False),
            has_changed=False,
            tests_ranks=False,
        )


def _weighted_cells() -> Iterator[Cell]:
    settings: list[tuple[Sequence[float], Sequence[tuple[int, float]]]] = [
        ((0.7, 0.3), ((20, 0.98), (500, 0.6))),
        ((0.5, 0.5), ((20, 0.95), (400, 0.5))),
        ((0.8, 0.2), ((10, 0.97), (300, 0.7))),
        ((0.6, 0.2, 0.2), ((15, 0.97), (200, 0.7), (200, 0.4))),
        ((0.1,) * 10, ((20, 0.95),) * 10),
        ((0.5, 0.5), ((100, 0.6), (200, 0.4))),
    ]
    for weights, tasks in settings:
        yield Cell(
            "weighted mean of binary tasks",
            "; ".join(
                f"{weight} of n = {count}, p = {mean}"
                for weight, (count, mean) in zip(weights, tasks, strict=True)
            ) if len(tasks) < 5 else "10 tasks of n = 20, p = 0.95",
            math.fsum(weight * mean for weight, (_, mean) in zip(weights, tasks, strict=True)),
            together(
                *(
                    binary([1] * count, mean, prefix=f"t{number}.")
                    for number, (count, mean) in enumerate(tasks)
                )
            ),
            weights=weights,
        )  # fmt: skip
    for weight, small, large in (
        (0.7, (20, 0.99, 0.94), (500, 0.5)),
        (0.8, (10, 0.99, 0.95), (300, 0.5)),
    ):
        count, high, low = small
        size, mean = large
        other = mean + weight * (high - low) / (1 - weight)
        yield Cell(
            "weighted mean, rows strong in different tasks",
            f"{weight} of n = {count}, p = {high} or {low}; {1 - weight:.1f} of n = {size}, "
            f"p = {mean} or {other:.3g}",
            weight * high + (1 - weight) * mean,
            in_turn(
                together(binary([1] * count, high), binary([1] * size, mean, prefix="u")),
                together(binary([1] * count, low), binary([1] * size, other, prefix="u")),
            ),
            weights=(weight, 1 - weight),
        )
    yield Cell(
        "weighted mean, clustered",
        "0.6 of 12 × 3, p = 0.9; 0.4 of Zipf 40, p = 0.6",
        0.6 * 0.9 + 0.4 * 0.6,
        together(binary([3] * 12, 0.9, 0.4), binary(zipf(40), 0.6, 0.4, prefix="u")),
        weights=(0.6, 0.4),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=2000, help="draws a cell")
    parser.add_argument("--only", default="", help="families whose name contains this")
    given = parser.parse_args()
    low, high = COVERAGE_GOAL
    print(
        f"{given.draws} draws a cell. Goals: coverage {low:.1%} to {high:.1%}, "
        f"error of ranks at most {MAX_RANK_ERROR:.0%}. Sampling error of a share near 95 %: "
        f"± {sampling_error(given.draws):.1%}.\n"
    )
    print("| family | setting | coverage before | now | error of ranks before | now | verdict |")
    print("|---|---|---|---|---|---|---|")
    for cell in cells():
        if given.only not in cell.family:
            continue
        found = simulate(cell, given.draws)
        shares = (found.before, found.now, found.error_before, found.error_now)
        shown = " | ".join("–" if share is None else f"{share:.1%}" for share in shares)
        print(
            f"| {cell.family} | {cell.setting} | {shown} | {found.verdict(given.draws)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
