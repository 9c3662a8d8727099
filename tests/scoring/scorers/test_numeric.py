"""The numeric scorer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.scorers import (
    ScorerContext,
    ScorerSpecError,
    build_scorer,
)

HERE = ScorerContext("item")


@pytest.mark.parametrize(
    ("options", "output", "target", "right"),
    [
        ({}, "16 - 3 - 4 = 9 eggs, so 9 * 2 = $18.", "18", True),
        ({}, "The total is 1,234,567 people", 1234567, True),
        ({}, "12,34", "12.34", True),
        ({}, "0.1", 0.1, True),
        ({}, "18.0", "18", True),
        ({}, ".5", "0.5", True),
        ({}, "It costs -$5", "-5", True),
        ({}, "It costs $-5", "-5", True),
        ({}, "from −7", "-7", True),
        ({}, "10-5", "5", True),
        ({}, "10 - 5", "5", True),
        ({}, "x = -5", "-5", True),
        ({}, "- 5 apples", "5", True),
        ({}, "1.5e3", "1500", True),
        ({}, "6.02E+23", "6.02e23", True),
        ({}, "50%", "50", True),
        ({"percent": "hundredth"}, "50 %", "0.5", True),
        ({"percent": "hundredth"}, "0.5", "50%", True),
        ({}, "3/4", "0.75", True),
        ({}, "It is 3/4.", "0.75", True),
        ({}, "1/3", "1/3", True),
        ({"fractions": False}, "3/4", "4", True),
        ({}, "on 3/4/2024", "2024", True),
        ({}, "version 3.14.15", "15", True),
        ({}, "٣٤", "34", True),
        ({}, "１，０００", "1000", True),
        ({}, "no number", "1", False),
        ({}, "", "1", False),
        ({"take": "first"}, "first 3 then 4", "3", True),
        ({"after": "####"}, "1 #### 2", "2", True),
        ({"after": "####"}, "#### 1 #### 2, 3", "3", True),
        ({"after": "####"}, "#### 1 #### 2 or 3", "3", False),
        ({}, "3,5", "3.5", True),
        ({}, "3,14159", "3.14159", True),
        ({}, "1, 2,5", "2.5", True),
        ({"decimal_sign": "comma"}, "3.5", "3,5", True),
        ({}, "3 to 5", "5", False),
        ({}, "between $3 and $5", "5", False),
        ({}, "3–5 days", "5", False),
        ({"take": "first"}, "10-5", "10", True),
        ({}, "5-10 = -5", "-5", True),
        ({}, "from 3 to 5", "5", True),
        ({}, r"\boxed{5, 7}", "7", False),
        ({}, r"\boxed{5 \text{ or } 7}", "7", False),
        ({}, r"\boxed{5 + 2 = 7}", "7", True),
        ({}, "a ratio of 3:4", "4", False),
        ({}, "log 2", "2", False),
        ({}, r"\sin(30)", "30", False),
        ({}, "minus 5", "-5", True),
        ({}, "10 minus 5", "5", True),
        ({}, "The point is (3, 5)", "5", False),
        ({}, "1.5 million", "1500000", True),
        ({}, "1.5 million", "1.5", True),
        ({}, "1.5 million", "1.5 million", True),
        ({}, "1.5 million", "1500", False),
        ({}, "2 Milliarden", "2e9", True),
        ({}, "3万", "30000", True),
        ({}, "$3M", "3000000", True),
        ({}, "3M", "3000000", False),
        ({}, "250k", "250000", True),
        ({}, "5 km", "5000", False),
        ({}, "1.5 million%", "1500000", True),
        ({"after": ["A:", "Answer:"]}, "A: 1\nAnswer: 2", "2", True),
        ({"after": "####"}, "2", "2", False),
        ({"after": "####", "without_marker": "anywhere"}, "2", "2", True),
        ({"absolute_tolerance": "0.1"}, "1.1", "1.0", True),
        ({"absolute_tolerance": 0.1}, "1.3", "1.2", True),
        ({"absolute_tolerance": "0.1"}, "1.1000000000000000001", "1.0", False),
        ({"relative_tolerance": 0.01}, "101", "100", True),
        ({"relative_tolerance": 0.01}, "-99", "-100", True),
        ({"relative_tolerance": 0.01}, "102", "100", False),
        ({}, "5", ["4", 5], True),
        ({"decimal_sign": "comma"}, "1.234,5", "1234,5", True),
        ({"thousands_separator": "space"}, "1 234", "1234", True),
        ({"thousands_separator": "none"}, "1,234", "234", True),
        ({}, "1" * 900, "1" * 900, True),
        ({}, "1" * 1001, "1", False),
        ({}, "1e99999999999", "1", False),
        ({}, "1e99999", "1", False),
        ({}, "5/0", "1", False),
        ({}, "NaN Infinity", "1", False),
        ({}, r"\boxed{2{,}750}", 2750, True),
        ({}, r"The sum is $2{,}750$.", 2750, True),
        ({}, r"\boxed{15\,000}", 15000, True),
        ({}, r"\boxed{\frac{5}{8}}", 0.625, True),
        ({}, r"\boxed{\frac{5}{8}}", 8, False),
        ({}, r"$y = -\dfrac{5}{8}$", -0.625, True),
        ({"fractions": False}, r"\frac{5}{8}", 8, False),
        ({"fractions": False}, "½", 0.5, False),
        ({}, r"3.5 \times 10^{4}", 35000, True),
        ({}, "about 3.5 × 10^-4", 0.00035, True),
        ({}, "2 3/8", 2.375, True),
        ({}, "2⅜", 2.375, True),
        ({}, r"\boxed{7}, since 9 - 2 = 7 and 2 are gone, not 3", 7, True),
        ({"take": "first"}, r"3 is no answer: \boxed{7}", 3, True),
        ({}, r"\boxed{\text{none of 5}}", 5, True),
        ({}, r"so 5, or \boxed{\text{none}}", 5, False),
        ({}, r"\boxed{7", 7, True),
        ({"decimal_sign": "comma"}, "1{,}5", "1,5", True),
        ({"decimal_sign": "comma"}, "1,234.50", "1234,5", True),
        ({"thousands_separator": "none"}, "12 500", 500, True),
        ({"thousands_separator": "none"}, r"12\,500", 12500, True),
        ({"percent": "hundredth"}, r"35\%", "0.35", True),
        ({"percent": "hundredth"}, "%35", "0.35", True),
        ({"percent": "hundredth"}, "35 percent", "0.35", True),
        ({}, "10^999999", "1", False),
        ({}, "9999^9999", "1", False),
        ({}, "0^-1", "0", False),
        ({}, "30 cm^2", 30, True),
        ({}, "H2O", 2, False),
        ({}, "in Q3", 3, False),
    ],
)
def test_the_numeric_scorer(
    options: dict[str, object], output: str, target: object, right: bool
) -> None:
    scorer = build_scorer({"type": "numeric", **options})

    assert scorer.target_problem(target, HERE) is None  # type: ignore[arg-type]
    verdict = scorer.score(output, target, HERE)  # type: ignore[arg-type]
    assert verdict.value == float(right), verdict.explanation


@pytest.mark.parametrize(
    ("options", "output", "explanation"),
    [
        ({}, "so 9 * 2 = $18.", "The last number of the output is “$18”; the target is 17."),
        (
            {"after": "####"},
            "#### 17.0",
            "The last number after “####” is “17.0”, which equals the target 17.",
        ),
        (
            {"absolute_tolerance": 1},
            "16.5",
            "The last number of the output is “16.5”, within the tolerance of the target 17.",
        ),
        ({"after": "A:"}, "17", "The output holds no “A:”, after which the answer is looked for."),
        ({"after": "A:"}, "A: none", "There is no number after “A:”."),
        ({}, "1/0", "The last number of the output is “1/0”, but it divides by zero."),
        (
            {},
            "7" * 2000,
            f"The last number of the output is “{'7' * 40}…”, but it has 2,000 characters, and "
            "1,000 are read.",
        ),
    ],
)
def test_the_explanation_says_which_number_was_found_where(
    options: dict[str, object], output: str, explanation: str
) -> None:
    verdict = build_scorer({"type": "numeric", **options}).score(output, "17", HERE)

    assert verdict.explanation == explanation


def test_the_place_of_the_number_is_given() -> None:
    output = "x #### then 42!"

    verdict = build_scorer({"type": "numeric", "after": "####"}).score(output, "42", HERE)

    assert verdict.details["number"] == "42"
    start, end = verdict.details["start"], verdict.details["end"]
    assert isinstance(start, int)
    assert isinstance(end, int)
    assert output[start:end] == "42"


@pytest.mark.parametrize(
    "target", [None, [], "eighteen", "18 dollars", "1 2", True, "", "9" * 3000]
)
def test_a_target_that_is_no_number_is_a_problem(target: object) -> None:
    scorer = build_scorer({"type": "numeric"})

    assert scorer.target_problem(target, HERE)  # type: ignore[arg-type]


def test_a_target_that_slipped_through_is_an_error_and_not_a_wrong_answer() -> None:
    with pytest.raises(ValueError, match="no number"):
        build_scorer({"type": "numeric"}).score("1", "one", HERE)


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"absolute_tolerance": -1}, "absolute_tolerance"),
        ({"absolute_tolerance": "small"}, "absolute_tolerance"),
        ({"relative_tolerance": float("nan")}, "relative_tolerance"),
        ({"take": "middle"}, "take"),
        ({"decimal_sign": "comma", "thousands_separator": "comma"}, "thousands_separator"),
        ({"tolerance": 1}, "tolerance"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], option: str) -> None:
    with pytest.raises(ScorerSpecError) as raised:
        build_scorer({"type": "numeric", **options})

    assert raised.value.option == option


@given(st.decimals(-(10**9), 10**9, allow_nan=False, places=4), st.text("ab \n.", max_size=20))
def test_any_number_is_found_where_it_stands(number: object, before: str) -> None:
    scorer = build_scorer({"type": "numeric"})

    verdict = scorer.score(f"{before.rstrip('.')} {number}", f"{number}", HERE)

    assert verdict.value == 1


@given(st.text(), st.sampled_from(["0", "-3", "1.5"]))
def test_no_text_makes_the_scorer_fail(output: str, target: str) -> None:
    scorer = build_scorer({"type": "numeric"})

    assert scorer.score(output, target, HERE).value in (0, 1)


@given(st.text("0123456789,./-+$% eE٣−^{}\\½²×frac_'", max_size=40))
def test_no_text_of_signs_and_digits_makes_the_scorer_fail(output: str) -> None:
    for take in ("first", "last"):
        verdict = build_scorer({"type": "numeric", "take": take}).score(output, "1", HERE)
        assert verdict.value in (0, 1)
