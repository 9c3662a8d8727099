"""The arithmetic on arrays against the same statistics one number at a time (`oracle`)."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbmark.scoring.aggregates import (
    WeightedTask,
    aggregate_estimate,
    aggregate_rows,
    tabulate_tasks,
    task_vectors,
)
from plumbmark.scoring.clustering import lay_out, tabulate
from plumbmark.scoring.estimates import estimate, estimate_rows
from plumbmark.scoring.items import ItemScore, ItemScores
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.paired import PairTests, compare
from plumbmark.scoring.pairs import compare_pairs, compare_weighted_pairs
from plumbmark.scoring.ranking import AggregateRow, RankingRow, rank, rank_aggregate
from plumbmark.scoring.vectors import pack
from tests.scoring.oracle import aggregates as old_aggregates
from tests.scoring.oracle import clustering as old_clustering
from tests.scoring.oracle import estimates as old_estimates
from tests.scoring.oracle import paired as old_paired
from tests.scoring.oracle import ranking as old_ranking

SHARE = Metric()
ERRORS = Metric(name="errors", direction="lower")
GRADE = Metric(name="grade", lower=1, upper=5)
LOSS = Metric(name="loss", direction="lower", lower=None, upper=None)
PRECISION = 1e-9

Scores = dict[str, ItemScore]


def check_same(found: Any, expected: Any, place: str = "", scale: float = 1.0) -> None:
    """Floats are the same to nine digits, or to thirteen of the size of the scores; the rest is
    equal.
    """
    if isinstance(expected, float) and isinstance(found, float):
        near = math.isclose(found, expected, rel_tol=PRECISION, abs_tol=1e-13 * scale)
        assert near, f"{place}: {found!r}, not {expected!r}"
    elif hasattr(expected, "__dataclass_fields__"):
        for field in fields(expected):
            name = field.name
            check_same(getattr(found, name), getattr(expected, name), f"{place}.{name}", scale)
    elif isinstance(expected, Mapping):
        assert list(found) == list(expected), place
        for key in expected:
            check_same(found[key], expected[key], f"{place}[{key}]", scale)
    elif isinstance(expected, list):
        assert len(found) == len(expected), place
        for number, one in enumerate(expected):
            check_same(found[number], one, f"{place}[{number}]", scale)
    else:
        assert found == expected, place


def size_of(rows: Sequence[ItemScores]) -> float:
    values = [value for row in rows for score in row.values() for value in score.values]
    return max(map(abs, values), default=1.0) or 1.0


def check_pairs(found: PairTests, expected: Sequence[Any], scale: float) -> None:
    assert len(found.p_values) == len(expected)
    for number, one in enumerate(expected):
        p_value = float(found.p_values[number])
        if one is None or one.p_value is None:
            assert math.isnan(p_value), number
            continue
        check_same(p_value, one.p_value, f"p-value of pair {number}")
        difference = float(found.differences[number])
        check_same(difference, one.difference, f"difference of pair {number}", scale)


def check_board(rows: Sequence[Scores], metric: Metric) -> None:
    """Compare everything of a board of one task."""
    scale = size_of(rows)
    vectors = [pack(row) for row in rows]
    check_same(
        estimate_rows(vectors, metric),
        [old_estimates.estimate(row, metric) for row in rows],
        "estimates",
        scale,
    )
    entries = [RankingRow(f"r{number:03}", row) for number, row in enumerate(rows)]
    for contradiction in ("any", "significant"):
        check_same(
            rank(entries, metric, contradiction=contradiction),  # type: ignore[arg-type]
            old_ranking.rank(entries, metric, contradiction=contradiction),  # type: ignore[arg-type]
            "ranks",
            scale,
        )
    scored = [row for row in rows if any(score.values for score in row.values())]
    for one, other in combinations(scored[:6], 2):
        check_same(
            compare(one, other, metric), old_paired.compare(one, other, metric), "pair", scale
        )
    packed = [pack(row) for row in scored]
    layout = lay_out([[one.items for one in packed]])
    table = tabulate(layout.frames[0], packed, metric, normalise=False)
    check_pairs(
        compare_pairs(layout, table, metric.width),
        [old_paired.compare(one, other, metric) for one, other in combinations(scored, 2)],
        scale,
    )


def check_aggregate_board(rows: Sequence[dict[str, Scores]], tasks: Sequence[WeightedTask]) -> None:
    """Compare everything of a board of several tasks."""
    check_same(
        aggregate_rows(rows, tasks),
        [old_aggregates.aggregate_estimate(row, tasks) for row in rows],
        "estimates",
    )
    entries = [AggregateRow(f"r{number:03}", row) for number, row in enumerate(rows)]
    check_same(rank_aggregate(entries, tasks), old_ranking.rank_aggregate(entries, tasks), "ranks")
    whole = [
        row
        for row in rows
        if all(any(s.values for s in row.get(task.key, {}).values()) for task in tasks)
    ]
    if len(tasks) == 1 or len(whole) < 2:
        return
    vectors = task_vectors(whole, tasks)
    layout = lay_out([[row[number].items for row in vectors] for number in range(len(tasks))])
    weights = [task.weight for task in tasks]
    found = compare_weighted_pairs(layout, tabulate_tasks(layout, vectors, tasks), weights)
    scores = [[row[task.key] for task in tasks] for row in whole]
    old_layout = old_clustering.lay_out([list(task) for task in zip(*scores, strict=True)])
    columns = [old_aggregates.normalise_columns(old_layout, row, tasks) for row in scores]
    expected = [
        old_aggregates.compute_weighted_test(old_layout, one, other, weights)
        for one, other in combinations(columns, 2)
    ]
    check_pairs(found, expected, 1.0)


# --- Fixed boards ----------------------------------------------------------------------------

Value = Callable[[random.Random, float], float]


def right(draw: random.Random, centre: float) -> float:
    return float(draw.random() < centre)


def partial(draw: random.Random, centre: float) -> float:
    return draw.betavariate(4 * centre, 4 * (1 - centre))


def skewed(draw: random.Random, centre: float) -> float:
    return draw.lognormvariate(centre, 1.5)


def constant(_draw: random.Random, _centre: float) -> float:
    return 0.3


def nearly_equal(draw: random.Random, centre: float) -> float:
    return 0.3 + 1e-4 * draw.random() * centre


def rows_of(
    seed: int,
    value: Value,
    *,
    rows: int = 6,
    items: int = 40,
    repeats: int = 1,
    cluster: Callable[[int], str | None] = lambda number: None,
    absent: float = 0.0,
    unscored: float = 0.0,
    prefix: str = "i",
) -> list[Scores]:
    draw = random.Random(seed)
    found: list[Scores] = []
    for row in range(rows):
        scores = {}
        for number in range(items):
            values = tuple(value(draw, 0.25 + 0.5 * row / rows) for _ in range(repeats))
            lost = sum(draw.random() < unscored for _ in range(repeats))
            if draw.random() >= absent:
                scores[f"{prefix}{number}"] = ItemScore(
                    values[: repeats - lost], lost, cluster(number)
                )
        found.append(scores)
    return found


def unequal(number: int) -> str | None:
    """Return clusters of 1, 2, 3, … items, and every seventh item alone."""
    return None if number % 7 == 0 else f"c{math.isqrt(2 * number)}"


CLUSTERS: dict[str, Callable[[int], str | None]] = {
    "no clusters": lambda number: None,
    "unequal clusters": unequal,
    "clusters of four": lambda number: f"c{number // 4}",
    "one cluster": lambda number: "c",
    "one giant": lambda number: "c" if number < 25 else None,
}
KINDS: dict[str, tuple[Value, Metric]] = {
    "binary": (right, SHARE),
    "errors": (right, ERRORS),
    "partial": (partial, SHARE),
    "percent": (
        lambda draw, c: 100 * right(draw, c), Metric(name="percent", lower=0, upper=100)
    ),
    "grades": (lambda draw, c: 1 + 4 * partial(draw, c), GRADE),
    "skewed": (skewed, LOSS),
    "constant": (constant, SHARE),
    "constant, unbounded": (constant, LOSS),
    "nearly equal": (nearly_equal, SHARE),
    "nearly equal, unbounded": (lambda draw, c: 1e3 + nearly_equal(draw, c), LOSS),
    "tiny": (lambda draw, c: 1e-120 * draw.random(), LOSS),
    "huge": (lambda draw, c: 1e29 * draw.gauss(c, 1), LOSS),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clusters", CLUSTERS)
@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("gaps", [0.0, 0.15])
def test_a_board_of_one_task_has_the_numbers_of_the_oracle(
    kind: str, clusters: str, repeats: int, gaps: float
) -> None:
    value, metric = KINDS[kind]

    check_board(
        rows_of(
            5,
            value,
            repeats=repeats,
            cluster=CLUSTERS[clusters],
            absent=gaps / 2,
            unscored=gaps,
        ),
        metric,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clusters", CLUSTERS)
def test_no_digit_of_an_estimate_depends_on_the_other_rows(kind: str, clusters: str) -> None:
    value, metric = KINDS[kind]
    rows = rows_of(6, value, rows=9, items=61, cluster=CLUSTERS[clusters], unscored=0.05)

    together = estimate_rows([pack(row) for row in rows], metric)

    assert together == [estimate(row, metric) for row in rows]
    if metric.is_bounded:
        tasks = [WeightedTask("t", 0.3, metric), WeightedTask("u", 0.7, SHARE)]
        other = rows_of(8, partial, rows=9, items=23, cluster=CLUSTERS[clusters], prefix="j")
        wholes = [{"t": one, "u": two} for one, two in zip(rows, other, strict=True)]
        found = aggregate_rows(wholes, tasks)
        assert found == [aggregate_estimate(row, tasks) for row in wholes]


def test_rows_that_share_nothing_or_little_have_the_numbers_of_the_oracle() -> None:
    apart = [
        {f"i{n}": ItemScore((float(n % 2),), cluster=f"c{n // 2}") for n in range(20)},
        {f"j{n}": ItemScore((float(n % 3 > 0),)) for n in range(20)},
        {f"i{n}": ItemScore((1.0,), cluster=f"c{n // 2}") for n in range(18, 30)},
        {f"i{n}": ItemScore((0.5,), cluster=f"c{n // 2}") for n in range(15)},
        {"i0": ItemScore((1.0,), cluster="c0")},
        {"i0": ItemScore((), 2, cluster="c0")},
        {},
    ]

    check_board(apart, SHARE)
    check_board(apart, LOSS)


def test_right_answers_among_partial_ones_have_the_numbers_of_the_oracle() -> None:
    rows = rows_of(1, right, cluster=lambda n: f"c{n // 2}" if n > 30 else None)
    rows += rows_of(2, partial, cluster=lambda n: f"c{n // 2}" if n > 30 else None)
    rows += [dict(list(row.items())[:31]) for row in rows[:3]]

    check_board(rows, SHARE)


def test_many_rows_in_several_blocks_have_the_ranks_of_the_oracle() -> None:
    check_board(rows_of(3, right, rows=150, items=25), SHARE)
    check_board(rows_of(4, partial, rows=70, items=12, cluster=unequal, absent=0.05), SHARE)


def test_more_clusters_than_the_bootstrap_draws_have_the_interval_of_the_oracle() -> None:
    check_board(rows_of(3, skewed, rows=3, items=640), LOSS)
    check_board(rows_of(4, skewed, rows=3, items=640, cluster=lambda n: f"c{n % 431}"), LOSS)


Place = Callable[[int, int], str | None]
OVER_TASKS: dict[str, Place] = {
    "no clusters": lambda task, number: None,
    "own clusters": lambda task, number: f"t{task}c{math.isqrt(2 * number)}",
    "the same clusters": lambda task, number: f"c{number // 3}",
    "some of the same": lambda task, number: (
        None if number % 5 == 0 else f"c{number // 3}" if (number // 3) % 3 != task else
        f"t{task}c{number // 3}"
    ),
    "one item each": lambda task, number: f"c{number}",
    "one cluster": lambda task, number: "c",
    "one cluster in one": lambda task, number: "c" if task == 0 else None,
}  # fmt: skip


@pytest.mark.parametrize("clusters", OVER_TASKS)
@pytest.mark.parametrize("weights", [(0.5, 0.3, 0.2), (0.999, 0.000999, 0.000001)])
@pytest.mark.parametrize("gaps", [0.0, 0.15])
@pytest.mark.parametrize("value", [right, partial, constant, nearly_equal])
def test_a_board_of_several_tasks_has_the_numbers_of_the_oracle(
    clusters: str, weights: tuple[float, ...], gaps: float, value: Value
) -> None:
    metrics = (SHARE, ERRORS, GRADE)
    tasks = [
        WeightedTask(f"t{n}", weight, metric)
        for n, (weight, metric) in enumerate(zip(weights, metrics, strict=True))
    ]
    kinds: tuple[Value, ...] = (value, right, lambda draw, c: 1 + 4 * value(draw, c))
    drawn = [
        rows_of(
            7 + number,
            kind,
            items=(6, 60, 30)[number],
            repeats=(1, 2, 1)[number],
            cluster=lambda n, number=number: OVER_TASKS[clusters](number, n),  # type: ignore[misc]
            absent=gaps / 2,
            unscored=gaps,
        )
        for number, kind in enumerate(kinds)
    ]
    rows = [{f"t{n}": task[row] for n, task in enumerate(drawn)} for row in range(6)]
    rows.append({"t0": rows[0]["t0"]})

    check_aggregate_board(rows, tasks)
    check_aggregate_board(
        [{"t2": row["t2"]} for row in rows if "t2" in row], [WeightedTask("t2", 1.0, GRADE)]
    )


def test_tasks_of_one_item_have_the_numbers_of_the_oracle() -> None:
    rows = [
        {
            "t": {"x": ItemScore((float(n % 2),))},
            "u": {f"i{k}": ItemScore((float((n + k) % 3 == 0),)) for k in range(30)},
        }
        for n in range(5)
    ]

    for weights in [(0.1, 0.9), (0.6, 0.4)]:
        tasks = [WeightedTask("t", weights[0], SHARE), WeightedTask("u", weights[1], SHARE)]
        check_aggregate_board(rows, tasks)


# --- Any boards ------------------------------------------------------------------------------

numbers = st.sampled_from([0.0, 1.0, 0.5, 0.25, 1 / 3, 0.9])
bits = st.sampled_from([0.0, 1.0])


@st.composite
def boards(draw: st.DrawFn, tasks: int = 1) -> list[list[Scores]]:
    """Return rows × tasks, over items whose clusters are the same for all rows."""
    keys = [f"i{n}" for n in range(draw(st.integers(1, 10)))]
    names = st.one_of(st.none(), st.sampled_from(["x", "y", "z", "w"]))
    value = draw(st.sampled_from([bits, numbers]))
    cluster = [{key: draw(names) for key in keys} for _ in range(tasks)]
    score = st.tuples(st.lists(value, max_size=draw(st.integers(1, 2))), st.integers(0, 1))
    found = []
    for _ in range(draw(st.integers(1, 5))):
        row = []
        for task in range(tasks):
            given = draw(st.dictionaries(st.sampled_from(keys), score, max_size=10))
            row.append(
                {
                    key: ItemScore(tuple(values), unscored, cluster[task][key])
                    for key, (values, unscored) in given.items()
                }
            )
        found.append(row)
    return found


@given(boards(), st.sampled_from([SHARE, ERRORS, LOSS, Metric(name="odd", lower=-1, upper=2)]))
@settings(max_examples=80, deadline=None)
def test_any_board_of_one_task_has_the_numbers_of_the_oracle(
    board: list[list[Scores]], metric: Metric
) -> None:
    check_board([row[0] for row in board], metric)


@given(boards(tasks=2), st.sampled_from([0.5, 0.7, 0.999999]))
@settings(max_examples=80, deadline=None)
def test_any_board_of_two_tasks_has_the_numbers_of_the_oracle(
    board: list[list[Scores]], weight: float
) -> None:
    tasks = [WeightedTask("t", weight, SHARE), WeightedTask("u", 1 - weight, ERRORS)]

    check_aggregate_board([{"t": row[0], "u": row[1]} for row in board], tasks)
