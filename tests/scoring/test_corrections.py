"""Holm against statsmodels."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbmark.scoring.corrections import find_significant, holm
from tests.oracles import holm_by_statsmodels, np


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
@settings(max_examples=30)
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    _, expected = holm_by_statsmodels(p_values)

    assert holm(p_values) == pytest.approx(list(expected), abs=1e-12)


def test_an_empty_family_is_no_error() -> None:
    assert holm([]) == []


@given(
    st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.02, 0.05])), max_size=20),
    st.sampled_from([0.01, 0.05, 0.2]),
)
def test_what_is_significant_is_found_without_adjusting(
    p_values: list[float], alpha: float
) -> None:
    found = find_significant(np.array(p_values, float), alpha)

    assert found.tolist() == [one <= alpha for one in holm(p_values)]
