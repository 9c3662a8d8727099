"""Agreement of raters against statsmodels and published figures."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plumbmark.scoring.agreement import Rating, agreement
from tests.oracles import inter_rater, np, stats

TABLES = st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=3, max_size=3)


def ratings_of(table: list[list[int]], values: list[float] | None = None) -> list[Rating]:
    """Return a rating of its own cluster for each count of a square table."""
    found = []
    for row, counts in enumerate(table):
        for column, count in enumerate(counts):
            for _ in range(count):
                first, second = (row, column) if values is None else (values[row], values[column])
                found.append(Rating(float(first), float(second), str(len(found))))
    return found


def test_kappa_is_cohens_own_on_the_textbook_table() -> None:
    # Fleiss, Levin & Paik, Statistical Methods for Rates and Proportions, 3rd ed., table 18.1.
    found = agreement(ratings_of([[75, 1, 4], [5, 4, 1], [0, 0, 10]]))

    assert found.n == 100
    assert found.n_equal == 89
    assert found.kappa == pytest.approx(0.676, abs=5e-4)


@given(TABLES)
def test_kappa_and_its_variance_are_those_of_statsmodels(table: list[list[int]]) -> None:
    found = agreement(ratings_of(table))
    assume(found.method == "clustered-t")
    assume(found.low is not None and found.low > -1 and found.high < 1)

    oracle = inter_rater.cohens_kappa(np.array(table))

    assert found.kappa == pytest.approx(oracle.kappa, abs=1e-9)
    error = (oracle.var_kappa * found.n / (found.n - 1)) ** 0.5
    assert found.kappa - found.low == pytest.approx(
        stats.t.ppf(0.975, found.n - 1) * error, abs=1e-7
    )


@given(TABLES)
def test_weighted_kappa_is_that_of_statsmodels(table: list[list[int]]) -> None:
    found = agreement(ratings_of(table, [1.0, 3.0, 5.0]), weights="quadratic", span=4.0)
    assume(found.method == "clustered-t")
    assume(found.low is not None and found.low > -1 and found.high < 1)

    oracle = inter_rater.cohens_kappa(np.array(table), wt="quadratic")

    assert found.kappa == pytest.approx(oracle.kappa, abs=1e-9)
    error = (oracle.var_kappa * found.n / (found.n - 1)) ** 0.5
    assert found.kappa - found.low == pytest.approx(
        stats.t.ppf(0.975, found.n - 1) * error, abs=1e-7
    )


@given(TABLES)
def test_the_raters_may_change_places(table: list[list[int]]) -> None:
    ratings = ratings_of(table)
    mirrored = [Rating(one.second, one.first, one.cluster) for one in ratings]

    one, other = agreement(ratings), agreement(mirrored)

    assert (one.kappa is None) == (other.kappa is None)
    if one.kappa is not None:
        assert one.kappa == pytest.approx(other.kappa)


def test_nothing_said_has_no_kappa() -> None:
    found = agreement([])

    assert found.kappa is None
    assert found.note


def test_raters_who_never_vary_have_no_kappa_and_the_reason_is_told() -> None:
    found = agreement(ratings_of([[30, 0], [0, 0]]))

    assert found.kappa is None
    assert found.n_equal == 30
    assert "same verdict" in found.note


def test_beside_a_rater_who_never_varies_kappa_has_no_interval() -> None:
    found = agreement(ratings_of([[30, 0], [5, 0]]))

    assert found.kappa == pytest.approx(0)
    assert found.low is None
    assert "same verdict" in found.note


def test_full_agreement_keeps_an_interval_with_a_width() -> None:
    few = agreement(ratings_of([[5, 0], [0, 5]]))
    many = agreement(ratings_of([[100, 0], [0, 100]]))

    assert few.kappa == many.kappa == 1
    assert few.high == 1
    assert 0 < few.low < many.low < 1
    assert few.method == "wilson-agreement"


def test_answers_of_one_cluster_are_not_counted_as_independent() -> None:
    ratings = ratings_of([[20, 5], [5, 20]])
    # Every answer three times over, as three models that say the same.
    thrice = [Rating(one.first, one.second, one.cluster) for one in ratings for _ in range(3)]
    careless = [Rating(one.first, one.second, str(n)) for n, one in enumerate(thrice)]

    one, same, narrow = agreement(ratings), agreement(thrice), agreement(careless)

    assert same.kappa == pytest.approx(one.kappa)
    assert (same.low, same.high) == pytest.approx((one.low, one.high))
    assert narrow.high - narrow.low < 0.7 * (one.high - one.low)


def test_the_interval_holds_the_true_kappa_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(20)
    shares = np.array([0.45, 0.08, 0.07, 0.40])
    chance = 0.53 * 0.52 + 0.47 * 0.48
    truth = (0.85 - chance) / (1 - chance)
    held = 0
    for _ in range(400):
        counts = generator.multinomial(50, shares)
        found = agreement(ratings_of([list(counts[:2]), list(counts[2:])]))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high

    assert held >= 0.92 * 400


def test_grades_without_a_scale_are_refused() -> None:
    with pytest.raises(ValueError, match="width"):
        agreement([Rating(1, 2, "a")], weights="quadratic")
