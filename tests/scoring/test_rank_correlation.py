"""Kendall's τ_b against published values, and against pairs counted one by one."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.rank_correlation import kendall_tau_b


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # The example of scipy.stats.kendalltau's documentation.
        ([12, 2, 1, 12, 2], [1, 4, 7, 1, 0], -0.47140452079103173),
        # Twelve candidates by two interviewers, five neighbours swapped: 61 pairs less 5, of 66.
        (list(range(1, 13)), [1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11], 56 / 66),
        ([1, 2, 3, 4], [1, 2, 3, 4], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 2, 3], [1, 3, 2], 1 / 3),
    ],
)
def test_known_values(one: list[float], other: list[float], expected: float) -> None:
    assert kendall_tau_b(one, other) == pytest.approx(expected)


@pytest.mark.parametrize(("one", "other"), [([], []), ([1], [2]), ([1, 1, 1], [1, 2, 3])])
def test_it_is_undefined_without_an_order(one: list[float], other: list[float]) -> None:
    assert kendall_tau_b(one, other) is None


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="same length"):
        kendall_tau_b([1, 2], [1])


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=9))
def test_it_is_that_of_pairs_counted_one_by_one(values: list[tuple[int, int]]) -> None:
    concordant = discordant = only_first = only_second = 0
    for (a, b), (c, d) in combinations(values, 2):
        if a == c and b == d:
            continue
        if a == c:
            only_first += 1
        elif b == d:
            only_second += 1
        elif (a < c) == (b < d):
            concordant += 1
        else:
            discordant += 1
    pairs = concordant + discordant
    below = (pairs + only_first) * (pairs + only_second)

    found = kendall_tau_b([a for a, _ in values], [b for _, b in values])

    if below == 0:
        assert found is None
    else:
        assert found == pytest.approx((concordant - discordant) / math.sqrt(below))
