"""Rank ranges."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbmark.scoring.aggregates import WeightedTask, tabulate_tasks, task_vectors
from plumbmark.scoring.clustering import lay_out
from plumbmark.scoring.corrections import holm
from plumbmark.scoring.items import ItemScore
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.paired import compare
from plumbmark.scoring.pairs import compare_weighted_pairs
from plumbmark.scoring.ranking import AggregateRow, RankingRow, rank, rank_aggregate
from tests.oracles import holm_by_statsmodels, stats

ACCURACY = Metric()


def binary(right: int, total: int) -> dict[str, ItemScore]:
    return {f"i{n}": ItemScore((float(n < right),)) for n in range(total)}


def test_rows_that_no_test_tells_apart_share_their_range() -> None:
    found = rank([RankingRow("a", binary(52, 100)), RankingRow("b", binary(50, 100))], ACCURACY)

    assert [(row.key, row.best_rank, row.worst_rank) for row in found] == [
        ("a", 1, 2),
        ("b", 1, 2),
    ]
    assert not found[0].is_sole_first


def test_clear_rows_have_ranks_of_their_own() -> None:
    found = rank(
        [
            RankingRow("c", binary(10, 100)),
            RankingRow("a", binary(90, 100)),
            RankingRow("b", binary(50, 100)),
        ],
        ACCURACY,
    )

    assert [(row.key, row.best_rank, row.worst_rank) for row in found] == [
        ("a", 1, 1),
        ("b", 2, 2),
        ("c", 3, 3),
    ]
    assert found[0].is_sole_first


def test_where_lower_is_better_the_lowest_comes_first() -> None:
    metric = Metric(name="errors", direction="lower")

    found = rank([RankingRow("few", binary(10, 100)), RankingRow("many", binary(90, 100))], metric)

    assert [(row.key, row.best_rank) for row in found] == [("few", 1), ("many", 2)]


def test_reference_rows_stand_outside_of_the_family() -> None:
    rows = [RankingRow("a", binary(56, 100)), RankingRow("b", binary(50, 100))]
    references = [RankingRow(f"base{n}", binary(n, 100), "reference") for n in range(40)]

    alone, together = rank(rows, ACCURACY), rank(rows + references, ACCURACY)

    ranked = [row for row in together if row.unranked is None]
    assert [(row.best_rank, row.worst_rank) for row in ranked] == [
        (row.best_rank, row.worst_rank) for row in alone
    ]
    assert {row.unranked for row in together} == {None, "reference"}
    assert all(row.best_rank is None for row in together if row.unranked)


def test_a_row_without_scores_is_last_and_unranked() -> None:
    found = rank(
        [RankingRow("none", {"i0": ItemScore((), 1)}), RankingRow("a", binary(1, 2))], ACCURACY
    )

    assert [(row.key, row.unranked) for row in found] == [("a", None), ("none", "no-score")]


def test_coverage_that_turns_the_order_round_is_marked_on_both_rows() -> None:
    # On the ten hard items both took, b is better; a took the easy ones besides.
    a = {f"i{n}": ItemScore((float(n >= 10),)) for n in range(30)}
    b = {f"i{n}": ItemScore((float(n < 4),)) for n in range(10)}
    c = {f"i{n}": ItemScore((0.0,)) for n in range(30)}

    found = {
        row.key: row
        for row in rank([RankingRow("a", a), RankingRow("b", b), RankingRow("c", c)], ACCURACY)
    }

    assert found["a"].contradicted_by == ("b",)
    assert found["b"].contradicted_by == ("a",)
    assert not found["c"].coverage_differs


def test_contradictions_can_be_held_to_significance() -> None:
    a = {f"i{n}": ItemScore((float(n >= 10),)) for n in range(30)}
    b = {f"i{n}": ItemScore((float(n < 2),)) for n in range(10)}

    strict = rank([RankingRow("a", a), RankingRow("b", b)], ACCURACY)
    lenient = rank([RankingRow("a", a), RankingRow("b", b)], ACCURACY, contradiction="significant")

    assert all(row.coverage_differs for row in strict)
    assert not any(row.coverage_differs for row in lenient)


rows_strategy = st.lists(
    st.dictionaries(
        st.sampled_from([f"i{n}" for n in range(15)]),
        st.sampled_from([0.0, 0.5, 1.0]),
        min_size=4,
    ),
    min_size=2,
    max_size=5,
)


@given(rows_strategy, st.booleans())
@settings(max_examples=60)
def test_the_board_tests_every_pair_as_a_comparison_does(
    values: list[dict[str, float]], with_clusters: bool
) -> None:
    rows = [
        RankingRow(
            f"r{number}",
            {
                key: ItemScore((value,), cluster=f"c{int(key[1:]) // 3}" if with_clusters else None)
                for key, value in row.items()
            },
        )
        for number, row in enumerate(values)
    ]

    found = {row.key: row for row in rank(rows, ACCURACY)}

    pairs = [(a, b) for n, a in enumerate(rows) for b in rows[n + 1 :]]
    results = [compare(a.scores, b.scores, ACCURACY) for a, b in pairs]
    adjusted = holm([1.0 if r.p_value is None else r.p_value for r in results])
    for row in rows:
        above = sum(
            p <= 0.05 and ((r.difference or 0) > 0 if b is row else (r.difference or 0) < 0)
            for (a, b), r, p in zip(pairs, results, adjusted, strict=True)
            if row in (a, b)
        )
        assert found[row.key].best_rank == 1 + above


@given(rows_strategy)
@settings(max_examples=60)
def test_a_range_holds_between_first_and_last_and_better_rows_start_no_later(
    values: list[dict[str, float]],
) -> None:
    rows = [
        RankingRow(f"r{n}", {key: ItemScore((value,)) for key, value in row.items()})
        for n, row in enumerate(values)
    ]

    for row in rank(rows, ACCURACY):
        assert row.best_rank is not None
        assert row.worst_rank is not None
        assert 1 <= row.best_rank <= row.worst_rank <= len(rows)


def test_an_aggregate_board_leaves_a_row_without_a_task_unranked() -> None:
    tasks = [WeightedTask("t", 0.5, ACCURACY), WeightedTask("u", 0.5, ACCURACY)]
    rows = [
        AggregateRow("whole", {"t": binary(5, 10), "u": binary(5, 10)}),
        AggregateRow("half", {"t": binary(10, 10)}),
    ]

    found = rank_aggregate(rows, tasks)

    assert [(row.key, row.unranked, row.best_rank) for row in found] == [
        ("whole", None, 1),
        ("half", "incomplete", None),
    ]
    assert found[1].estimate.value is None


def test_an_aggregate_of_one_task_ranks_as_the_task_does() -> None:
    draw = random.Random(5)
    rows = [
        (f"r{r}", {f"i{n}": ItemScore((float(draw.random() < r / 8),)) for n in range(60)})
        for r in range(8)
    ]

    single = rank([RankingRow(key, scores) for key, scores in rows], ACCURACY)
    joined = rank_aggregate(
        [AggregateRow(key, {"t": scores}) for key, scores in rows],
        [WeightedTask("t", 1.0, ACCURACY)],
    )

    assert [(r.key, r.best_rank, r.worst_rank) for r in single] == [
        (r.key, r.best_rank, r.worst_rank) for r in joined
    ]
    assert [r.estimate.low for r in single] == pytest.approx([r.estimate.low for r in joined])


def test_the_marginal_range_corrects_for_the_tests_of_its_own_row() -> None:
    draw = random.Random(8)
    rows = [
        RankingRow(
            f"r{r}", {f"i{n}": ItemScore((float(draw.random() < 0.3 + r / 20),)) for n in range(80)}
        )
        for r in range(9)
    ]

    found = {row.key: row for row in rank(rows, ACCURACY)}

    narrower = 0
    for row in rows:
        tests = [compare(row.scores, b.scores, ACCURACY) for b in rows if b is not row]
        p_values = [test.p_value for test in tests]
        rejected, _ = holm_by_statsmodels(p_values)
        better = [(test.difference or 0) > 0 for test in tests]
        one = found[row.key]
        assert one.marginal_best == 1 + sum(
            r and not b for r, b in zip(rejected, better, strict=True)
        )
        assert one.marginal_worst == 9 - sum(r and b for r, b in zip(rejected, better, strict=True))
        assert one.best_rank is not None
        assert one.worst_rank is not None
        assert one.best_rank <= one.marginal_best <= one.marginal_worst <= one.worst_rank
        narrower += (one.best_rank, one.worst_rank) != (one.marginal_best, one.marginal_worst)
    assert narrower > 0


def test_a_row_has_its_share_of_the_items_of_the_board() -> None:
    rows = [
        RankingRow("whole", binary(30, 60)),
        RankingRow("part", {f"i{n}": ItemScore((1.0,)) for n in range(15)}),
        RankingRow("baseline", {f"other{n}": ItemScore((1.0,)) for n in range(90)}, "reference"),
    ]

    found = {row.key: row.common_share for row in rank(rows, ACCURACY)}

    assert found == {"whole": 1.0, "part": 0.25, "baseline": None}


def test_the_share_of_items_of_several_tasks_is_weighted() -> None:
    tasks = [WeightedTask("t", 0.75, ACCURACY), WeightedTask("u", 0.25, ACCURACY)]
    rows = [
        AggregateRow("whole", {"t": binary(5, 10), "u": binary(5, 10)}),
        AggregateRow("part", {"t": binary(5, 10), "u": binary(2, 5)}),
    ]

    found = {row.key: row.common_share for row in rank_aggregate(rows, tasks)}

    assert found == {"whole": 1.0, "part": pytest.approx(0.875)}


def pair_of_tasks(
    wins: tuple[int, int], losses: tuple[int, int], counts: tuple[int, int]
) -> list[AggregateRow]:
    a: dict[str, dict[str, ItemScore]] = {}
    b: dict[str, dict[str, ItemScore]] = {}
    for task, win, loss, count in zip("tu", wins, losses, counts, strict=True):
        a[task] = {f"i{n}": ItemScore((float(n < win),)) for n in range(count)}
        b[task] = {f"i{n}": ItemScore((float(win <= n < win + loss),)) for n in range(count)}
    return [AggregateRow("a", a), AggregateRow("b", b)]


@pytest.mark.parametrize(
    ("wins", "losses", "counts", "is_significant"),
    [
        # A heavy task on which nobody differs is no proof of anything.
        ((0, 5), (0, 0), (5, 500), False),
        ((6, 40), (0, 10), (10, 400), True),
        ((3, 12), (1, 10), (20, 400), False),
    ],
)
def test_pairs_of_several_binary_tasks_have_discordant_items_added(
    wins: tuple[int, int], losses: tuple[int, int], counts: tuple[int, int], is_significant: bool
) -> None:
    tasks = [WeightedTask("t", 0.8, ACCURACY), WeightedTask("u", 0.2, ACCURACY)]
    rows = pair_of_tasks(wins, losses, counts)
    vectors = task_vectors([row.tasks for row in rows], tasks)
    layout = lay_out([[row[task].items for row in vectors] for task in range(2)])
    tables = tabulate_tasks(layout, vectors, tasks)
    tests = compare_weighted_pairs(layout, tables, [0.8, 0.2])

    # Half an item is added to either count of either task, as a second computation.
    difference = variance = 0.0
    parts = []
    for weight, win, loss, count in zip((0.8, 0.2), wins, losses, counts, strict=True):
        n = count + 1
        mean = (win - loss) / count
        squares = win + loss - count * mean**2
        part = weight**2 * (count * squares / (count - 1) + 1) / n**2
        parts.append((part, count))
        difference += weight * (win - loss) / n
        variance += part
    inverse = sum((part / variance) ** 2 / df for part, df in parts)
    p_value = 2 * stats.t.sf(abs(difference) / variance**0.5, 1 / inverse)
    assert tests.p_values == pytest.approx([p_value])
    assert bool(p_value <= 0.05) is is_significant
    assert (rank_aggregate(rows, tasks)[0].significantly_below == 1) is is_significant


def test_a_task_of_one_common_item_does_not_keep_others_from_being_compared() -> None:
    tasks = [WeightedTask("t", 0.1, ACCURACY), WeightedTask("u", 0.9, ACCURACY)]
    rows = pair_of_tasks((0, 90), (1, 0), (1, 100))
    heavy = [WeightedTask("t", 0.6, ACCURACY), WeightedTask("u", 0.4, ACCURACY)]

    assert rank_aggregate(rows, tasks)[0].best_rank == 1
    assert rank_aggregate(rows, tasks)[1].best_rank == 2
    # Of more weight than what the other tasks show, the item could turn everything round.
    assert [row.best_rank for row in rank_aggregate(rows, heavy)] == [1, 1]


@pytest.mark.slow
def test_two_hundred_rows_of_two_thousand_items_are_ranked_while_one_waits() -> None:
    draw = random.Random(1)
    rows = [
        RankingRow(
            f"r{r}",
            {
                f"i{n}": ItemScore((float(draw.random() < 0.3 + r / 500),), cluster=f"c{n // 4}")
                for n in range(2000)
                if draw.random() > 0.01
            },
        )
        for r in range(200)
    ]
    started = time.process_time()

    found = rank(rows, ACCURACY)

    assert len(found) == 200
    assert time.process_time() - started < 120  # an order above what it takes, not a benchmark
