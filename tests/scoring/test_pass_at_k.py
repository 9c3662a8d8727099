"""pass@k and pass^k."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.pass_at_k import (
    mean_pass_at_k,
    mean_pass_hat_k,
    pass_at_k,
    pass_hat_k,
)


@given(st.integers(1, 300), st.data())
def test_both_agree_with_the_binomial_form(n: int, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, n))
    k = data.draw(st.integers(1, n))

    assert pass_at_k(n, correct, k) == pytest.approx(1 - comb(n - correct, k) / comb(n, k))
    assert pass_hat_k(n, correct, k) == pytest.approx(comb(correct, k) / comb(n, k))


def test_the_means_are_taken_over_items() -> None:
    assert mean_pass_at_k([(2, 1), (2, 0)], 1) == pytest.approx(0.25)
    assert mean_pass_hat_k([(2, 2), (2, 1)], 2) == pytest.approx(0.5)


@pytest.mark.parametrize(("n", "correct", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 4), (3, 1, 0)])
def test_impossible_counts_are_errors(n: int, correct: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"cannot be|needs between"):
        pass_at_k(n, correct, k)


def test_no_items_have_no_mean() -> None:
    with pytest.raises(ValueError, match="at least one"):
        mean_pass_at_k([], 1)
