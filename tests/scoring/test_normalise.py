"""Named normalisations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.normalisation import (
    DESCRIPTIONS,
    STEPS,
    UnknownStep,
    normaliser,
)


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        ("trim", "  a b \n", "a b"),
        ("nfc", "e\u0301", "é"),
        ("nfkc", "①ﬁ", "1fi"),
        ("case", "STRASSE ß", "strasse ss"),
        ("accents", "Café Zoë", "Cafe Zoe"),
        ("markup", "**`18`**", "18"),
        ("final_stop", "Paris. ", "Paris"),
        ("punctuation", "a-b, c!", "a b  c "),
        ("articles", "The cat and an owl", "  cat and   owl"),
        ("whitespace", " a \t\n b ", "a b"),
        ("no_whitespace", " a \t\n b ", "ab"),
    ],
)
def test_each_step_does_what_its_name_says(step: str, before: str, after: str) -> None:
    assert normaliser([step])(before) == after


def test_the_order_of_listing_does_not_matter() -> None:
    steps = ["whitespace", "case", "articles", "punctuation"]

    one, other = normaliser(steps), normaliser(steps[::-1])

    assert one("The  CAT, sat.") == other("The  CAT, sat.") == "cat sat"


def test_every_step_is_described() -> None:
    assert set(STEPS) == set(DESCRIPTIONS)


def test_an_unknown_step_is_named() -> None:
    with pytest.raises(UnknownStep, match="'lowercase'"):
        normaliser(["lowercase"])


@given(st.text(), st.sampled_from(["trim", "nfc", "nfkc", "whitespace", "no_whitespace"]))
def test_normalising_twice_changes_nothing(text: str, step: str) -> None:
    once = normaliser([step])(text)

    assert normaliser([step])(once) == once
