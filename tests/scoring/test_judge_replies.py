"""Verdicts of judges, decorated as judges decorate them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.judge_replies import read_grade, read_preference, read_word

LABEL = "VERDICT-a1b2"


@pytest.mark.parametrize(
    ("said", "lower", "upper", "grade"),
    [
        ("4,5", 1, 5, 4.5),
        ("4/5", 1, 5, 4.0),
        ("4.5 / 5", 1, 5, 4.5),
        ("8 out of 10", 1, 10, 8.0),
        ("8 von 10 Punkten", 1, 10, 8.0),
        (r"$\frac{4}{5}$", 1, 5, 4.0),
        ("4/5", 1, 10, None),
        ("8 out of 10", 1, 5, None),
        ("85%", 0, 100, 85.0),
        ("85%", 0, 10, None),
        ("1,000", 0, 1000, 1000.0),
        ("0,125", 0, 1, 0.125),
        ("-2", -5, 5, -2.0),
        ("−2", -5, 5, -2.0),
        ("-2", 1, 5, None),
        ("4 (good)", 1, 5, 4.0),
        ("4, because it is complete", 1, 5, 4.0),
        ("4 because 2 of the 3 points are met", 1, 5, None),
        ("4.5.1", 1, 5, None),
        ("45", 1, 5, None),
        ("4th", 1, 5, None),
        ("4e0", 1, 5, None),
        ("4 to 5", 1, 5, None),
        ("four", 1, 5, None),
    ],
)
def test_a_grade_is_read_whole_and_on_its_scale(
    said: str, lower: float, upper: float, grade: float | None
) -> None:
    assert read_grade(f"Fine.\n{LABEL}: {said}", LABEL, lower, upper) == grade
    assert read_grade(f"Fine.\n**{LABEL}:**\n**{said}**", LABEL, lower, upper) == grade


@pytest.mark.parametrize(
    ("said", "preference"),
    [
        ("first", "first"),
        ("**Second**", "second"),
        ("the first answer", "first"),
        ("<second answer is better>", "second"),
        ("a tie", "tie"),
        ("draw", "tie"),
        ("first, because the second is vague", None),
        ("first or second", None),
        ("first, or second, or tie", None),
        ("neither", None),
    ],
)
def test_a_preference_is_read_where_there_is_one(said: str, preference: str | None) -> None:
    assert read_preference(f"{LABEL}: {said}", LABEL) == preference


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        (f"{LABEL}: correct\n\n(You asked for {LABEL}: <correct, or incorrect>)", 1.0),
        (f"{LABEL}: correct\n{LABEL}: perhaps", None),
        (f"{LABEL}9: correct", None),
        (f"<verdict>{LABEL}: <b>correct</b></verdict>", 1.0),
        (f"{LABEL}: <correct></answer>", 1.0),
        (f"x-{LABEL}: correct", None),
        (f"{LABEL.lower()}: correct", 1.0),
        ("VERDICT-a1\u200bb2: cor\u200brect", 1.0),
        (f"{LABEL}: in**correct**", None),
        (f"{LABEL}: correct, but incomplete", None),
        (f"{LABEL}: correct. The answer is not a guess.", None),
        (f"{LABEL}: correct – it names Rayleigh", 1.0),
        (f"{LABEL}: mostly correct", None),
    ],
)
def test_only_a_sure_verdict_counts(reply: str, value: float | None) -> None:
    assert read_word(reply, LABEL) == value


@given(st.text("correctin 45/,.-\n*<>\\{}%$" + LABEL, max_size=60))
def test_no_reply_makes_it_fail(said: str) -> None:
    reply = f"{LABEL}: {said}"
    assert read_word(reply, LABEL) in (None, 0.0, 1.0)
    assert read_preference(reply, LABEL) in (None, "first", "second", "tie")
    grade = read_grade(reply, LABEL, 1, 5)
    assert grade is None or 1 <= grade <= 5


@pytest.mark.parametrize("unit", [f"{LABEL}: ", "answer ", "the ", "4,", "\\frac{", "correct "])
def test_replies_are_read_in_linear_time(unit: str) -> None:
    started = time.process_time()

    reply = f"{LABEL}: " + unit * (200_000 // len(unit))
    for _ in range(3):
        read_word(reply, LABEL)
        read_grade(reply, LABEL, 1, 5)

    assert time.process_time() - started < 30
