"""Estimates against statsmodels and their own formulas."""

import math
import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.bootstrap import MAX_UNITS
from plumbmark.scoring.estimates import estimate
from plumbmark.scoring.items import ItemScore
from plumbmark.scoring.metrics import MAX_SCORE, Metric
from plumbmark.scoring.paired import compare
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


@dataclass(frozen=True)
class Oracle:
    """Mean, variance and degrees, computed from their definitions by leaving clusters out."""

    mean: float
    variance: float
    df: float

    @classmethod
    def of(cls, values: list[float], clusters: list[int]) -> "Oracle":
        array, group = np.array(values), np.array(clusters)
        names, sizes = np.unique(group, return_counts=True)
        left = [array[group != name].mean() for name in names]
        count = len(names)
        variance = (count - 1) / count * sum((one - array.mean()) ** 2 for one in left)
        return cls(
            float(array.mean()), float(variance), float(sizes.sum() ** 2 / (sizes**2).sum() - 1)
        )

    def wilson(self) -> tuple[float, float]:
        p = self.mean
        n = p * (1 - p) / self.variance
        q = stats.t.ppf(0.975, self.df)
        centre = (p + q * q / 2 / n) / (1 + q * q / n)
        half = q * math.sqrt(p * (1 - p) / n + q * q / 4 / n / n) / (1 + q * q / n)
        return centre - half, centre + half


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=80))
def test_unclustered_binary_scores_get_wilson_at_every_n(values: list[float]) -> None:
    found = estimate(plain(values), ACCURACY)

    low, high = proportion.proportion_confint(sum(values), len(values), method="wilson")
    assert found.method == "wilson"
    assert found.value == pytest.approx(sum(values) / len(values))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-10)
    assert found.n_items == found.n_clusters == found.n_effective == len(values)


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("seed", range(5))
def test_clustered_binary_scores_get_wilson_with_the_effective_n(seed: int, repeats: int) -> None:
    draw = random.Random(seed)
    clusters = [min(draw.randint(0, 24), draw.randint(0, 24)) for _ in range(120)]
    values = [float(draw.random() < 0.3 + cluster / 60) for cluster in clusters]

    found = estimate(clustered(values, clusters, repeats), ACCURACY)

    oracle = Oracle.of(values, clusters)
    p = oracle.mean
    assert found.method == "wilson-clustered"
    assert found.n_effective == pytest.approx(p * (1 - p) / oracle.variance)
    assert (found.low, found.high) == pytest.approx(oracle.wilson())


def test_the_effective_n_of_clusters_worked_by_hand() -> None:
    # Clusters 1 1 1 0 | 1 0 | 0. Mean 4/7; without each of them 1/3, 3/5, 2/3.
    found = estimate(clustered([1, 1, 1, 0, 1, 0, 0], [0, 0, 0, 0, 1, 1, 2]), ACCURACY)

    variance = 2 / 3 * ((1 / 3 - 4 / 7) ** 2 + (3 / 5 - 4 / 7) ** 2 + (2 / 3 - 4 / 7) ** 2)
    assert found.n_effective == pytest.approx(4 / 7 * 3 / 7 / variance)
    n, q = 4 / 7 * 3 / 7 / variance, stats.t.ppf(0.975, 7**2 / 21 - 1)
    assert found.high == pytest.approx(
        (4 / 7 + q * q / 2 / n + q * math.sqrt(4 / 7 * 3 / 7 / n + q * q / 4 / n / n))
        / (1 + q * q / n)
    )


def test_clusters_of_equal_size_have_the_variance_of_statsmodels() -> None:
    draw = random.Random(3)
    clusters = [n // 5 for n in range(100)]
    values = [float(draw.random() < 0.3 + cluster / 40) for cluster in clusters]

    found = estimate(clustered(values, clusters), ACCURACY)

    fit = sm.OLS(np.array(values), np.ones(100)).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(clusters), "use_correction": False}
    )
    p = np.mean(values)
    assert found.n_effective == pytest.approx(p * (1 - p) / (float(fit.bse[0]) ** 2 * 20 / 19))


@given(st.lists(st.floats(0, 1), min_size=3, max_size=40))
def test_bounded_scores_get_wilson_with_the_effective_n(values: list[float]) -> None:
    found = estimate(plain(values), ACCURACY)

    assert found.low is not None
    assert found.high is not None
    assert found.low < found.high
    oracle = Oracle.of(values, list(range(len(values))))
    if oracle.variance > 1e-9 and not set(values) <= {0.0, 1.0}:
        assert found.method == "wilson-clustered"
        assert (found.low, found.high) == pytest.approx(oracle.wilson(), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("value", [0.1, 0.5, 1 / 3])
def test_constant_partial_credit_has_no_interval_without_width(value: float) -> None:
    found = estimate(plain([value] * 12), ACCURACY)

    q = stats.t.ppf(0.975, 11)
    half = q * math.sqrt(value * (1 - value) / 12 + q * q / 4 / 144) / (1 + q * q / 12)
    assert found.n_effective == 12
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * half)


def test_constant_scores_without_bounds_have_no_interval() -> None:
    found = estimate(plain([5.0] * 12), LOSS)

    assert (found.value, found.low, found.high, found.method) == (5.0, None, None, "none")


# --- Without bounds: the bootstrap-t -------------------------------------------------------------


