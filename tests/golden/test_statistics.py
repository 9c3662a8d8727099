"""Estimates, intervals, tests of pairs and ranks of seeded scores, to twelve digits."""

import random
from collections.abc import Mapping
from typing import Any

from plumbmark.scoring.aggregates import WeightedTask, aggregate_estimate
from plumbmark.scoring.agreement import Rating, agreement
from plumbmark.scoring.corrections import holm
from plumbmark.scoring.distributions import (
    binomial_tail,
    fair_coin_mid_p,
    incomplete_beta,
    normal_cdf,
    normal_quantile,
    t_quantile,
    t_two_sided,
)
from plumbmark.scoring.estimates import estimate
from plumbmark.scoring.intervals import newcombe_paired, student, wilson
from plumbmark.scoring.items import ItemScore
from plumbmark.scoring.judge_trust import (
    Deviation,
    SwappedPair,
    family_preference,
    swap_flips,
)
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.paired import compare
from plumbmark.scoring.pass_at_k import mean_pass_at_k, mean_pass_hat_k
from plumbmark.scoring.ranking import AggregateRow, RankingRow, rank, rank_aggregate
from plumbmark.scoring.sampling import Choosable, stratified_choice
from plumbmark.scoring.shuffling import choice_order
from tests.golden.golden import check, plain, round_numbers

SHARE = Metric(name="accuracy", direction="higher", unit="share", lower=0.0, upper=1.0)
GRADE = Metric(name="grade", direction="higher", unit="points", lower=1.0, upper=5.0)
LOSS = Metric(name="loss", direction="lower", unit="", lower=None, upper=None)
ERRORS = Metric(name="errors", direction="lower", unit="share", lower=0.0, upper=1.0)

Scores = Mapping[str, ItemScore]


def binary(
    seed: int, share: float, *, items: int = 60, repeats: int = 1, clusters: int = 0, lost: int = 0
) -> Scores:
    chance = random.Random(seed)
    return {
        f"i{n}": ItemScore(
            tuple(float(chance.random() < share) for _ in range(repeats if n >= lost else 0)),
            repeats if n < lost else 0,
            f"c{n % clusters}" if clusters and n % 3 else None,
        )
        for n in range(items)
    }


def graded(seed: int, centre: float, *, items: int = 40, repeats: int = 1, lost: int = 0) -> Scores:
    chance = random.Random(seed)
    return {
        f"i{n}": ItemScore(
            tuple(min(5.0, max(1.0, chance.gauss(centre, 1))) for _ in range(repeats)),
            int(n < lost),
            f"c{n // 4}",
        )
        for n in range(items)
    }


TABLES: dict[str, tuple[Metric, dict[str, Scores]]] = {
    "one question each": (
        SHARE,
        {
            "good": binary(1, 0.9),
            "fair": binary(2, 0.7),
            "alike": binary(3, 0.7),
            "poor": binary(4, 0.2),
            "all": binary(5, 1.1),
            "none": binary(6, -1),
        },
    ),
    "clusters": (
        SHARE,
        {f"row {n}": binary(n, 0.3 + n / 10, clusters=7) for n in range(5)},
    ),
    "repeats": (SHARE, {f"row {n}": binary(n, 0.4 + n / 20, repeats=4) for n in range(5)}),
    "repeats and clusters": (
        SHARE,
        {f"row {n}": binary(n, 0.5, repeats=3, clusters=5) for n in range(4)},
    ),
    "unscored": (SHARE, {f"row {n}": binary(n, 0.6, lost=n * 3) for n in range(5)}),
    "errors": (ERRORS, {f"row {n}": binary(n, n / 8, items=30) for n in range(5)}),
    "grades": (GRADE, {f"row {n}": graded(n, 2 + n / 2, lost=n) for n in range(5)}),
    "losses": (LOSS, {f"row {n}": graded(n, 1.5 + n, repeats=2) for n in range(4)}),
    "few": (SHARE, {"a": binary(1, 0.5, items=2), "b": binary(2, 0.5, items=1), "c": {}}),
    "one cluster": (
        SHARE,
        {"a": binary(1, 0.5, clusters=1, items=9), "b": binary(2, 0.5, clusters=1, items=9)},
    ),
    "nothing varies": (
        GRADE,
        {name: {f"i{n}": ItemScore((3.0,)) for n in range(9)} for name in ("a", "b")},
    ),
    "other items": (
        SHARE,
        {
            "a": {f"i{n}": ItemScore((float(n % 2),)) for n in range(20)},
            "b": {f"i{n}": ItemScore((float(n % 3 > 0),)) for n in range(10, 40)},
            "c": {f"j{n}": ItemScore((1.0,)) for n in range(20)},
        },
    ),
}


def test_estimates_tests_and_ranks_stay_what_they_are() -> None:
    found: dict[str, Any] = {}
    for name, (metric, table) in TABLES.items():
        rows = [RankingRow(key, scores) for key, scores in table.items()]
        rows[-1] = (
            RankingRow(rows[-1].key, rows[-1].scores, "reference") if len(rows) > 3 else rows[-1]
        )
        keys = list(table)
        found[name] = {
            "estimates": {key: estimate(scores, metric) for key, scores in table.items()},
            "pairs": {
                f"{one} against {other}": compare(table[one], table[other], metric)
                for number, one in enumerate(keys)
                for other in keys[number + 1 :]
            },
            "ranks": rank(rows, metric),
            "ranks, strictly": rank(rows, metric, alpha=0.001, contradiction="significant"),
        }

    check("statistics/boards.json", round_numbers(plain(found)))


