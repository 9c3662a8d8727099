"""Aggregates: one task, independent tasks, tasks that share clusters."""

import math
import random

import pytest

from plumbmark.scoring.aggregates import (
    WeightedTask,
    aggregate_estimate,
)
from plumbmark.scoring.estimates import estimate
from plumbmark.scoring.items import ItemScore
from plumbmark.scoring.metrics import Metric
from tests.oracles import np, stats

ACCURACY = Metric()
RATING = Metric(name="rating", lower=1, upper=5)
LOSS = Metric(name="loss", direction="lower", lower=0, upper=10)


def row(values: list[float], prefix: str = "i") -> dict[str, ItemScore]:
    return {f"{prefix}{n}": ItemScore((value,)) for n, value in enumerate(values)}


def test_one_task_gives_the_numbers_of_that_task() -> None:
    scores = row([0, 1, 1, 1, 0, 1])

    found = aggregate_estimate({"t": scores}, [WeightedTask("t", 1, ACCURACY)])

    assert found.estimate == estimate(scores, ACCURACY)


def test_scores_are_normalised_by_their_bounds_and_flipped() -> None:
    tasks = [WeightedTask("r", 0.25, RATING), WeightedTask("l", 0.75, LOSS)]

    found = aggregate_estimate({"r": row([2, 4]), "l": row([1, 2, 3])}, tasks)

    assert found.estimate.value == pytest.approx(0.25 * 0.5 + 0.75 * 0.8)
    assert found.tasks["r"].value == 3


def test_independent_tasks_have_the_stratified_variance_and_satterthwaites_degrees() -> None:
    draw = random.Random(2)
    first = [draw.uniform(1, 5) for _ in range(30)]
    second = [draw.uniform(0, 10) for _ in range(12)]
    tasks = [WeightedTask("r", 0.4, RATING), WeightedTask("l", 0.6, LOSS)]

    found = aggregate_estimate({"r": row(first), "l": row(second)}, tasks).estimate

    v1 = 0.4**2 * np.var(first, ddof=1) / 16 / 30
    v2 = 0.6**2 * np.var(second, ddof=1) / 100 / 12
    df = (v1 + v2) ** 2 / (v1**2 / 29 + v2**2 / 11)
    half = stats.t.ppf(0.975, df) * math.sqrt(v1 + v2)
    assert found.method == "clustered-t"
    assert found.value is not None
    assert found.low == pytest.approx(found.value - half)
    assert found.high == pytest.approx(found.value + half)
    assert found.n_clusters == 42


def test_tasks_over_the_same_clusters_are_not_taken_for_independent() -> None:
    draw = random.Random(4)
    ability = [draw.uniform(0.2, 0.8) for _ in range(40)]
    first = {f"a{n}": ItemScore((x,), cluster=f"doc{n}") for n, x in enumerate(ability)}
    second = {f"b{n}": ItemScore((x,), cluster=f"doc{n}") for n, x in enumerate(ability)}
    tasks = [WeightedTask("a", 0.5, ACCURACY), WeightedTask("b", 0.5, ACCURACY)]

    found = aggregate_estimate({"a": first, "b": second}, tasks).estimate

    # Twice the same numbers on the same documents is no more evidence than once.
    alone = estimate(first, ACCURACY)
    assert found.n_clusters == 40
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))


def test_a_cluster_key_in_two_tasks_joins_even_single_items() -> None:
    shared = {"a": ItemScore((1.0,), cluster="x"), "b": ItemScore((0.0,), cluster="y")}
    tasks = [WeightedTask("t", 0.5, ACCURACY), WeightedTask("u", 0.5, ACCURACY)]

    found = aggregate_estimate({"t": shared, "u": dict(shared)}, tasks).estimate

    assert found.n_clusters == 2
    assert found.n_items == 4


def test_a_missing_task_leaves_no_value_and_nothing_is_reweighted() -> None:
    tasks = [WeightedTask("t", 0.5, ACCURACY), WeightedTask("u", 0.5, ACCURACY)]

    found = aggregate_estimate({"t": row([1, 1])}, tasks)

    assert (found.estimate.value, found.missing) == (None, ("u",))
    assert found.tasks["t"].value == 1


def test_unscored_samples_bound_the_aggregate() -> None:
    tasks = [WeightedTask("t", 0.5, ACCURACY), WeightedTask("l", 0.5, LOSS)]
    scores = {
        "t": {"a": ItemScore((1.0,)), "b": ItemScore((), 1)},
        "l": row([5, 5]),
    }

    found = aggregate_estimate(scores, tasks).estimate

    assert (found.worst, found.best) == pytest.approx((0.5, 0.75))


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([], "at least one"),
        ([WeightedTask("t", 0.6, ACCURACY), WeightedTask("u", 0.5, ACCURACY)], "sum to 1.1"),
        ([WeightedTask("t", 1, Metric(name="bleu", upper=None))], "task t: metric bleu has no"),
        ([WeightedTask("t", 2, ACCURACY), WeightedTask("u", -1, ACCURACY)], "task u: the weight"),
        ([WeightedTask("t", 0.5, ACCURACY)] * 2, "twice"),
    ],
)
def test_weights_and_metrics_that_make_no_aggregate_are_refused(
    tasks: list[WeightedTask], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        aggregate_estimate({}, tasks)


def test_the_interval_covers_as_often_as_it_says() -> None:
    draw = random.Random(11)
    tasks = [WeightedTask("t", 0.5, ACCURACY), WeightedTask("u", 0.5, ACCURACY)]
    covered = 0
    for _ in range(400):
        documents = [draw.choice([-0.25, 0.25]) for _ in range(30)]
        scores = {
            name: {
                f"{name}{n}{k}": ItemScore(
                    (float(draw.random() < centre + shift),), cluster=f"d{n}"
                )
                for n, shift in enumerate(documents)
                for k in range(2)
            }
            for name, centre in [("t", 0.5), ("u", 0.6)]
        }
        found = aggregate_estimate(scores, tasks).estimate
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.55 <= found.high

    assert 0.92 <= covered / 400 <= 0.99
