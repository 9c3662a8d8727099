"""Paired comparisons against statsmodels and scipy."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.items import ItemScore
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.paired import compare
from tests.oracles import contingency_tables, np, stats

ACCURACY = Metric()
LOSS = Metric(name="loss", direction="lower", lower=None, upper=None)


def scores(values: list[float], clusters: list[int] | None = None) -> dict[str, ItemScore]:
    return {
        f"i{n}": ItemScore((value,), cluster=f"c{clusters[n]}" if clusters else None)
        for n, value in enumerate(values)
    }


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=200))
def test_binary_pairs_agree_with_the_mid_p_mcnemar_of_statsmodels(
    pairs: list[tuple[bool, bool]],
) -> None:
    table = np.zeros((2, 2))
    for mine, theirs in pairs:
        table[int(mine), int(theirs)] += 1

    found = compare(
        scores([float(mine) for mine, _ in pairs]),
        scores([float(theirs) for _, theirs in pairs]),
        ACCURACY,
    )

    assert found.method == "mcnemar"
    assert (found.a_higher, found.b_higher) == (table[1, 0], table[0, 1])
    if table[1, 0] + table[0, 1]:
        exact = contingency_tables.mcnemar(table, exact=True).pvalue
        discordant = int(table[1, 0] + table[0, 1])
        observed = stats.binom.pmf(table[1, 0], discordant, 0.5)
        # The exact test is capped where both counts are equal.
        is_capped = table[1, 0] == table[0, 1]
        assert found.p_value == pytest.approx(1.0 if is_capped else exact - observed, abs=1e-10)
    else:
        assert found.p_value == 1


@pytest.mark.parametrize("seed", range(6))
def test_continuous_pairs_agree_with_the_paired_t_test_of_scipy(seed: int) -> None:
    draw = random.Random(seed)
    a = [draw.gauss(0, 1) for _ in range(50)]
    b = [value + draw.gauss(0.2, 0.5) for value in a]

    found = compare(scores(a), scores(b), LOSS)

    test = stats.ttest_rel(a, b)
    interval = test.confidence_interval()
    assert found.method == "clustered-t"
    assert found.p_value == pytest.approx(test.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("seed", range(6))
def test_clustered_pairs_agree_with_leaving_each_cluster_out(seed: int) -> None:
    draw = random.Random(seed)
    clusters = [draw.randint(0, 15) for _ in range(90)]
    a = [float(draw.random() < 0.4 + cluster / 40) for cluster in clusters]
    b = [float(draw.random() < 0.5) for _ in clusters]

    found = compare(scores(a, clusters), scores(b, clusters), ACCURACY)

    differences, groups = np.array(a) - np.array(b), np.array(clusters)
    names, sizes = np.unique(groups, return_counts=True)
    left = np.array([differences[groups != name].mean() for name in names])
    count = len(names)
    variance = (count - 1) / count * ((left - differences.mean()) ** 2).sum()
    df = sizes.sum() ** 2 / (sizes**2).sum() - 1
    assert found.difference == pytest.approx(differences.mean(), abs=1e-12)
    t = differences.mean() / math.sqrt(variance)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(t), df))


sparse = st.dictionaries(
    st.sampled_from([f"i{n}" for n in range(12)]),
    st.floats(0, 1, allow_subnormal=False).map(lambda value: (round(value, 3),)),
    max_size=12,
)


@given(sparse, sparse, st.booleans())
def test_only_common_items_count(
    a: dict[str, tuple[float]], b: dict[str, tuple[float]], with_clusters: bool
) -> None:
    def row(values: dict[str, tuple[float]], keys: set[str]) -> dict[str, ItemScore]:
        return {
            key: ItemScore(value, cluster=f"c{int(key[1:]) % 4}" if with_clusters else None)
            for key, value in values.items()
            if key in keys
        }

    common = set(a) & set(b)
    whole = compare(row(a, set(a)), row(b, set(b)), LOSS)
    cut = compare(row(a, common), row(b, common), LOSS)

    assert whole.n_common == len(common)
    assert (whole.a_only, whole.b_only) == (len(a) - len(common), len(b) - len(common))
    assert (whole.p_value is None) == (cut.p_value is None)
    if cut.p_value is not None:
        assert whole.method == cut.method
        assert whole.p_value == pytest.approx(cut.p_value, rel=1e-6, abs=1e-9)
        assert whole.difference == pytest.approx(cut.difference, abs=1e-9)
        assert (whole.a_higher, whole.b_higher) == (cut.a_higher, cut.b_higher)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30))
def test_changing_sides_mirrors_the_comparison(pairs: list[tuple[float, float]]) -> None:
    a = scores([mine for mine, _ in pairs])
    b = scores([theirs for _, theirs in pairs])

    one, other = compare(a, b, LOSS), compare(b, a, LOSS)

    assert one.p_value == pytest.approx(other.p_value)
    assert one.difference == pytest.approx(-(other.difference or 0), abs=1e-12)
    assert (one.a_higher, one.b_higher) == (other.b_higher, other.a_higher)


def test_equal_differences_in_every_cluster_get_the_sign_test() -> None:
    clusters = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]

    found = compare(scores([1.0] * 10, clusters), scores([0.0] * 10, clusters), ACCURACY)

    assert (found.method, found.p_value, found.low) == ("sign", 2 * 0.5**5, None)


def test_identical_rows_are_not_different() -> None:
    row = scores([0.1, 0.7, 0.3])

    assert compare(row, row, LOSS).p_value == 1


def test_rows_without_common_items_cannot_be_compared() -> None:
    found = compare({"a": ItemScore((1.0,))}, {"b": ItemScore((1.0,))}, ACCURACY)

    assert (found.p_value, found.method, found.n_common) == (None, "none", 0)
    assert (found.a_only, found.b_only) == (1, 1)


def test_repeated_binary_scores_use_the_paired_t_test() -> None:
    draw = random.Random(3)
    a = {f"i{n}": ItemScore(tuple(float(draw.random() < 0.6) for _ in "123")) for n in range(40)}
    b = {f"i{n}": ItemScore(tuple(float(draw.random() < 0.4) for _ in "123")) for n in range(40)}

    found = compare(a, b, ACCURACY)

    test = stats.ttest_rel([s.mean for s in a.values()], [s.mean for s in b.values()])
    assert found.method == "clustered-t"
    assert found.p_value == pytest.approx(test.pvalue)
