"""The order of options."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.shuffling import choice_order, shuffle_choices


@given(st.integers(0, 26), st.integers(), st.text(st.characters(exclude_categories=["Cs"])))
def test_an_order_is_a_permutation_and_stays_the_same(count: int, seed: int, key: str) -> None:
    order = choice_order(count, seed, key)

    assert sorted(order) == list(range(count))
    assert choice_order(count, seed, key) == order


def test_without_a_seed_the_order_is_that_of_the_data() -> None:
    assert shuffle_choices(["x", "y", "z"], None, "item") == ("x", "y", "z")


def test_the_order_is_pinned_so_that_no_later_version_changes_published_prompts() -> None:
    assert choice_order(4, 7, "item-1") == (3, 2, 1, 0)


def test_every_place_is_equally_likely_for_the_first_option() -> None:
    places = Counter(choice_order(4, 1, f"item-{n}").index(0) for n in range(4000))

    assert all(900 < places[place] < 1100 for place in range(4))


def test_more_options_than_letters_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 26"):
        choice_order(27, None, "x")
