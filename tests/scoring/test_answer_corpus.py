"""Answers in the forms that models write are read as a careful person reads them.

`answer_corpus` grew with the readers; `held_out_corpus` was written before they were tried on it.
The figures are in docs/design/answer-reading.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pytest

from plumbmark.scoring.code_blocks import take_code
from plumbmark.scoring.judge_replies import read_grade, read_word
from plumbmark.scoring.scorers import ScorerContext, build_scorer
from tests.scoring import answer_corpus, held_out_corpus
from tests.scoring.answer_corpus import OPTIONS

MIN_RIGHT = 0.97
MAX_FALSE_POSITIVES = 0.01
LABEL = "VERDICT-MARK"


@dataclass(frozen=True)
class Corpus:
    """Outputs with what is to be read, and how they are read. Equal readings are equal texts."""

    cases: Sequence[tuple[str, str | float | None]]
    read: Callable[[str], str | float | None]
    at_least: int


def read_number(output: str) -> str | None:
    verdict = build_scorer({"type": "numeric"}).score(output, "987654321", ScorerContext())
    number = verdict.details.get("number")
    return None if number is None else normal(str(number))


def normal(number: str | None) -> str | None:
    """Return a number so that equal ones have equal texts, up to twelve digits."""
    return None if number is None else f"{float(Decimal(number)):.12g}"


def read_choice(output: str) -> str | None:
    scorer = build_scorer({"type": "multiple_choice"})
    return scorer.score(output, "A", ScorerContext("item", OPTIONS)).answer


def read_json(output: str) -> str | None:
    return build_scorer({"type": "json", "field": "v"}).score(output, "?", ScorerContext()).answer


CORPORA = {
    "numeric": Corpus(
        [
            (output, normal(wanted))
            for output, wanted in (
                *answer_corpus.NUMBERS,
                *held_out_corpus.NUMBERS,
                *held_out_corpus.MORE_NUMBERS,
                *held_out_corpus.THIRD_NUMBERS,
            )
        ],
        read_number,
        at_least=350,
    ),
    "multiple choice": Corpus(
        (
            *answer_corpus.CHOICES,
            *held_out_corpus.CHOICES,
            *held_out_corpus.MORE_CHOICES,
            *held_out_corpus.THIRD_CHOICES,
        ),
        read_choice,
        at_least=415,
    ),
    "json": Corpus(held_out_corpus.JSON_ANSWERS, read_json, at_least=30),
    "code": Corpus(
        held_out_corpus.CODE, lambda output: take_code(output).code.strip(), at_least=19
    ),
    "verdicts": Corpus(
        held_out_corpus.VERDICTS, lambda reply: read_word(reply, LABEL), at_least=31
    ),
    "grades": Corpus(
        held_out_corpus.GRADES, lambda reply: read_grade(reply, LABEL, 1, 10), at_least=32
    ),
}


@pytest.mark.parametrize("name", CORPORA)
def test_answers_are_read_as_a_careful_person_reads_them(name: str) -> None:
    corpus = CORPORA[name]
    readings = [(output, wanted, corpus.read(output)) for output, wanted in corpus.cases]
    wrong = [reading for reading in readings if reading[1] != reading[2]]
    # Read though nothing should be, or read as something else.
    false_positives = [reading for reading in wrong if reading[2] is not None]

    assert len(readings) >= corpus.at_least
    assert len(wrong) <= (1 - MIN_RIGHT) * len(readings), wrong
    assert len(false_positives) <= MAX_FALSE_POSITIVES * len(readings), false_positives


def test_texts_are_compared_as_a_careful_person_compares_them() -> None:
    wrong = [
        (spec, target, output)
        for spec, target, output, is_right in held_out_corpus.TEXTS
        if build_scorer(spec).score(output, target, ScorerContext("i")).value != float(is_right)
    ]

    assert len(held_out_corpus.TEXTS) >= 24
    assert not wrong


@pytest.mark.parametrize(
    ("output", "wanted"),
    [
        (output, wanted)
        for output, wanted in CORPORA["numeric"].cases
        if isinstance(wanted, str) and read_number(output) == wanted
    ],
)
def test_the_number_that_was_read_is_right_for_its_target(output: str, wanted: str) -> None:
    verdict = build_scorer({"type": "numeric"}).score(output, wanted, ScorerContext())

    start, end = verdict.details["start"], verdict.details["end"]
    assert isinstance(start, int)
    assert isinstance(end, int)
    assert verdict.answer is not None
    assert output[start:end].strip() == verdict.answer
