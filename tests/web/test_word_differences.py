"""Words of two texts that differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.web.word_differences import MarkedWords, mark_differences


def marked(passages: list[MarkedWords]) -> list[str]:
    return [one.text for one in passages if one.differs]


def whole(passages: list[MarkedWords]) -> str:
    return "".join(one.text for one in passages)


def test_words_that_differ_are_marked_without_the_space_before_them() -> None:
    found = mark_differences("It is  six, I think.", "It is seven, I know.")

    assert marked(found.first) == ["six", "think"]
    assert marked(found.second) == ["seven", "know"]
    assert whole(found.first) == "It is  six, I think."


def test_white_space_is_no_difference() -> None:
    found = mark_differences("a b\n\nc", " a  b c\n")

    assert marked(found.first) == marked(found.second) == []


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("", "", ([], [])),
        ("", "a b", ([], ["a b"])),
        ("3.5", "3.7", (["5"], ["7"])),
        ("Grüße, 世界", "Grüße, Welt", (["世界"], ["Welt"])),
        ("x=1;y=2", "x=1;z=2", (["y"], ["z"])),
    ],
)
def test_texts_of_any_kind(first: str, second: str, expected: tuple[list[str], list[str]]) -> None:
    found = mark_differences(first, second)

    assert (marked(found.first), marked(found.second)) == expected


@given(st.text(max_size=80), st.text(max_size=80), st.integers(1, 12))
def test_nothing_is_lost_and_what_is_marked_is_symmetric_for_equal_texts(
    first: str, second: str, most: int
) -> None:
    found = mark_differences(first, second, most=most)

    assert (whole(found.first), whole(found.second)) == (first, second)
    same = mark_differences(first, first, most=most)
    assert marked(same.first) == marked(same.second) == []
    assert all(one.text for one in found.first)


def test_the_end_of_long_texts_is_not_compared() -> None:
    found = mark_differences("a " * 30 + "x", "a " * 30 + "y", most=10)

    assert found.is_cut
    assert marked(found.first) == []
