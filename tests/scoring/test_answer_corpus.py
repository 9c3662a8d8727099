"""Answers in the forms that models write are read as a careful person reads them."""

from decimal import Decimal

import pytest

from plumbmark.scoring.scorers import ScorerContext, build_scorer
from tests.scoring.answer_corpus import CHOICES, NUMBERS, OPTIONS

MIN_RIGHT = 0.97
MAX_FALSE_POSITIVES = 0.01


def read_number(output: str) -> str | None:
    verdict = build_scorer({"type": "numeric"}).score(output, "987654321", ScorerContext())
    number = verdict.details.get("number")
    return None if number is None else str(number)


def same_number(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return one is other
    return Decimal(one) == Decimal(other)


def assert_rates(readings: list[tuple[str, str | None, bool]]) -> None:
    """Hold the rates of what was read right, and of what was read though a person would not."""
    wrong = [(output, found) for output, found, is_right in readings if not is_right]
    false_positives = [(output, found) for output, found in wrong if found is not None]

    assert len(wrong) <= (1 - MIN_RIGHT) * len(readings), wrong
    assert len(false_positives) <= MAX_FALSE_POSITIVES * len(readings), false_positives


def test_numbers_are_read_as_a_careful_person_reads_them() -> None:
    readings = []
    for output, wanted in NUMBERS:
        found = read_number(output)
        readings.append((output, found, same_number(found, wanted)))

    assert len(NUMBERS) >= 100
    assert_rates(readings)


def test_choices_are_read_as_a_careful_person_reads_them() -> None:
    scorer = build_scorer({"type": "multiple_choice"})
    here = ScorerContext("item", OPTIONS)
    readings = []
    for output, wanted in CHOICES:
        found = scorer.score(output, "A", here).answer
        readings.append((output, found, found == wanted))

    assert len(CHOICES) >= 100
    assert_rates(readings)


@pytest.mark.parametrize(("output", "wanted"), [one for one in NUMBERS if one[1] is not None])
def test_the_number_that_was_read_is_right_for_its_target(output: str, wanted: str) -> None:
    verdict = build_scorer({"type": "numeric"}).score(output, wanted, ScorerContext())

    start, end = verdict.details["start"], verdict.details["end"]
    assert isinstance(start, int)
    assert isinstance(end, int)
    assert verdict.answer is not None
    assert output[start:end].strip() == verdict.answer
