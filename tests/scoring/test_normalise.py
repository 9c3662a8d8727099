"""Named normalisations."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.normalisation import (
    DESCRIPTIONS,
    STEPS,
    UnknownStep,
    are_equal,
    emptying_step,
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
        ("punctuation", "a-b, c!", "a b c"),
        ("articles", "The cat and an owl", "cat and owl"),
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


@pytest.mark.parametrize(
    ("steps", "text", "normalised"),
    [
        (["trim", "punctuation"], "(Paris)", "Paris"),
        (["trim", "punctuation"], "U.S.", "US"),
        (["punctuation"], "U.S.A. and U.K.", "USA and UK"),
        (["punctuation"], "3.14", "3 14"),
        (["punctuation"], "rock-and-roll", "rock and roll"),
        (["trim", "case", "articles"], "The Beatles", "beatles"),
        (["markup", "final_stop"], "**Paris.**", "Paris"),
        (["final_stop", "markup"], "“*Paris*.”!", "Paris"),
        (["articles", "no_whitespace"], "t he", "the"),
        (["trim"], "\u200b\ufeff Paris\u2060", "Paris"),
        (["nfkc", "final_stop"], "Paris\uff0e", "Paris"),
    ],
)
def test_steps_are_applied_until_nothing_changes(
    steps: list[str], text: str, normalised: str
) -> None:
    assert normaliser(steps)(text) == normalised
    assert normaliser(steps[::-1])(text) == normalised


@pytest.mark.parametrize(
    ("steps", "text", "normalised", "step"),
    [
        (["case", "articles"], "A", "a", "articles"),
        (["case", "articles"], "The a", "the a", "articles"),
        (["punctuation"], "?", "?", "punctuation"),
        (["final_stop"], "!", "!", "final_stop"),
        (["markup"], "**", "**", "markup"),
        (["trim"], "x", "x", None),
        (["trim"], " \n", "", None),
        ([], " \n", "", None),
    ],
)
def test_a_step_that_would_leave_nothing_leaves_the_text(
    steps: list[str], text: str, normalised: str, step: str | None
) -> None:
    assert normaliser(steps)(text) == normalised
    assert emptying_step(steps, text) == step


def test_empty_texts_are_equal_to_nothing() -> None:
    assert are_equal("a", "a")
    assert not are_equal("", "")
    assert not are_equal(" ", " ")


def test_every_step_is_described() -> None:
    assert set(STEPS) == set(DESCRIPTIONS)


def test_an_unknown_step_is_named() -> None:
    with pytest.raises(UnknownStep, match="'lowercase'"):
        normaliser(["lowercase"])


@given(
    st.text() | st.text("athe A.!*`'\"\u0301 ß\n-", max_size=20),
    st.lists(st.sampled_from(list(STEPS)), max_size=5),
)
def test_normalising_twice_changes_nothing(text: str, steps: list[str]) -> None:
    once = normaliser(steps)(text)

    assert normaliser(steps)(once) == once


def test_long_texts_are_normalised_in_linear_time() -> None:
    normalise = normaliser(list(STEPS))
    started = time.process_time()

    for unit in ("*.", "a the ", "!“", "U.S."):
        normalise(unit * (100_000 // len(unit)))

    assert time.process_time() - started < 30