def test_aggregates_and_their_ranks_stay_what_they_are() -> None:
    tasks = [
        WeightedTask("x", 0.5, SHARE),
        WeightedTask("y", 0.3, ERRORS),
        WeightedTask("z", 0.2, GRADE),
    ]
    rows = {
        f"row {n}": {
            "x": binary(n, 0.3 + n / 10, clusters=6),
            "y": binary(n + 50, 0.7 - n / 10, repeats=2),
            "z": graded(n, 2 + n / 3),
        }
        for n in range(5)
    }
    rows["lacks one"] = {"x": binary(9, 0.5, clusters=6), "z": graded(9, 3)}
    single = [WeightedTask("x", 1.0, SHARE)]
    found = {
        "estimates": {key: aggregate_estimate(row, tasks) for key, row in rows.items()},
        "ranks": rank_aggregate([AggregateRow(key, row) for key, row in rows.items()], tasks),
        "of one task": {
            key: aggregate_estimate({"x": row["x"]}, single) for key, row in rows.items()
        },
        "ranks of one task": rank_aggregate(
            [AggregateRow(key, {"x": row["x"]}) for key, row in rows.items()], single
        ),
    }

    check("statistics/aggregates.json", round_numbers(plain(found)))


def test_distributions_and_intervals_stay_what_they_are() -> None:
    tails = [(k, n, p) for n in (5, 10, 100) for k in (0, n // 2, n) for p in (0.1, 0.8)]
    found = {
        "wilson": [wilson(k, n) for n in (1, 9, 50) for k in (0, n / 2, n)],
        "student": [student(0.5, v, df) for v, df in ((0.01, 1), (0.01, 3.7), (1e-9, 400))],
        "newcombe": [newcombe_paired(*one) for one in ((5, 3, 2, 8), (0, 4, 0, 0), (9, 0, 0, 9))],
        "t quantile": [t_quantile(p, df) for p in (0.5, 0.9, 0.9999) for df in (1, 2.5, 30, 1e6)],
        "t two-sided": [t_two_sided(t, df) for t in (0.0, -2.1, 40) for df in (1, 7.3, 200, 1e7)],
        "normal": [normal_cdf(x) for x in (-3, 0, 1.7)],
        "normal quantile": [normal_quantile(p) for p in (0.01, 0.5, 0.99)],
        "beta": [incomplete_beta(a, b, x) for a, b in ((0.5, 0.5), (30, 2)) for x in (0, 0.3, 0.9)],
        "binomial": [binomial_tail(k, n, p) for k, n, p in tails],
        "fair coin": [fair_coin_mid_p(k, n) for k, n in ((0, 1), (2, 9), (10, 20), (100, 400))],
        "holm": holm([0.01, 0.04, 0.03, 0.005, 1.0, 0.01]),
        "pass@k": [
            [mean_pass_at_k(counts, k), mean_pass_hat_k(counts, k)]
            for counts in ([(4, 0), (4, 2), (4, 4)], [(10, 1), (10, 9)])
            for k in (1, 2, 4)
        ],
        "orders": [list(choice_order(n, seed, "key")) for n in (2, 5, 26) for seed in (None, 0, 7)],
    }

    check("statistics/distributions.json", round_numbers(plain(found)))


def test_agreement_and_trust_in_judges_stay_what_they_are() -> None:
    chance = random.Random(5)
    grades = [
        Rating(float(chance.randint(1, 5)), float(chance.randint(1, 5)), f"c{n % 15}")
        for n in range(40)
    ]
    verdicts = []
    for n in range(50):
        one = float(chance.random() < 0.6)
        verdicts.append(Rating(one, one if chance.random() < 0.8 else 1 - one, str(n)))
    pairs = [
        SwappedPair(f"k{n}", f"c{n % 9}", chance.choice([0.0, 0.5, 1.0]), chance.choice([0.0, 1.0]))
        for n in range(30)
    ]
    deviations = [
        Deviation(chance.gauss(n % 2 / 5, 0.3), n % 2 > 0, f"c{n % 11}") for n in range(40)
    ]
    choosable = {
        name: [Choosable(f"{name}{n}", f"q{n % 5}") for n in range(12)] for name in ("x", "y", "z")
    }
    found = {
        "verdicts": agreement(verdicts),
        "grades": agreement(grades, weights="quadratic", span=4.0),
        "nothing": agreement([]),
        "one": agreement(verdicts[:1]),
        "all alike": agreement([Rating(1.0, 1.0, str(n)) for n in range(5)]),
        "flips": swap_flips(pairs),
        "preference": family_preference(deviations),
        "preference of nothing": family_preference(deviations[:1]),
        "choice": [one.key for one in stratified_choice(choosable, size=7, seed=3)],
    }

    check("statistics/judges.json", round_numbers(plain(found)))
