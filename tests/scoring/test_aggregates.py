"""Aggregates: one task, independent tasks, tasks that share clusters."""

import random

import pytest

from plumbmark.scoring.aggregates import (
    WeightedTask,
    aggregate_estimate,
)
from plumbmark.scoring.estimates import estimate
from plumbmark.scoring.items import ItemScore
from plumbmark.scoring.metrics import Metric
from tests.oracles import np, proportion, special, stats

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


def score_limits(
    shares: list[float], counts: list[float], weights: list[float], quantile: float
) -> tuple[float, float]:
    """Return the score interval of a weighted mean of two shares, searched on a fine grid.

    For every mean the shares that are most likely are searched along the line, and the mean is in
    the interval if its distance from the observed one is at most `quantile` standard errors.
    """
    (p1, p2), (n1, n2), (w1, w2) = shares, counts, weights
    observed = w1 * p1 + w2 * p2
    inside = []
    for mean in np.linspace(0.0005, 0.9995, 1000):
        ends = [max(0, (mean - w2) / w1), min(1, mean / w1)]
        first = np.linspace(*ends, 4001)[1:-1]
        second = (mean - w1 * first) / w2
        with np.errstate(divide="ignore", invalid="ignore"):
            likelihood = n1 * (special.xlogy(p1, first) + special.xlogy(1 - p1, 1 - first)) + n2 * (
                special.xlogy(p2, second) + special.xlogy(1 - p2, 1 - second)
            )
        best = np.nanargmax(likelihood)
        a, b = first[best], second[best]
        variance = w1**2 * a * (1 - a) / n1 + w2**2 * b * (1 - b) / n2
        if (observed - mean) ** 2 <= quantile**2 * variance:
            inside.append(mean)
    return min(inside), max(inside)


@pytest.mark.parametrize(
    ("right", "counts", "weights"),
    [
        ((19, 60), (20, 100), (0.7, 0.3)),
        ((20, 100), (20, 200), (0.5, 0.5)),
        ((0, 30), (10, 40), (0.6, 0.4)),
        ((10, 50), (10, 50), (0.8, 0.2)),
        ((7, 11), (12, 30), (0.5, 0.5)),
    ],
)
def test_a_weighted_mean_has_the_stratified_score_interval(
    right: tuple[int, int], counts: tuple[int, int], weights: tuple[float, float]
) -> None:
    tasks = [WeightedTask(f"t{n}", weight, ACCURACY) for n, weight in enumerate(weights)]
    scores = {
        f"t{n}": row([1.0] * k + [0.0] * (count - k))
        for n, (k, count) in enumerate(zip(right, counts, strict=True))
    }

    found = aggregate_estimate(scores, tasks).estimate

    shares = [k / count for k, count in zip(right, counts, strict=True)]
    limits = score_limits(shares, list(counts), list(weights), stats.norm.ppf(0.975))
    assert found.method == "wilson-stratified"
    assert (found.low, found.high) == pytest.approx(limits, abs=0.0015)


def test_two_halves_of_one_share_have_the_interval_of_the_whole() -> None:
    tasks = [WeightedTask("t", 0.25, ACCURACY), WeightedTask("u", 0.75, ACCURACY)]
    scores = {"t": row([1, 1, 1, 0, 0]), "u": row([1, 1, 1, 0, 0] * 3)}

    found = aggregate_estimate(scores, tasks).estimate

    # Weights as the numbers of items: the same as all twenty items in one task.
    low, high = proportion.proportion_confint(12, 20, method="wilson")
    assert (found.low, found.high) == pytest.approx((low, high))


def test_a_saturated_heavy_task_keeps_its_uncertainty() -> None:
    tasks = [WeightedTask("t", 0.7, ACCURACY), WeightedTask("u", 0.3, ACCURACY)]

    found = aggregate_estimate({"t": row([1] * 20), "u": row([1, 0] * 250)}, tasks).estimate

    alone = estimate(row([1] * 20), ACCURACY)
    assert found.low is not None
    assert alone.low is not None
    assert found.low < 0.7 * alone.low + 0.3 * 0.5


def test_bounded_tasks_are_strata_with_effective_items_and_satterthwaites_degrees() -> None:
    draw = random.Random(2)
    first = [draw.uniform(1, 5) for _ in range(30)]
    second = [draw.uniform(0, 10) for _ in range(12)]
    tasks = [WeightedTask("r", 0.4, RATING), WeightedTask("l", 0.6, LOSS)]

    found = aggregate_estimate({"r": row(first), "l": row(second)}, tasks).estimate

    v1, v2 = np.var(first, ddof=1) / 16 / 30, np.var(second, ddof=1) / 100 / 12
    p1, p2 = (np.mean(first) - 1) / 4, 1 - np.mean(second) / 10
    joint = 0.4**2 * v1 + 0.6**2 * v2
    df = joint**2 / ((0.4**2 * v1) ** 2 / 29 + (0.6**2 * v2) ** 2 / 11)
    counts = [p1 * (1 - p1) / v1, p2 * (1 - p2) / v2]
    limits = score_limits([p1, p2], counts, [0.4, 0.6], stats.t.ppf(0.975, df))
    assert (found.low, found.high) == pytest.approx(limits, abs=0.0015)
    assert found.n_clusters == 42


def test_a_task_of_one_item_bounds_its_own_weight_and_not_the_whole() -> None:
    tasks = [WeightedTask("one", 0.1, RATING), WeightedTask("many", 0.9, ACCURACY)]
    scores = {"one": {"x": ItemScore((3.0,))}, "many": row([1, 0] * 200)}

    found = aggregate_estimate(scores, tasks).estimate

    alone = estimate(row([1, 0] * 200), ACCURACY)
    assert found.value == pytest.approx(0.5)
    assert alone.low is not None
    assert alone.high is not None
    assert found.low == pytest.approx(0.9 * alone.low, abs=0.002)
    assert found.high == pytest.approx(0.9 * alone.high + 0.1, abs=0.002)


def test_tasks_of_one_item_each_can_have_any_mean() -> None:
    tasks = [WeightedTask("r", 0.5, RATING), WeightedTask("l", 0.5, LOSS)]

    found = aggregate_estimate({"r": row([3]), "l": row([5])}, tasks).estimate

    assert (found.low, found.high) == (0, 1)


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
