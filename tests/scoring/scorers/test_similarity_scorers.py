"""Scorers of nearness and of sets, against values of papers and brute force."""

import math
import re
import string
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.scorers import ScorerContext, build_scorer
from plumbmark.scoring.scorers.rouge_l import count_common
from plumbmark.scoring.scorers.similarity import MAX_ANSWER, MAX_TARGET

HERE = ScorerContext()
WORDS = ["the", "a", "cat", "dog", "sat,", "mat.", "Is", "on"]
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1).map(" ".join)


def value_of(entry: dict[str, Any], output: str, target: Any) -> float:
    value = build_scorer(entry).score(output, target, HERE).value
    assert value is not None
    return value


def longest_common(one: list[str], other: list[str]) -> int:
    """Return the textbook's table."""
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, a in enumerate(one, 1):
        for j, b in enumerate(other, 1):
            table[i][j] = (
                table[i - 1][j - 1] + 1 if a == b else max(table[i - 1][j], table[i][j - 1])
            )
    return table[-1][-1]


def distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


def squad_f1(prediction: str, truth: str) -> float:
    """`f1_score` of evaluate-v1.1.py, with the rule of 2.0 for texts of which nothing is left."""

    def normalize(text: str) -> list[str]:
        text = "".join(one for one in text.lower() if one not in set(string.punctuation))
        return re.sub(r"\b(a|an|the)\b", " ", text).split()

    predicted, wanted = normalize(prediction), normalize(truth)
    if not predicted or not wanted:
        return float(predicted == wanted)
    same = sum((Counter(predicted) & Counter(wanted)).values())
    if same == 0:
        return 0
    precision, recall = same / len(predicted), same / len(wanted)
    return 2 * precision * recall / (precision + recall)


def grams(tokens: list[str] | str, n: int) -> Counter[Any]:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def bleu_by_hand(answer: list[str], targets: list[list[str]]) -> float:
    """Return Papineni's BLEU; exponential smoothing and effective order for short sentences."""
    logs, smooth = [], 1.0
    for n in range(1, 5):
        found = grams(answer, n)
        if not found:
            break
        most: Counter[Any] = Counter()
        for one in targets:
            most |= grams(one, n)
        correct, total = (found & most).total(), found.total()
        if n == 1 and not correct:
            return 0.0
        if not correct:
            smooth *= 2
        logs.append(math.log(correct / total if correct else 1 / (smooth * total)))
    nearest = min((abs(len(one) - len(answer)), len(one)) for one in targets)[1]
    penalty = min(1.0, math.exp(1 - nearest / len(answer)))
    return penalty * math.exp(sum(logs) / len(logs))


def chrf_by_hand(answer: str, target: str) -> float:
    """Return Popović's chrF: mean precision and recall over orders that both have, F with beta
    2.
    """
    one, other = "".join(answer.split()), "".join(target.split())
    precisions, recalls = [], []
    for n in range(1, 7):
        found, wanted = grams(one, n), grams(other, n)
        if found and wanted:
            shared = (found & wanted).total()
            precisions.append(shared / found.total())
            recalls.append(shared / wanted.total())
    if not precisions:
        return 0.0
    p, r = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    return 5 * p * r / (4 * p + r) if p + r else 0.0


@given(SENTENCES, SENTENCES)
def test_token_f1_is_that_of_squad(answer: str, target: str) -> None:
    assert value_of({"type": "token_f1"}, answer, target) == pytest.approx(squad_f1(answer, target))


def test_token_f1_takes_the_best_target_and_counts_characters_on_demand() -> None:
    assert value_of({"type": "token_f1"}, "The Eiffel Tower!", ["Paris", "eiffel tower"]) == 1
    assert value_of({"type": "token_f1"}, "東京都です", "東京都") == 0
    # Three of five and of three characters: 2 × 3 / 8.
    by_characters = {"type": "token_f1", "tokens": "characters"}
    assert value_of(by_characters, "東京都です", "東京都") == 0.75


@pytest.mark.parametrize(
    ("answer", "f1"),
    [("police kill the gunman", 3 / 4), ("the gunman kill police", 2 / 4)],
)
def test_rouge_l_of_lins_example(answer: str, f1: float) -> None:
    assert value_of({"type": "rouge_l"}, answer, "Police killed the gunman.") == f1


def test_rouge_l_has_precision_and_recall() -> None:
    answer, target = "w1 w2 w6 w8 w9", "w1 w2 w3 w4 w5"
    found = {
        one: value_of({"type": "rouge_l", "measure": one}, answer + " x x x x x", target)
        for one in ("precision", "recall", "f1")
    }
    assert found == {"precision": 0.2, "recall": 0.4, "f1": pytest.approx(4 / 15)}


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_common_subsequences_are_as_long_as_in_the_table(one: list[str], other: list[str]) -> None:
    assert count_common(one, other) == longest_common(one, other)


