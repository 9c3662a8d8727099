"""Comparisons of two rows: against scipy, statsmodels, and the tests of boards."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.aggregates import WeightedTask
from plumbmark.scoring.clustering import lay_out, tabulate
from plumbmark.scoring.comparison import (
    choose_items,
    compare_aggregates,
    compare_rows,
    detectable_difference,
    find_directions,
    largest_significant,
    matched_pairs_error,
)
from plumbmark.scoring.corrections import find_significant, holm
from plumbmark.scoring.items import ItemScore
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.pairs import compare_pairs
from plumbmark.scoring.ranking import AggregateRow, RankingRow, rank, rank_aggregate
from plumbmark.scoring.vectors import pack
from tests.oracles import contingency_tables, np, stats

ACCURACY = Metric()
LOSS = Metric(name="loss", direction="lower", lower=None, upper=None)


def discordant(both: int, only_a: int, only_b: int, neither: int) -> tuple[dict, dict]:  # type: ignore[type-arg]
    pairs = [(1.0, 1.0)] * both + [(1.0, 0.0)] * only_a + [(0.0, 1.0)] * only_b
    pairs += [(0.0, 0.0)] * neither
    return tuple(  # type: ignore[return-value]
        {f"i{n}": ItemScore((pair[side],)) for n, pair in enumerate(pairs)} for side in (0, 1)
    )


def test_the_textbook_example_of_mcnemar() -> None:
    """Check Fagerland, Lydersen & Laake 2013 (BMC Medical Research Methodology 13:91), table 1:
    airway hyper-responsiveness of 21 children, 1 and 7 discordant; mid-p 0.0391.
    """
    a, b = discordant(1, 1, 7, 12)

    found = compare_rows(a, b, ACCURACY)

    assert found.p_value == pytest.approx(0.0391, abs=5e-5)
    assert (found.a_better, found.b_better, found.ties) == (1, 7, 13)
    assert found.difference == pytest.approx(-6 / 21)
    # Newcombe's interval there: -0.507 to -0.026.
    assert (found.low, found.high) == pytest.approx((-0.507, -0.026), abs=5e-4)
    assert found.is_significant


def test_what_mcnemar_can_find_is_what_its_power_says() -> None:
    a, b = discordant(700, 50, 50, 200)

    found = compare_rows(a, b, ACCURACY)

    error = math.sqrt(102 / 1002 / 1002)
    assert found.detectable == pytest.approx((1.959964 + 0.841621) * error, rel=1e-6)
    # With that difference the exact power of the test is near 80 %.
    assert found.detectable is not None
    draws = np.random.default_rng(5)
    share = 0.1
    up, down = (share + found.detectable) / 2, (share - found.detectable) / 2
    table = draws.multinomial(1000, [up, down, 1 - up - down], size=400)
    hits = [
        float(contingency_tables.mcnemar([[0, one], [other, 0]], exact=True).pvalue) <= 0.05
        for one, other, _ in table.tolist()
    ]
    assert 0.7 < sum(hits) / len(hits) < 0.88


def test_rows_that_never_differ_are_not_known_exactly() -> None:
    a, b = discordant(10, 0, 0, 10)

    found = compare_rows(a, b, ACCURACY)

    assert (found.difference, found.p_value, found.ties) == (0, 1, 20)
    assert found.detectable == pytest.approx(2.801585 * matched_pairs_error(0, 0, 20))
    assert found.detectable > 5 / 20 * 0.7


def test_the_detectable_difference_follows_the_quantiles() -> None:
    assert detectable_difference(0.01, math.inf) == pytest.approx(0.02801585)
    t = stats.t(19)
    assert detectable_difference(0.01, 19) == pytest.approx(0.01 * (t.ppf(0.975) + t.ppf(0.8)))
    assert detectable_difference(0.9, 3, most=1.0) == 1.0


def test_where_lower_is_better_the_lower_one_wins() -> None:
    a = {f"i{n}": ItemScore((float(n),)) for n in range(5)}
    b = {f"i{n}": ItemScore((float(n) + (n > 1),)) for n in range(5)}

    found = compare_rows(a, b, LOSS)

    assert (found.a_better, found.b_better, found.ties) == (3, 0, 2)
    assert found.difference == pytest.approx(-0.6)
    directions = find_directions(pack(a), pack(b), LOSS)
    assert directions.a_better.tolist() == [False, False, True, True, True]
    assert directions.ties.sum() == 2


def test_nothing_common_gives_no_numbers() -> None:
    found = compare_rows({"a": ItemScore((1.0,))}, {"b": ItemScore((1.0,))}, ACCURACY)

    assert (found.difference, found.p_value, found.detectable, found.ties) == (None, None, None, 0)
    assert not found.is_significant


rows = st.lists(
    st.lists(st.sampled_from([0.0, 1.0]), min_size=12, max_size=12), min_size=2, max_size=5
)


@given(rows, st.booleans())
def test_a_pair_has_the_p_value_of_the_board(values: list[list[float]], clusters: bool) -> None:
    vectors = [
        pack(
            {
                f"i{n}": ItemScore((value,), cluster=f"c{n // 3}" if clusters else None)
                for n, value in enumerate(row)
            }
        )
        for row in values
    ]
    layout = lay_out([[one.items for one in vectors]])
    table = tabulate(layout.frames[0], vectors, ACCURACY, normalise=False)
    board = compare_pairs(layout, table, ACCURACY.width)

    pairs = [(a, b) for a in range(len(vectors)) for b in range(a + 1, len(vectors))]
    for n, (a, b) in enumerate(pairs):
        found = compare_rows(vectors[a], vectors[b], ACCURACY)
        assert found.p_value == pytest.approx(float(board.p_values[n]), abs=1e-12)
        assert found.difference == pytest.approx(float(board.differences[n]), abs=1e-12)


def _board_of_two_tasks(seed: int) -> tuple[list[AggregateRow], list[WeightedTask]]:
    draw = random.Random(seed)
    tasks = [WeightedTask("x", 0.7, ACCURACY), WeightedTask("y", 0.3, Metric(direction="lower"))]
    rows = []
    for number in range(6):
        skill = 0.4 + 0.09 * number
        rows.append(
            AggregateRow(
                f"r{number}",
                {
                    "x": {f"i{n}": ItemScore((float(draw.random() < skill),)) for n in range(80)},
                    "y": {
                        f"i{n}": ItemScore((draw.random() * (1 - skill),), cluster=f"c{n // 2}")
                        for n in range(60)
                    },
                },
            )
        )
    return rows, tasks


@pytest.mark.parametrize("seed", range(5))
def test_the_weighted_interval_is_that_of_the_test(seed: int) -> None:
    board, tasks = _board_of_two_tasks(seed)

    found = compare_aggregates([row.tasks for row in board], tasks)

    for one in found.values():
        assert one.low is not None
        assert one.high is not None
        assert one.difference is not None
        assert one.low <= one.difference <= one.high
        assert one.is_significant == (not one.low <= 0 <= one.high)
        assert one.detectable is not None
        # Wider than the half of the interval, which a test finds with 50 % power.
        assert one.detectable > (one.high - one.low) / 2


@pytest.mark.parametrize("seed", range(5))
def test_the_verdict_of_a_board_follows_from_its_counts(seed: int) -> None:
    board, tasks = _board_of_two_tasks(seed)
    ranked = {row.key: row for row in rank_aggregate(board, tasks)}
    told_apart = sum(row.significantly_above for row in ranked.values())
    limit = largest_significant(len(board), told_apart, 0.05)

    found = compare_aggregates([row.tasks for row in board], tasks)

    for row in ranked.values():
        number = int(row.key[1:])
        apart = sum(
            1
            for pair, one in found.items()
            if number in pair and one.p_value is not None and one.p_value <= limit
        )
        assert apart == row.significantly_above + row.significantly_below


@given(st.lists(st.floats(0, 1), min_size=1, max_size=45))
def test_the_limit_is_that_of_holm(values: list[float]) -> None:
    # Boards have n(n − 1)/2 pairs; the last values are left out.
    count = int((1 + math.sqrt(1 + 8 * len(values))) / 2)
    if count < 2:
        return
    p_values = values[: count * (count - 1) // 2]
    significant = find_significant(np.array(p_values), 0.05)
    limit = largest_significant(count, int(significant.sum()), 0.05)

    assert [p <= limit for p in p_values] == [p <= 0.05 for p in holm(p_values)]


def test_one_task_of_an_aggregate_is_compared_as_its_board_does() -> None:
    board, _ = _board_of_two_tasks(1)
    tasks = [WeightedTask("x", 1.0, ACCURACY)]
    single = rank([RankingRow(row.key, row.tasks["x"]) for row in board], ACCURACY)
    told_apart = sum(row.significantly_above for row in single)

    found = compare_aggregates([row.tasks for row in board], tasks)

    limit = largest_significant(len(board), told_apart, 0.05)
    assert sum(1 for one in found.values() if (one.p_value or 0) <= limit) == told_apart
    assert {one.method for one in found.values()} == {"mcnemar"}


def test_some_items_of_a_row() -> None:
    row = pack({f"i{n}": ItemScore((float(n % 2),), cluster=f"c{n // 2}") for n in range(6)})

    found = choose_items(row, np.array([True, False, False, True, True, False]))

    assert found.items.keys == ("i0", "i3", "i4")
    assert found.items.clusters == ("c0", "c1", "c2")
    assert found.totals.tolist() == [0, 1, 0]
