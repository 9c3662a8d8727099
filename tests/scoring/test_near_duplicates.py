"""Near-duplicates against a comparison of all pairs."""

import random

import pytest

from plumbmark.scoring.near_duplicates import (
    MAX_TEXTS,
    SIMILARITY,
    find_near_duplicates,
    shingles_of,
    similarity,
)

WORDS = [f"word{number}" for number in range(400)]


def texts_with_copies(seed: int) -> list[str]:
    chance = random.Random(seed)
    texts = [" ".join(chance.choices(WORDS, k=40)) for _ in range(150)]
    for original in texts[:30]:
        words = original.split()
        words[chance.randrange(40)] = "changed"
        texts.append(" ".join(words))
    chance.shuffle(texts)
    return texts


@pytest.mark.parametrize("seed", range(5))
def test_the_pairs_are_those_of_a_comparison_of_all(seed: int) -> None:
    texts = texts_with_copies(seed)
    words = [text.split() for text in texts]
    runs = [{tuple(found[at : at + 3]) for at in range(38)} for found in words]
    expected = set()
    for second in range(len(texts)):
        for first in range(second):
            one, other = runs[first], runs[second]
            if len(one & other) / len(one | other) >= SIMILARITY:
                expected.add((first, second))
    found = find_near_duplicates(texts)
    assert len(expected) >= 28
    assert {(pair.first, pair.second) for pair in found} == expected
    assert all(pair.similarity >= SIMILARITY for pair in found)


def test_case_space_and_punctuation_do_not_count() -> None:
    found = find_near_duplicates(
        ["How many  apples are left?", "other", "how many apples are LEFT"]
    )
    assert [(pair.first, pair.second, pair.similarity) for pair in found] == [(0, 2, 1.0)]


def test_another_number_in_a_short_question_is_another_question() -> None:
    assert find_near_duplicates(["What is 3+4?", "What is 3+5?", "", "!"]) == []


def test_a_family_of_equal_texts_takes_no_square_of_work() -> None:
    found = find_near_duplicates(["the very same question again"] * 3000)
    assert 2999 <= len(found) <= 3000 * 4
    named = {pair.first for pair in found} | {pair.second for pair in found}
    assert len(named) == 3000


def test_the_similarity_is_the_jaccard_index() -> None:
    assert similarity(shingles_of("a b c d"), shingles_of("a b c e")) == pytest.approx(1 / 3)
    assert similarity(frozenset(), frozenset()) == 0


def test_too_many_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="more than"):
        find_near_duplicates([""] * (MAX_TEXTS + 1))
