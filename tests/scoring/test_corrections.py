"""Holm against statsmodels."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbmark.scoring.corrections import holm
from tests.oracles import multitest


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
@settings(max_examples=30)
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    expected = multitest.multipletests(p_values, method="holm")[1]

    assert holm(p_values) == pytest.approx(list(expected), abs=1e-12)


def test_an_empty_family_is_no_error() -> None:
    assert holm([]) == []
