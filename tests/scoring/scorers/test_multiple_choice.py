"""The multiple-choice scorer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.scorers import (
    ScorerContext,
    ScorerSpecError,
    build_scorer,
)
from plumbmark.scoring.shuffling import LETTERS, choice_order
from tests.growth import growth

CITIES = ("London", "Paris", "Rome", "New York")
HERE = ScorerContext("item", CITIES)
SCORER = build_scorer({"type": "multiple_choice"})


@pytest.mark.parametrize(
    "output",
    [
        "B",
        "b",
        " (B) ",
        "**B**",
        "`B`.",
        "B.",
        "B. Paris",
        "B) Paris",
        "(B) Paris is the capital of France.",
        "**B.** Paris",
        "The answer is (B).",
        "The answer is B",
        "The answer is **B**.",
        "the correct answer is option B, because of France",
        "The answer is B because Paris is the capital.",
        "Answer: B",
        "answer = B",
        "ANSWER: **B**",
        "Option A is wrong. Option C is wrong. The answer is B.",
        "First I thought the answer is A. But the answer is B.",
        r"So \boxed{B}",
        r"So $\boxed{\text{(B)}}$",
        "It is not London.\n\nB",
        "London is wrong, as is Rome.\n(B) Paris",
        "Paris",
        "paris.",
        "It must be Paris.",
        "London and Rome are wrong.\nSo it is Paris.",
        "Considering all, (B).",
        "**Answer:** B",
        "__Final answer:__ (B).",
        "ANSWER: $B$",
        "Answer: $B",
        r"The answer is $\mathbf{B}$.",
        r"So \boxed{\textbf{B}}",
        "Answer: B\n\nOption C is too far south.",
        "The answer is B. The others: option A is wet, option D is far.",
        "I choose answer B. Choice D looks close.",
        "A. London\nB. Paris\nC. Rome\nD. New York\n\nOnly France fits, so it is B.",
        "Answer: I think it is B",
        "Answer: It is not C, the answer is B",
        "Ответ: \u0412",
        "答案：\uff22",
        "答えはBです。",
        "Let's go with B.",
        "B fits best.",
        "Result: B",
        "Verdict: option B",
        "Of A and B, B is correct.",
        "The answer would be C if it rained; it does not, so the answer is B.",
        "Answer: B if I had to guess",
        "Antwort: b",
    ],
)
def test_the_chosen_option_is_found(output: str) -> None:
    verdict = SCORER.score(output, "B", HERE)

    assert (verdict.answer, verdict.value) == ("B", 1.0), verdict.explanation


@pytest.mark.parametrize(
    "output",
    [
        "",
        "I cannot say.",
        "London or Paris",
        "Either (A) or (B).",
        "Z",
        "A good question!",
        "?" * 50,
        "(A) or (B)",
        "The answer is B or C.",
        "B) or C), I cannot tell.",
        "The options are:\nA. London\nB. Paris\nC. Rome\nD. New York",
        "Answer: None of the above",
        "It is not Paris.",
        "The answer is not B.",
        "(B) is wrong.",
    ],
)
def test_without_a_choice_the_answer_is_wrong_and_not_unscored(output: str) -> None:
    verdict = SCORER.score(output, "B", HERE)

    assert (verdict.answer, verdict.value) == (None, 0.0), verdict.explanation
    assert verdict.explanation == "No option could be made out; the right one is B."


def test_an_article_is_no_option() -> None:
    verdict = SCORER.score("The answer is A city on the Seine: Paris", "B", HERE)

    assert verdict.answer == "B"


def test_a_longer_option_hides_the_shorter_one_within_it() -> None:
    here = ScorerContext("item", ("York", "New York"))

    assert SCORER.score("I think New York", "B", here).value == 1


@pytest.mark.parametrize(
    ("target_is", "target"),
    [
        ("auto", "B"),
        ("auto", "b"),
        ("auto", "(B)"),
        ("auto", 1),
        ("auto", "Paris"),
        ("auto", ["B", "C"]),
        ("letter", "B"),
        ("index", 1),
        ("index", "1"),
        ("number", 2),
        ("number", "2"),
        ("text", "Paris"),
    ],
)
def test_targets_name_the_right_option_in_many_ways(target_is: str, target: object) -> None:
    scorer = build_scorer({"type": "multiple_choice", "target_is": target_is})

    assert scorer.target_problem(target, HERE) is None  # type: ignore[arg-type]
    assert scorer.score("B", target, HERE).value == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "choices", "message"),
    [
        ("E", CITIES, "names none of the 4 options"),
        (4, CITIES, "names none"),
        ("2", CITIES, "names none"),
        (True, CITIES, "names none"),
        (None, CITIES, "no target"),
        ("B", ("only",), "at least two options"),
        ("B", ("B", "A"), "two ways"),
        (1, ("1", "2"), "two ways"),
        ("same", ("same", "same"), "names none"),
    ],
)
def test_a_target_that_names_no_option_is_a_problem(
    target: object, choices: tuple[str, ...], message: str
) -> None:
    problem = SCORER.target_problem(target, ScorerContext("item", choices))  # type: ignore[arg-type]

    assert problem is not None
    assert message in problem


def test_blood_groups_are_read_as_declared() -> None:
    here = ScorerContext("item", ("B", "A", "AB", "0"))
    scorer = build_scorer({"type": "multiple_choice", "target_is": "text"})

    assert scorer.score("The answer is A", "B", here).value == 1


@given(st.integers(0, 99), st.text("abc", min_size=1), st.integers(0, 3))
def test_letters_follow_the_order_shown(seed: int, key: str, right: int) -> None:
    here = ScorerContext(key, CITIES, seed)
    letter = LETTERS[choice_order(4, seed, key).index(right)]

    assert SCORER.score(f"The answer is {letter}.", right, here).value == 1
    assert SCORER.score(CITIES[right], right, here).value == 1


@given(st.text())
def test_no_text_makes_the_scorer_fail(output: str) -> None:
    assert SCORER.score(output, "B", HERE).value in (0, 1)


def test_a_target_that_slipped_through_is_an_error_and_not_a_wrong_answer() -> None:
    with pytest.raises(ScorerSpecError):
        SCORER.score("B", "E", HERE)


def test_option_texts_can_be_left_aside() -> None:
    strict = build_scorer({"type": "multiple_choice", "accept_text": False})

    assert strict.score("It must be Paris.", "B", HERE).value == 0


@pytest.mark.parametrize("unit", ["answer ", "A or ", "A. x\n", "(A) ", "\\boxed{", "\u0412 ", " "])
def test_long_texts_are_scored_in_linear_time(unit: str) -> None:
    assert growth(lambda text: SCORER.score(text, "B", HERE), unit) < 40


@pytest.mark.parametrize(
    ("labels", "output", "letter"),
    [
        (["Odgovor"], "Odgovor: B", "B"),
        (["Odgovor"], "**odgovor** je: b. C nije.", None),
        (["Odgovor je"], "**Odgovor je** (B). Opcija C nije.", "B"),
        (["คำตอบคือ"], "ดังนั้นคำตอบคือ B", "B"),
        (["pick*"], "pick* C", "C"),
        (["my (final) pick"], "My (final)\npick: D", "D"),
        ([], "Odgovor: B", None),
    ],
)
def test_an_author_adds_words_that_introduce_an_answer(
    labels: list[str], output: str, letter: str | None
) -> None:
    scorer = build_scorer({"type": "multiple_choice", "labels": labels})

    assert scorer.score(output, "A", HERE).answer == letter


def test_labels_are_words_and_without_any_the_hash_is_as_before() -> None:
    with pytest.raises(ScorerSpecError, match="has no word in it") as raised:
        build_scorer({"type": "multiple_choice", "labels": [" "]})

    assert raised.value.option == "labels"
    assert "labels" not in SCORER.options
    labelled = build_scorer({"type": "multiple_choice", "labels": ["Odgovor"]})
    assert labelled.options["labels"] == ["Odgovor"]


def test_the_explanation_says_which_words_were_taken() -> None:
    verdict = SCORER.score("Well, the answer is **B**, of course.", "A", HERE)

    assert "“answer is **B”: B; the right one is A" in verdict.explanation
