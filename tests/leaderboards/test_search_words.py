"""Words of queries and texts, and slips of the keyboard."""

import pytest

from leaderboards_app.search.words import (
    MAX_QUERY,
    MAX_WORDS,
    SlipCounter,
    count_slips,
    indexed_title,
    intact_parts,
    parse_query,
    slips_allowed,
    words_of,
)
from plumbmark.common.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Word problems, advanced", ["word", "problems", "advanced"]),
        ("gpt-6_mini", ["gpt", "6", "mini"]),
        ("Été à Zürich", ["ete", "a", "zurich"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ('"a" OR NEAR(b) * ^c: {d} -e', ["a", "or", "near", "b", "c", "d", "e"]),
        ("<b>x</b> & y | !z :* '", ["b", "x", "b", "y", "z"]),
        ("数学 問題", ["数学", "問題"]),
        ("🙂 ﷺ", [*["صلى", "الله", "عليه", "وسلم"]]),
        ("", []),
        ("x" * 500, ["x" * 60]),
    ],
)
def test_words_are_letters_and_digits_and_nothing_else(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_query_has_so_many_characters_and_words() -> None:
    many = " ".join(f"w{n}" for n in range(20))

    query = parse_query(many)

    assert len(query.words) == MAX_WORDS
    assert query.words_left_out == 8
    assert parse_query("b a b").words == ("b", "a")
    with pytest.raises(InvalidInput, match="201 characters; at most 200"):
        parse_query("x" * (MAX_QUERY + 1))


def test_a_name_with_a_number_is_one_word_too() -> None:
    assert indexed_title("OpenAI gpt-6-mini") == "openai gpt 6 mini gpt6"
    assert indexed_title("Llama 5 8B", "meta/llama-5-8b") == ("llama 5 8b meta llama 5 8b llama5")


@pytest.mark.parametrize(
    ("word", "other", "slips"),
    [
        ("gemeni", "gemini", 1),
        ("lama", "llama", 1),
        ("qewn", "qwen", 1),
        ("arithmatc", "arithmetic", 2),
        ("same", "same", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("kitten", "sitting", 3),
    ],
)
def test_slips_are_letters_added_removed_replaced_or_swapped(
    word: str, other: str, slips: int
) -> None:
    assert count_slips(word, other) == count_slips(other, word) == slips


def test_numbers_and_short_words_must_be_right() -> None:
    words = ("abc", "abcd", "gpt4", "2026", "seventh", "eighthly")
    assert [slips_allowed(word) for word in words] == [0, 1, 0, 0, 1, 2]
    assert SlipCounter(parse_query("gpt 5")).in_title("gpt 6 mini") is None
    assert SlipCounter(parse_query("mnii 6")).in_title("gpt 6 mini") == 1
    assert SlipCounter(parse_query("scool arithmatics")).in_title("school arithmetic") == 3
    assert SlipCounter(parse_query("a")).in_title("") is None


@pytest.mark.parametrize("word", ["gemini", "arithmetic", "probability", "llama", "qwen"])
def test_one_slip_anywhere_leaves_a_part_that_the_index_knows(word: str) -> None:
    """Every word with a letter replaced has a part of the right word, or the other way round."""
    for place in range(len(word)):
        slips = [
            f"{word[:place]}ø{word[place + 1 :]}",
            f"{word[:place]}ø{word[place:]}",
            f"{word[:place]}{word[place + 1 :]}",
            f"{word[:place]}{word[place : place + 2][::-1]}{word[place + 2 :]}",
        ]
        for wrong in (one for one in slips if slips_allowed(one)):
            parts = intact_parts(wrong)
            assert any(part in f" {word} " for part in parts), wrong
