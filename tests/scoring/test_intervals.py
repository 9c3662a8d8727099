"""Interval formulas against statsmodels and published figures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.intervals import newcombe_paired, student, wilson
from tests.oracles import proportion


@given(st.integers(1, 5000), st.data())
def test_wilson_agrees_with_statsmodels(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))

    found = wilson(successes, n)

    low, high = proportion.proportion_confint(successes, n, method="wilson")
    assert found.low == pytest.approx(low, abs=1e-10)
    assert found.high == pytest.approx(high, abs=1e-10)


@given(st.integers(1, 500), st.data())
def test_wilson_is_mirrored_when_right_and_wrong_change_places(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))

    one, other = wilson(successes, n), wilson(n - successes, n)

    assert one.low == pytest.approx(1 - other.high, abs=1e-12)


@given(st.integers(1, 500), st.data())
def test_wilson_grows_with_every_success(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n - 1))

    fewer, more = wilson(successes, n), wilson(successes + 1, n)

    assert 0 <= fewer.low < more.low
    assert fewer.high < more.high <= 1


def test_newcombes_method_10_on_his_first_example() -> None:
    found = newcombe_paired(20, 12, 2, 16)

    assert found.low == pytest.approx(0.0562, abs=5e-5)
    assert found.high == pytest.approx(0.3292, abs=5e-5)


@given(*[st.integers(0, 60)] * 3, st.integers(1, 60))
def test_newcombes_interval_holds_the_difference_and_is_mirrored(
    both: int, first: int, second: int, neither: int
) -> None:
    found = newcombe_paired(both, first, second, neither)
    mirrored = newcombe_paired(both, second, first, neither)

    difference = (first - second) / (both + first + second + neither)
    assert -1 <= found.low <= difference + 1e-12
    assert difference - 1e-12 <= found.high <= 1
    assert found.low == pytest.approx(-mirrored.high, abs=1e-12)


def test_students_interval_is_the_textbook_one() -> None:
    found = student(10, 4, 4)

    assert found.high - 10 == pytest.approx(2.7764451051977987 * 2)