@given(st.text("abc ", min_size=1), st.text("abc ", min_size=1))
def test_edit_distance_is_levenshteins(one: str, other: str) -> None:
    entry = {"type": "edit_distance", "normalise": []}
    if not one.strip() or not other.strip():
        return
    expected = 1 - distance(one, other) / max(len(one), len(other))
    assert value_of(entry, one, other) == pytest.approx(expected)


def test_edit_distance_of_words_and_after_normalisation() -> None:
    # The textbook's: kitten and sitting are three edits apart.
    assert value_of({"type": "edit_distance"}, "kitten", "sitting") == pytest.approx(4 / 7)
    words = {"type": "edit_distance", "tokens": "words", "normalise": ["case"]}
    assert value_of(words, "A B c d", "a b x d") == 0.75


@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=12),
    st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=12), min_size=1, max_size=3),
)
def test_bleu_is_papinenis(answer: list[str], targets: list[list[str]]) -> None:
    found = value_of(
        {"type": "bleu", "tokenize": "none"}, " ".join(answer), [" ".join(one) for one in targets]
    )
    assert found == pytest.approx(bleu_by_hand(answer, targets), abs=1e-9)


@given(SENTENCES, SENTENCES)
def test_chrf_is_popovics(answer: str, target: str) -> None:
    found = value_of({"type": "chrf"}, answer, target)
    assert found == pytest.approx(chrf_by_hand(answer, target), abs=1e-9)


@pytest.mark.parametrize("kind", ["token_f1", "rouge_l", "edit_distance", "bleu", "chrf"])
@given(answer=st.text(max_size=60), target=st.text(min_size=1, max_size=60))
def test_every_similarity_is_a_share_and_one_for_equal_texts(
    kind: str, answer: str, target: str
) -> None:
    scorer = build_scorer({"type": kind})
    if scorer.target_problem(target, HERE):
        return
    verdict = scorer.score(answer, target, HERE)
    assert verdict.value is not None
    assert 0 <= verdict.value <= 1
    assert verdict == scorer.score(answer, target, HERE)


@pytest.mark.parametrize("kind", ["token_f1", "rouge_l", "edit_distance", "bleu", "chrf"])
def test_equal_texts_score_one_and_empty_ones_zero(kind: str) -> None:
    text = "The quick brown fox jumps over the lazy dog."
    assert value_of({"type": kind}, text, text) == 1
    assert value_of({"type": kind}, " \n", text) == 0
    assert value_of({"type": kind}, "x" * (MAX_ANSWER + 1), text) == 0
    scorer = build_scorer({"type": kind, "after": "Answer:"})
    assert scorer.score("no mark", text, HERE).value == 0
    assert scorer.score(f"So. Answer:{text}", text, HERE).value == 1
    assert "no target" in (scorer.target_problem(None, HERE) or "")
    assert "empty" in (scorer.target_problem(["a", " "], HERE) or "")
    assert "20,001 characters" in (scorer.target_problem("x" * (MAX_TARGET + 1), HERE) or "")


@pytest.mark.parametrize(
    ("options", "output", "target", "value"),
    [
        ({}, "red, Green; blue", ["blue", "red", "green"], 1),
        ({}, "- red\n- green\n- blue.", "red, green, blue", 1),
        ({}, "1. red\n2. green", ["red", "green"], 1),
        ({}, '["red", "green, blue"]', ["red", "green, blue"], 1),
        ({}, "{1, 2, 3}", [3, 2, 1], 1),
        ({}, "[1, 2]", [1, 2.0], 1),
        ({}, "red, red, green", ["red", "green"], 1),
        ({}, "red", ["red", "green"], 0),
        ({}, "red, green, blue", ["red", "green"], 0),
        ({"credit": "f1"}, "red, green, blue", ["red", "green"], 0.8),
        ({"credit": "jaccard"}, "red, blue", ["red", "green"], 1 / 3),
        ({"separators": ["|"]}, "a, b|c", ["c", "a, b"], 1),
        ({"after": "Answer:"}, "red. Answer: green", "green", 1),
        ({}, "", "green", 0),
    ],
)
def test_set_match(options: dict[str, Any], output: str, target: Any, value: float) -> None:
    assert value_of({"type": "set_match", **options}, output, target) == pytest.approx(value)


def test_set_match_names_missing_and_extra_elements() -> None:
    verdict = build_scorer({"type": "set_match"}).score("Red, black", ["red", "green"], HERE)
    assert verdict.explanation == (
        "1 of 2 elements are there; missing: “green”; not in the target: “black”."
    )
    assert verdict.answer == "Red, black"
