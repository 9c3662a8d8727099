"""Distributions against scipy."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.distributions import (
    binomial_tail,
    fair_coin_mid_p,
    incomplete_beta,
    log_beta,
    normal_cdf,
    normal_quantile,
    t_quantile,
    t_tail,
)
from tests.oracles import special, stats

DEGREES = [1, 1.5, 2, 3, 4.7, 9, 10, 29, 100, 999.5, 1318, 10_000, 1e6, 1e8, 1e10]


@given(st.floats(-8, 8))
def test_the_normal_cdf_agrees_with_scipy(x: float) -> None:
    assert normal_cdf(x) == pytest.approx(stats.norm.cdf(x), rel=1e-12)


@given(st.floats(1e-12, 1 - 1e-12))
def test_the_normal_quantile_agrees_with_scipy(p: float) -> None:
    assert normal_quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-10, abs=1e-10)


@given(st.floats(0.01, 1e3), st.floats(0.01, 1e3))
def test_log_beta_agrees_with_scipy(a: float, b: float) -> None:
    assert log_beta(a, b) == pytest.approx(special.betaln(a, b), rel=1e-10, abs=1e-10)


@given(st.floats(1, 1e9), st.integers(1, 12))
def test_log_beta_keeps_its_digits_where_scipy_loses_them(a: float, n: int) -> None:
    exact = math.lgamma(n) - sum(math.log(a + step) for step in range(n))

    assert log_beta(a, n) == pytest.approx(exact, rel=1e-12, abs=1e-12)


@given(st.floats(0, 1e6))
def test_the_t_tail_with_one_degree_is_cauchys(t: float) -> None:
    assert t_tail(t, 1) == pytest.approx(0.5 - math.atan(t) / math.pi, abs=1e-14)


@given(st.floats(0.1, 5000), st.floats(0.1, 5000), st.floats(0, 1))
def test_the_incomplete_beta_agrees_with_scipy(a: float, b: float, x: float) -> None:
    assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), abs=1e-10)


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("t", [0, 1e-3, 0.3, 1, 1.96, 2.7, 5, 12, 40])
def test_the_t_tail_agrees_with_scipy(df: float, t: float) -> None:
    expected = stats.t.sf(t, df)

    assert t_tail(t, df) == pytest.approx(expected, rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("p", [1e-6, 0.025, 0.3, 0.5, 0.9, 0.975, 0.9999])
def test_the_t_quantile_agrees_with_scipy(df: float, p: float) -> None:
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-10, abs=1e-10)


@given(st.floats(0.001, 0.999), st.floats(0.5, 5000))
def test_the_t_quantile_is_undone_by_the_tail(p: float, df: float) -> None:
    t = t_quantile(p, df)

    assert (t_tail(-t, df) if t < 0 else 1 - t_tail(t, df)) == pytest.approx(p, abs=1e-10)


@given(st.integers(1, 3000), st.data())
def test_binomial_tails_agree_with_scipy(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    p = data.draw(st.floats(0.01, 0.99))

    assert binomial_tail(k, n, p) == pytest.approx(stats.binom.cdf(k, n, p), abs=1e-10)


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_sign_test_counts_half_of_what_was_observed(fewer: int, more: int) -> None:
    fewer, more = sorted([fewer, more])
    total = fewer + more
    less = sum(math.comb(total, k) for k in range(fewer))
    mid = Fraction(2 * less + math.comb(total, fewer), 2**total)

    assert fair_coin_mid_p(fewer, total) == pytest.approx(min(1.0, float(mid)), rel=1e-9)


def test_the_mid_p_of_fagerland_and_others() -> None:
    # Fagerland, Lydersen & Laake 2013, table 1 (airway hyper-responsiveness: 7 against 1) and
    # table 2 (complete response: 59 against 80).
    assert fair_coin_mid_p(1, 8) == pytest.approx(0.0391, abs=5e-5)
    assert fair_coin_mid_p(0, 0) == 1.0


@pytest.mark.parametrize(("t", "df"), [(-1, 3), (1, 0), (1, -2)])
def test_a_tail_that_does_not_exist_is_an_error(t: float, df: float) -> None:
    with pytest.raises(ValueError, match=r"degrees|mirror"):
        t_tail(t, df)


@pytest.mark.parametrize("p", [0, 1, -0.1, 1.1])
def test_a_quantile_outside_the_open_unit_interval_is_an_error(p: float) -> None:
    with pytest.raises(ValueError, match="quantile"):
        t_quantile(p, 3)
