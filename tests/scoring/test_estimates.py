"""Estimates against statsmodels and their own formulas."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.estimates import estimate
from plumbmark.scoring.items import ItemScore
from plumbmark.scoring.metrics import Metric
from tests.oracles import np, proportion, sm, stats

ACCURACY = Metric()
LOSS = Metric(name="loss", direction="lower", lower=None, upper=None)


def plain(values: list[float]) -> dict[str, ItemScore]:
    return {f"i{n}": ItemScore((value,)) for n, value in enumerate(values)}


def clustered(values: list[float], clusters: list[int], repeats: int = 1) -> dict[str, ItemScore]:
    return {
        f"i{n}": ItemScore((value,) * repeats, cluster=f"c{cluster}")
        for n, (value, cluster) in enumerate(zip(values, clusters, strict=True))
    }


def statsmodels_error(values: list[float], clusters: list[int]) -> float:
    """The cluster-robust standard error of a mean with the G/(G−1) factor and no other."""
    fit = sm.OLS(np.array(values), np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(clusters), "use_correction": False}
    )
    count = len(set(clusters))
    return float(fit.bse[0]) * math.sqrt(count / (count - 1))


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=80))
def test_unclustered_binary_scores_get_wilson_at_every_n(values: list[float]) -> None:
    found = estimate(plain(values), ACCURACY)

    low, high = proportion.proportion_confint(sum(values), len(values), method="wilson")
    assert found.method == "wilson"
    assert found.value == pytest.approx(sum(values) / len(values))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-10)
    assert found.n_items == found.n_clusters == found.n_effective == len(values)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=60))
def test_continuous_scores_alone_get_the_textbook_t_interval(values: list[float]) -> None:
    found = estimate(plain(values), LOSS)

    assert found.method == "clustered-t"
    error = stats.sem(values)
    if error > 1e-6:
        low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), error)
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_continuous_clustered_scores_agree_with_statsmodels(seed: int) -> None:
    draw = random.Random(seed)
    count = draw.randint(20, 200)
    clusters = [draw.randint(0, count // 4) for _ in range(count)]
    values = [draw.gauss(cluster % 5, 1) for cluster in clusters]

    found = estimate(clustered(values, clusters), LOSS)

    groups = len(set(clusters))
    half = stats.t.ppf(0.975, groups - 1) * statsmodels_error(values, clusters)
    assert found.n_clusters == groups
    assert found.low == pytest.approx(np.mean(values) - half, rel=1e-9, abs=1e-9)
    assert found.high == pytest.approx(np.mean(values) + half, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("seed", range(5))
def test_clustered_binary_scores_get_wilson_with_the_effective_n(seed: int, repeats: int) -> None:
    draw = random.Random(seed)
    clusters = [draw.randint(0, 24) for _ in range(120)]
    values = [float(draw.random() < 0.3 + cluster / 60) for cluster in clusters]

    found = estimate(clustered(values, clusters, repeats), ACCURACY)

    p = sum(values) / len(values)
    groups = len(set(clusters))
    n = p * (1 - p) / statsmodels_error(values, clusters) ** 2
    q = stats.t.ppf(0.975, groups - 1)
    centre = (p + q * q / 2 / n) / (1 + q * q / n)
    half = q * math.sqrt(p * (1 - p) / n + q * q / 4 / n / n) / (1 + q * q / n)
    assert found.method == "wilson-clustered"
    assert found.n_effective == pytest.approx(n)
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half))


def test_repeats_are_averaged_per_item_and_not_counted_again() -> None:
    once = {f"i{n}": ItemScore((0.5 + n / 100,)) for n in range(10)}
    often = {f"i{n}": ItemScore((0.4 + n / 100, 0.6 + n / 100)) for n in range(10)}

    one, other = estimate(once, ACCURACY), estimate(often, ACCURACY)

    assert other.low == pytest.approx(one.low)
    assert (one.n_repeats, other.n_repeats) == (1, 2)


def test_without_variance_the_effective_n_is_the_number_of_clusters() -> None:
    right = {f"i{n}": ItemScore((1.0,), cluster=f"c{n % 8}") for n in range(80)}

    found = estimate(right, ACCURACY)

    q = stats.t.ppf(0.975, 7)
    assert found.n_effective == 8
    assert found.value == found.high == 1
    assert found.low == pytest.approx(8 / (8 + q * q))


def test_one_cluster_tells_nothing_and_the_interval_says_so() -> None:
    scores = {f"i{n}": ItemScore((float(n % 2),), cluster="all") for n in range(10)}
    unbounded = {f"i{n}": ItemScore((float(n),), cluster="all") for n in range(10)}

    found, other = estimate(scores, ACCURACY), estimate(unbounded, LOSS)

    assert (found.low, found.high, found.method) == (0, 1, "whole-range")
    assert (other.value, other.low, other.method) == (4.5, None, "none")


def test_unscored_samples_are_left_out_and_bound_the_score() -> None:
    scores = {
        "a": ItemScore((1.0,)),
        "b": ItemScore((0.0,)),
        "c": ItemScore((), unscored=1),
        "d": ItemScore((), unscored=1),
    }

    found = estimate(scores, ACCURACY)

    assert (found.value, found.n_items, found.n_unscored) == (0.5, 2, 2)
    assert (found.worst, found.best) == (0.25, 0.75)
    assert found.unscored_share == 0.5


def test_the_worst_bound_of_a_loss_is_the_upper_one() -> None:
    metric = Metric(name="loss", direction="lower", lower=0, upper=10)

    found = estimate({"a": ItemScore((2.0,)), "b": ItemScore((), 1)}, metric)

    assert (found.worst, found.best) == (6, 1)


def test_nothing_scored_is_no_score_rather_than_zero() -> None:
    found = estimate({"a": ItemScore((), unscored=2)}, ACCURACY)

    assert (found.value, found.low, found.method) == (None, None, "none")
    assert (found.n_items, found.n_unscored, found.worst, found.best) == (0, 2, 0, 1)
    assert estimate({}, ACCURACY).best is None


def test_binary_means_the_declared_bounds_whatever_they_are() -> None:
    percent = Metric(name="percent", lower=0, upper=100)

    found = estimate(plain([0, 100, 100, 100]), percent)

    low, high = proportion.proportion_confint(3, 4, method="wilson")
    assert found.method == "wilson"
    assert (found.low, found.high) == pytest.approx((100 * low, 100 * high))


binary_items = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=4),
    st.builds(
        ItemScore,
        st.lists(st.sampled_from([0.0, 1.0]), max_size=3).map(tuple),
        st.integers(0, 2),
        st.none(),
    ),
    max_size=25,
)


@given(binary_items)
def test_the_value_lies_in_its_interval_and_the_interval_in_the_bounds(
    scores: dict[str, ItemScore],
) -> None:
    found = estimate(scores, ACCURACY)

    if found.value is not None:
        assert found.low is not None
        assert found.high is not None
        assert found.worst is not None
        assert found.best is not None
        assert -1e-12 <= found.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.high <= 1 + 1e-12
        assert found.worst <= found.best


@given(binary_items, st.randoms())
def test_the_order_of_the_items_does_not_matter(
    scores: dict[str, ItemScore], draw: random.Random
) -> None:
    items = list(scores.items())
    draw.shuffle(items)

    one, other = estimate(scores, ACCURACY), estimate(dict(items), ACCURACY)

    assert (one.low or 0) == pytest.approx(other.low or 0, abs=1e-12)
    assert (one.high or 0) == pytest.approx(other.high or 0, abs=1e-12)


def test_an_item_in_two_clusters_is_an_error() -> None:
    from plumbmark.scoring.paired import compare

    with pytest.raises(ValueError, match="cluster"):
        compare(
            {"a": ItemScore((1.0,), cluster="x")},
            {"a": ItemScore((1.0,), cluster="y")},
            ACCURACY,
        )


@pytest.mark.parametrize(
    "bounds", [{"lower": 1, "upper": 1}, {"lower": math.nan}, {"direction": "up"}]
)
def test_a_metric_that_makes_no_sense_is_refused(bounds: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="metric accuracy"):
        Metric(**bounds)  # type: ignore[arg-type]
