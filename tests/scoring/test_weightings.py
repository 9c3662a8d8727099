"""Other weights of the tasks: shares of weightings, means and ranks."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.weightings import (
    DRAWS,
    MIN_DRAWS,
    count_draws,
    leading_shares,
    rank_descending,
    weighted_means,
)


def test_with_two_tasks_the_shares_are_lengths_of_a_line() -> None:
    # The mean is w·x + (1 − w)·y with w uniform: the third row is the best for w from 0.4 to 0.6.
    values = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.6], [0.5, 0.5]])

    shares = leading_shares(values)

    assert shares == pytest.approx([0.4, 0.4, 0.2, 0.0], abs=0.015)
    assert shares.sum() == pytest.approx(1.0)


def test_with_three_tasks_the_share_is_an_area() -> None:
    # A row of one task and 0 elsewhere beats 0.5 where its weight is above a half: a quarter of
    # the triangle. Three such corners leave a quarter for the row of 0.5 everywhere.
    values = np.vstack([np.eye(3), np.full(3, 0.5)])

    assert leading_shares(values) == pytest.approx([0.25] * 4, abs=0.015)


def test_the_same_seed_gives_the_same_shares_and_equal_rows_share_theirs() -> None:
    values = np.array([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])

    first, again = leading_shares(values), leading_shares(values)

    assert first.tolist() == again.tolist()
    assert first[0] == first[1]
    assert leading_shares(values, seed=1).tolist() != first.tolist()
    assert leading_shares(values[:0]).tolist() == []


@pytest.mark.parametrize(
    ("rows", "tasks", "draws"), [(200, 10, DRAWS), (5000, 200, 4000), (10**6, 200, MIN_DRAWS)]
)
def test_large_boards_get_fewer_draws(rows: int, tasks: int, draws: int) -> None:
    assert count_draws(rows, tasks) == draws


def test_weighted_means_divide_by_the_sum() -> None:
    values = np.array([[1.0, 0.0, 0.5], [0.2, 0.4, 0.6]])

    found = weighted_means(values, np.array([2.0, 1.0, 1.0]))

    assert found == pytest.approx([(2 + 0 + 0.5) / 4, (0.4 + 0.4 + 0.6) / 4])
    for bad in ([0.0, 0.0, 0.0], [-1.0, 2.0, 1.0]):
        with pytest.raises(ValueError, match="at least 0"):
            weighted_means(values, np.array(bad))


@given(st.lists(st.integers(0, 5), max_size=8))
def test_ranks_count_the_better_ones(values: list[int]) -> None:
    expected = [1 + sum(other > value for other in values) for value in values]

    assert rank_descending([float(value) for value in values]) == expected


def test_ranks_are_those_of_the_means_whatever_the_order_of_the_rows() -> None:
    for order in itertools.permutations([0.1, 0.2, 0.3]):
        assert rank_descending(order) == [{0.3: 1, 0.2: 2, 0.1: 3}[value] for value in order]
