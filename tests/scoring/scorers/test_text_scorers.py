"""Exact, includes and regex."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.scorers import (
    ScorerContext,
    ScorerSpecError,
    build_scorer,
)
from plumbmark.scoring.scorers.patterns import (
    PLAIN,
    PatternError,
    compile_pattern,
    last_match,
)
from tests.growth import growth

HERE = ScorerContext("item")


@pytest.mark.parametrize(
    ("spec", "output", "target", "right"),
    [
        ({"type": "exact"}, " Paris\n", "Paris", True),
        ({"type": "exact"}, "paris", "Paris", False),
        ({"type": "exact", "normalise": ["case"]}, "paris", "Paris", True),
        ({"type": "exact", "normalise": []}, " Paris", "Paris", False),
        ({"type": "exact"}, "Lyon", ["Paris", "Lyon"], True),
        ({"type": "exact"}, "7", 7, True),
        ({"type": "exact"}, "7", 7.0, True),
        ({"type": "exact"}, "true", True, True),
        ({"type": "exact", "after": "Answer:"}, "Answer: no. Answer: yes", "yes", True),
        ({"type": "exact", "after": "Answer:"}, "yes", "yes", False),
        ({"type": "exact", "after": "A:", "without_marker": "anywhere"}, "yes", "yes", True),
        ({"type": "includes"}, "It is Paris, I think.", "Paris", True),
        ({"type": "includes"}, "It is paris", "Paris", False),
        ({"type": "includes"}, "Parisian", "Paris", True),
        ({"type": "includes", "whole_words": True}, "Parisian", "Paris", False),
        ({"type": "includes", "whole_words": True}, "Parisian Paris.", "Paris", True),
        ({"type": "includes", "whole_words": True}, "costs $5!", "$5", True),
        ({"type": "regex", "pattern": r"<a>(.*?)</a>"}, "<a>1</a> <a>2</a>", "2", True),
        (
            {"type": "regex", "pattern": r"<a>(.*?)</a>", "take": "first"},
            "<a>1</a><a>2</a>",
            "1",
            1,
        ),
        ({"type": "regex", "pattern": r"(\d+) of (\d+)", "group": 2}, "3 of 4", "4", True),
        ({"type": "regex", "pattern": r"(?P<n>\d+)!", "group": "n"}, "5!", 5, True),
        ({"type": "regex", "pattern": r"\d+"}, "abc 123 x", "123", True),
        ({"type": "regex", "pattern": r"\d+", "compare": "pattern"}, "x 1", None, True),
        ({"type": "regex", "pattern": r"\d+", "compare": "pattern"}, "x", None, False),
        ({"type": "regex", "pattern": "yes", "ignore_case": True}, "YES", "YES", True),
        ({"type": "regex", "pattern": "a.b", "dot_all": True}, "a\nb", "a\nb", True),
        ({"type": "regex", "pattern": r"\d+", "full_match": True}, "12 x", "12", False),
        ({"type": "regex", "pattern": "(a)|b"}, "b", "a", False),
    ],
)
def test_the_text_scorers(
    spec: dict[str, object], output: str, target: object, right: bool
) -> None:
    verdict = build_scorer(spec).score(output, target, HERE)  # type: ignore[arg-type]

    assert verdict.value == float(right), verdict.explanation
    assert verdict.explanation.endswith(".")


def test_an_explanation_names_answer_and_target() -> None:
    verdict = build_scorer({"type": "exact"}).score("Rome", ["Paris", "Lyon"], HERE)

    assert verdict.explanation == "The answer “Rome” is not “Paris” or “Lyon”."
    assert verdict.answer == "Rome"


def test_the_place_of_the_answer_is_in_characters_of_the_output() -> None:
    verdict = build_scorer({"type": "regex", "pattern": r"n=(\d+)", "after": "ü:"}).score(
        "éé ü: n=42", "42", HERE
    )

    assert verdict.details == {"start": 8, "end": 10}


@pytest.mark.parametrize(
    ("spec", "option", "message"),
    [
        ({"type": "exakt"}, "type", "one of exact, includes, regex, numeric, multiple_choice"),
        ({}, "", "the key 'type' is missing"),
        ({"type": "exact", "marker": "x"}, "marker", "not known; did you mean 'without_marker'"),
        (
            {"type": "exact", "normalise": ["lower"]},
            "normalise",
            "one of trim, .* not 'lower'",
        ),
        ({"type": "exact", "after": [1]}, "after", "must be text, not 1"),
        ({"type": "includes", "whole_words": "yes"}, "whole_words", "must be a boolean, not 'yes'"),
        ({"type": "regex"}, "", "the key 'pattern' is missing"),
        ({"type": "regex", "pattern": "("}, "pattern", "not valid for RE2: missing"),
        ({"type": "regex", "pattern": "(?=x)"}, "pattern", "no look-around"),
        ({"type": "regex", "pattern": "x{1001}"}, "pattern", "at most 1,000 times"),
        ({"type": "regex", "pattern": "((x{900}){900}){9}"}, "pattern", "not valid for RE2"),
        (
            {"type": "regex", "pattern": "x" * 5000},
            "pattern",
            "at most 4,096 characters",
        ),
        ({"type": "regex", "pattern": "x", "group": 1}, "group", "has 0 groups"),
        ({"type": "regex", "pattern": "x", "group": "n"}, "group", "no group named"),
        ({"type": "exact", "name": ""}, "name", "up to 40 lower-case letters"),
    ],
)
def test_a_spec_at_fault_is_refused_and_the_option_named(
    spec: dict[str, object], option: str, message: str
) -> None:
    with pytest.raises(ScorerSpecError, match=message) as raised:
        build_scorer(spec)

    assert raised.value.option == option


@pytest.mark.parametrize(
    ("spec", "target"),
    [
        ({"type": "exact"}, None),
        ({"type": "exact"}, []),
        ({"type": "includes"}, " "),
        ({"type": "includes", "normalise": ["articles"]}, "the"),
        ({"type": "regex", "pattern": "x"}, None),
        ({"type": "exact"}, ""),
        ({"type": "exact", "normalise": []}, "\n"),
        ({"type": "regex", "pattern": "x"}, " "),
        ({"type": "json", "field": "a"}, ["b", ""]),
    ],
)
def test_a_target_that_no_output_or_every_output_meets_is_a_problem(
    spec: dict[str, object], target: object
) -> None:
    assert build_scorer(spec).target_problem(target, HERE)  # type: ignore[arg-type]


def test_scorers_with_the_same_entry_are_equal_and_have_a_version() -> None:
    one, other = build_scorer({"type": "exact"}), build_scorer({"type": "exact"})

    assert one == other
    assert (one.name, one.version) == ("exact", "2")
    assert build_scorer({"type": "exact", "name": "strict"}).name == "strict"


@pytest.mark.parametrize(
    ("spec", "output", "target", "value"),
    [
        # An empty text is equal to nothing, and a step leaves what it would empty.
        ({"type": "exact", "normalise": ["case", "articles"]}, "", "A", 0),
        ({"type": "exact", "normalise": ["case", "articles"]}, "The", "A", 0),
        ({"type": "exact", "normalise": ["case", "articles"]}, "a", "A", 1),
        ({"type": "exact", "normalise": ["punctuation"]}, "!!!", "?", 0),
        ({"type": "exact", "normalise": []}, "", "", 0),
        ({"type": "exact"}, " \n", " ", 0),
        ({"type": "json", "field": "a"}, '{"a": ""}', "", 0),
        ({"type": "json", "field": "a", "normalise": ["articles"]}, '{"a": "the"}', "an", 0),
        ({"type": "regex", "pattern": "x(.*)"}, "x", "", 0),
        ({"type": "includes"}, "anything", " ", 0),
        # Whole words are found where matches overlap.
        ({"type": "includes", "whole_words": True}, "x-a-a-a-", "-a-a-", 1),
        ({"type": "includes", "whole_words": True}, "1.1.1", "1.1", 1),
        ({"type": "includes", "whole_words": True}, "aaa", "aa", 0),
        ({"type": "includes", "whole_words": True}, "xab ab ab aby", "ab ab", 1),
        ({"type": "includes", "whole_words": True}, "xab ab aby", "ab ab", 0),
        # Lines end where a reader sees them end.
        ({"type": "regex", "pattern": "Answer: ([0-9]+)$"}, "Answer: 42 \r\n", "42", 1),
        ({"type": "regex", "pattern": "^[0-9]+$"}, "\n42\n", "42", 1),
        ({"type": "regex", "pattern": "[0-9]+", "full_match": True}, " 42\r\n", "42", 1),
        ({"type": "regex", "pattern": "[0-9]+", "full_match": True}, "\ufeff42\u200b", "42", 1),
        ({"type": "regex", "pattern": "[0-9]+", "full_match": True}, "42 x", "42", 0),
        ({"type": "regex", "pattern": "(?m)^a: (.*)$", "normalise": []}, "a: b\r\nc", "b", 1),
        ({"type": "regex", "pattern": "a$"}, "a\nb", "a", 0),
        ({"type": "regex", "pattern": "(?m)a$"}, "a\nb", "a", 1),
        ({"type": "regex", "pattern": "a.b"}, "a\r\nb", "a\nb", 0),
        ({"type": "regex", "pattern": "a.b", "dot_all": True}, "a\r\nb", "a\nb", 1),
    ],
)
def test_blank_texts_overlaps_and_line_ends(
    spec: dict[str, object], output: str, target: str, value: float
) -> None:
    assert build_scorer(spec).score(output, target, HERE).value == value


def test_the_place_of_a_match_is_that_in_the_output() -> None:
    output = "\ufeff one\r\ntwo\r\nn=42\r\n"

    verdict = build_scorer({"type": "regex", "pattern": "n=([0-9]+)$"}).score(output, "42", HERE)

    start, end = verdict.details["start"], verdict.details["end"]
    assert output[start:end] == "42"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("spec", "target", "warning"),
    [
        ({"type": "exact", "normalise": ["articles"]}, "The", "after the step articles"),
        ({"type": "regex", "pattern": "x", "normalise": ["punctuation"]}, "?", "punctuation"),
        ({"type": "json", "field": "a", "normalise": ["final_stop"]}, ["x", "!"], "final_stop"),
        ({"type": "exact", "normalise": ["articles"]}, "The Who", None),
        ({"type": "json", "normalise": ["articles"]}, "The", None),
    ],
)
def test_an_author_hears_of_a_target_that_a_step_would_empty(
    spec: dict[str, object], target: Any, warning: str | None
) -> None:
    scorer = build_scorer(spec)

    assert scorer.target_problem(target, HERE) is None
    assert (warning or "") in (scorer.target_warning(target, HERE) or "")
    assert (scorer.target_warning(target, HERE) is None) == (warning is None)


@given(st.text("ab ", max_size=12), st.text("ab ", min_size=1, max_size=5))
def test_whole_words_are_found_wherever_they_stand(text: str, needle: str) -> None:
    scorer = build_scorer({"type": "includes", "whole_words": True, "normalise": []})
    expected = bool(needle.strip()) and any(
        text.startswith(needle, place)
        and (place == 0 or not (text[place - 1].isalnum() and needle[0].isalnum()))
        and not (text[place + len(needle) :][:1].isalnum() and needle[-1].isalnum())
        for place in range(len(text))
    )

    assert scorer.score(text, needle, HERE).value == float(expected)


def test_overlapping_matches_are_searched_in_linear_time() -> None:
    scorer = build_scorer({"type": "includes", "whole_words": True, "normalise": []})
    started = time.process_time()

    verdict = scorer.score("-ab" * 100_000, "-ab" * 20_000 + "-a", HERE)

    assert verdict.value == 0
    assert time.process_time() - started < 20


@pytest.mark.parametrize("length", [100, 30_000])
def test_the_last_match_is_the_one_a_reader_sees_last(length: int) -> None:
    text = "n=1 " + "x" * length + " n=234 " + "y" * (length // 2)

    match = last_match(r"n=(\d+)", PLAIN, text)

    assert match.group(1) == "234"
    assert last_match("z+", PLAIN, text) is None


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "exact", "normalise": ["nfkc", "case", "punctuation", "articles", "whitespace"]},
        {"type": "includes", "whole_words": True, "normalise": ["case", "whitespace"]},
        {"type": "regex", "pattern": "x*y|x"},
        {"type": "regex", "pattern": "(x+x+)+y"},
        {"type": "regex", "pattern": r"(\w+\s?)+$", "dot_all": True},
        {"type": "numeric"},
        {"type": "numeric", "after": "x"},
    ],
)
@pytest.mark.parametrize("unit", ["x", "1", "1,234,", "xé ", "-", "1/", "the (A) "])
def test_long_texts_are_scored_in_linear_time(spec: dict[str, object], unit: str) -> None:
    scorer = build_scorer(spec)

    assert growth(lambda text: scorer.score(text, "18", HERE), unit) < 40


def test_a_pattern_is_compiled_once() -> None:
    assert compile_pattern("a+") is compile_pattern("a+")
    with pytest.raises(PatternError):
        compile_pattern("(")


@pytest.mark.parametrize(
    "unit",
    [
        "1,23,",
        "1.234.",
        "1 234 ",
        "\\frac{1",
        "2\\sqrt{",
        "1^",
        "a**2",
        "1 1/2 ",
        "\\boxed{",
        "½",
        "3 to ",
        "3 x or ",
        "(3, ",
        "between 3 ",
        "3-",
        "3-5",
        "1 million ",
        "3,5",
        "$1k",
    ],
)
def test_unfinished_numbers_are_scored_in_linear_time(unit: str) -> None:
    scorer = build_scorer({"type": "numeric"})

    assert growth(lambda text: scorer.score(text, "18", HERE), unit) < 40


@pytest.mark.parametrize(
    ("options", "output", "target", "words"),
    [
        ({}, "It is paris, no: Paris.", "Paris", "Paris"),
        ({"normalise": ["case"]}, "It is paris.", "Paris", "paris"),
        ({"whole_words": True}, "Parisian Paris.", "Paris", "Paris"),
        ({"after": ["Answer:"]}, "Paris? Answer: Paris", "Paris", "Paris"),
        ({"normalise": ["whitespace"]}, "New   York", "New York", None),
    ],
)
def test_includes_tells_which_words_of_the_output_were_taken(
    options: dict[str, Any], output: str, target: str, words: str | None
) -> None:
    verdict = build_scorer({"type": "includes", **options}).score(output, target, HERE)

    assert verdict.value == 1
    if words is None:
        assert verdict.details == {}
    else:
        start = verdict.details["start"]
        assert output[start : verdict.details["end"]] == words
        assert start == output.rindex(words)