def test_scores_without_bounds_get_the_bootstrap_t_of_scipys_formulas() -> None:
    draw = random.Random(7)
    values = [draw.lognormvariate(0, 1) for _ in range(60)]

    found = estimate(plain(values), LOSS)

    # A second computation with other draws: the quantiles agree but for their sampling error.
    array, generator = np.array(values), np.random.default_rng(1)
    samples = array[generator.integers(0, 60, (20_000, 60))]
    errors = samples.std(axis=1, ddof=1) / math.sqrt(60)
    low, high = np.quantile((samples.mean(axis=1) - array.mean()) / errors, [0.025, 0.975])
    error = array.std(ddof=1) / math.sqrt(60)
    assert found.method == "bootstrap-t"
    assert found.low == pytest.approx(array.mean() - high * error, abs=0.25 * error)
    assert found.high == pytest.approx(array.mean() - low * error, abs=0.5 * error)
    assert found.value is not None
    assert found.high is not None
    assert found.low is not None
    assert found.high - found.value > 1.3 * (found.value - found.low)


def test_the_bootstrap_t_of_clusters_uses_their_sums() -> None:
    draw = random.Random(5)
    sizes = [1, 2, 3, 5, 8, 2, 1, 4, 6, 2, 3, 7]
    clusters = [number for number, size in enumerate(sizes) for _ in range(size)]
    effects = [draw.expovariate(1) for _ in sizes]
    values = [effects[cluster] + draw.random() for cluster in clusters]

    found = estimate(clustered(values, clusters), LOSS)

    sums = np.array(
        [sum(v for v, c in zip(values, clusters, strict=True) if c == n) for n in range(12)]
    )
    counts, generator = np.array(sizes), np.random.default_rng(2)
    drawn = generator.integers(0, 12, (20_000, 12))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    residuals = sums[drawn] - means[:, None] * counts[drawn]
    errors = np.sqrt((residuals**2).sum(axis=1) * 12 / 11) / counts[drawn].sum(axis=1)
    mean = np.mean(values)
    low, high = np.quantile((means - mean) / errors, [0.025, 0.975])
    error = math.sqrt(Oracle.of(values, clusters).variance)
    assert found.low == pytest.approx(mean - high * error, abs=0.3 * error)
    assert found.high == pytest.approx(mean - low * error, abs=0.6 * error)


@pytest.mark.parametrize("count", [60, 3 * MAX_UNITS + 7])
@pytest.mark.parametrize("per_cluster", [1, 3])
def test_the_bootstrap_gives_the_same_interval_in_whatever_order_items_come(
    count: int, per_cluster: int
) -> None:
    draw = random.Random(1)
    scores = {
        f"i{number}": ItemScore((draw.lognormvariate(0, 1),), 0, f"c{number // per_cluster}")
        for number in range(count)
    }
    found = []
    for seed in range(4):
        keys = list(scores)
        random.Random(seed).shuffle(keys)
        one = estimate({key: scores[key] for key in keys}, LOSS)
        found.append((one.low, one.high))

    # Sums in another order differ in the last digits; other draws would differ in the third.
    for interval in found:
        assert interval == pytest.approx(found[0], rel=1e-12)


def test_the_bootstrap_gives_equal_intervals_for_equal_scores() -> None:
    draw = random.Random(9)
    values = [draw.expovariate(1) for _ in range(30)]

    assert estimate(plain(values), LOSS) == estimate(plain(list(values)), LOSS)
    scaled = estimate(plain([1024 * value for value in values]), LOSS)
    assert scaled.low == pytest.approx(1024 * (estimate(plain(values), LOSS).low or 0))


def test_more_clusters_than_units_are_joined() -> None:
    draw = random.Random(11)
    values = [draw.gauss(10, 2) for _ in range(3 * MAX_UNITS + 7)]

    found = estimate(plain(values), LOSS)

    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.15 * (high - low))


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=7))
def test_few_scores_without_bounds_get_the_textbook_t_interval(values: list[float]) -> None:
    found = estimate(plain(values), LOSS)

    error = stats.sem(values)
    if error > 1e-6:
        low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), error)
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "is_skewed"),
    [
        ([1.0, 2.0, 3.0, 4.0, 5.0], False),
        ([1.0] * 9 + [2.0] * 11, False),
        ([0.0] * 99 + [1000.0], True),
        ([float(2**n) for n in range(20)], True),
    ],
)
def test_scores_too_skewed_for_their_number_are_told(values: list[float], is_skewed: bool) -> None:
    found = estimate(plain(values), LOSS)

    assert bool(len(values) <= 25 * stats.skew(values) ** 2) is is_skewed
    assert found.is_skewed is is_skewed


@pytest.mark.parametrize("size", [1e30, -1e30, 1e-30])
def test_the_largest_and_smallest_scores_give_finite_numbers(size: float) -> None:
    for metric in (LOSS, Metric(name="wide", lower=-MAX_SCORE, upper=MAX_SCORE)):
        values = [size, -size, size / 3, 0.0, size, 1.0, 2.0, size, size, 3.0]
        found = estimate(plain(values), metric)
        other = compare(plain(values), plain([0.0] * 10), metric)

        numbers = [found.value, found.low, found.high, other.p_value, other.difference]
        assert all(math.isfinite(one) for one in numbers if one is not None)
        assert found.low is not None


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
